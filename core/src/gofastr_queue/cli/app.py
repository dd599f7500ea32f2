"""The root command and its parts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import cast

import click

from gofastr_queue.cli.plugged import PluggedCommands

PLACES = {
    "backends": "installed:backends",
    "cancel": "repairing:cancel",
    "demo": "demo.command:demo",
    "doctor": "diagnosing:doctor",
    "enqueue": "enqueueing:enqueue",
    "jobs": "jobs:jobs",
    "purge": "repairing:purge",
    "replay": "repairing:replay",
    "schedules": "schedules:schedules",
    "schema": "preparing:schema",
    "stats": "jobs:stats",
    "work": "working:work",
}
"""Command -> the module of this package that it stands in, and its name there."""


class App(PluggedCommands):
    """Imports a command when it is called or told about: a worker needs no tables to be drawn."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every name; nothing is imported."""
        return sorted({*PLACES, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported if it is one of ours."""
        if cmd_name not in PLACES:
            return super().get_command(ctx, cmd_name)
        module, _, name = PLACES[cmd_name].partition(":")
        return cast(click.Command, getattr(import_module(f"{__package__}.{module}"), name))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant; click itself would suggest only what is imported."""
        if not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None:
            from difflib import get_close_matches  # noqa: PLC0415 - for slips of the hand alone

            alike = get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f" Did you mean {alike[0]!r}?" if alike else ""
            raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=App, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gofastr-queue")
def app() -> None:
    """Job queues on any store: put jobs in, work on them, put things right.

    Commands that need a store take --url or the environment's GOFASTR_QUEUE_URL.
    Durations are written 30s, 5m, 2h, 7d or 1h30m.

    Exit codes: 0 done, 1 could not be done, 2 wrong usage.
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    if isinstance(sys.stdout, TextIOWrapper):  # a name may hold what the terminal cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    return app.run(arguments)
