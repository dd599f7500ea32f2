"""The root command and its parts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import TextIOWrapper

import click

from gofastr_queue.cli.demo import demo
from gofastr_queue.cli.diagnosing import doctor
from gofastr_queue.cli.enqueueing import enqueue
from gofastr_queue.cli.installed import backends
from gofastr_queue.cli.jobs import jobs, stats
from gofastr_queue.cli.plugged import PluggedCommands
from gofastr_queue.cli.preparing import schema
from gofastr_queue.cli.repairing import cancel, purge, replay
from gofastr_queue.cli.schedules import schedules
from gofastr_queue.cli.working import work


@click.group(cls=PluggedCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gofastr-queue")
def app() -> None:
    """Job queues on any store: put jobs in, work on them, put things right.

    Commands that need a store take --url or the environment's GOFASTR_QUEUE_URL.
    Durations are written 30s, 5m, 2h, 7d or 1h30m.

    Exit codes: 0 done, 1 could not be done, 2 wrong usage.
    """


for command in (
    *(demo, work, enqueue, jobs, stats, schedules, replay, cancel, purge),
    *(schema, doctor, backends),
):
    app.add_command(command)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    if isinstance(sys.stdout, TextIOWrapper):  # a name may hold what the terminal cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    return app.run(arguments)
