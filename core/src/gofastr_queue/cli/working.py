"""The command that runs a queue's worker, in one process or several."""

from __future__ import annotations

import importlib
import logging
import re
import sys
import time
import traceback
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from attrs import frozen

from gofastr_queue.capabilities import Capability
from gofastr_queue.cli import logs
from gofastr_queue.cli.commands import DONE, FAILED, USAGE, Failed, without_passwords
from gofastr_queue.cli.lifeline import Lifeline
from gofastr_queue.cli.options import duration, lane_workers
from gofastr_queue.cli.signals import stop_signals
from gofastr_queue.cli.supervisor import MARGIN, TICK, Supervisor
from gofastr_queue.errors import QueueError
from gofastr_queue.queue import Queue

log = logging.getLogger("gofastr_queue.work")

_NAMES = re.compile(r"\w+(\.\w+)*")


@frozen
class Work:
    """What one process shall do."""

    target: str
    workers: int
    lanes: tuple[tuple[str, int], ...]
    concurrency: int
    unregistered: str
    handler_timeout: timedelta | None
    poll: timedelta
    reclaim_interval: timedelta | None
    grace: timedelta
    log_level: str

    def keywords(self) -> dict[str, Any]:
        """Return what ``Queue.run`` is told."""
        return {
            "workers": self.workers,
            "lanes": dict(self.lanes),
            "concurrency": self.concurrency,
            "unregistered": self.unregistered,
            "handler_timeout": self.handler_timeout,
            "poll": self.poll,
            "reclaim_interval": self.reclaim_interval,
            "grace": self.grace,
        }

    def command(self) -> list[str]:
        """Return the command line of one supervised process."""
        options = [
            f"--workers={self.workers}",
            *(f"--lane={lane}={number}" for lane, number in self.lanes),
            f"--concurrency={self.concurrency}",
            f"--unregistered={self.unregistered}",
            f"--poll={_written(self.poll)}",
            f"--grace={_written(self.grace)}",
            f"--log-level={self.log_level}",
        ]
        if self.handler_timeout is not None:
            options.append(f"--handler-timeout={_written(self.handler_timeout)}")
        if self.reclaim_interval is not None:
            options.append(f"--reclaim-interval={_written(self.reclaim_interval)}")
        command = [sys.executable, "-m", "gofastr_queue", "work", "--supervised", *options]
        return [*command, "--", self.target]


@click.command()
@click.argument("target", metavar="APP:QUEUE")
@click.option("--processes", type=click.IntRange(1), default=1, show_default=True)
@click.option(
    "--workers", type=click.IntRange(0), default=4, show_default=True, help="Threads a process."
)
@click.option(
    "--lane",
    "lanes",
    type=lane_workers,
    metavar="LANE=N",
    multiple=True,
    help="Threads on top for one lane.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="async def handlers at a time, a process.",
)
@click.option(
    "--unregistered",
    type=click.Choice(["drop", "leave"]),
    default="drop",
    show_default=True,
    help="Ack jobs without a handler, or never claim them.",
)
@click.option("--handler-timeout", type=duration, help="How long a handler may run.")
@click.option(
    "--poll",
    type=duration,
    default="1s",
    show_default=True,
    help="How often an idle worker looks although nothing woke it.",
)
@click.option("--reclaim-interval", type=duration, help="How often expired leases are taken back.")
@click.option(
    "--grace",
    type=duration,
    default="30s",
    show_default=True,
    help="How long running handlers may go on after SIGTERM.",
)
@click.option("--log-level", type=click.Choice(logs.LEVELS), default="info", show_default=True)
@click.option("--supervised", is_flag=True, hidden=True)
def work(processes: int, supervised: bool, **options: Any) -> int:
    """Work on the jobs of QUEUE in the module APP, until SIGTERM or SIGINT.

    QUEUE is a gofastr_queue.Queue or a function that returns one.  With several processes each
    is a fresh interpreter; one that dies is replaced.
    """
    asked = Work(**options)
    if processes > 1:
        logs.to_stderr(asked.log_level)
        return _supervise(asked, processes)
    lifeline = Lifeline() if supervised else None
    queue = load(asked.target)
    logs.to_stderr(asked.log_level)
    if lifeline is not None:
        _require_shared(queue)
        lifeline.queue = queue
    queue.run(**asked.keywords())
    return DONE


def _supervise(asked: Work, processes: int) -> int:
    supervisor = Supervisor(asked.command(), processes, log.warning)
    with stop_signals() as received:
        try:
            while not received and not supervisor.refused:
                supervisor.tend()
                time.sleep(TICK)
        finally:
            well = supervisor.stop(asked.grace.total_seconds() + MARGIN)
    if supervisor.refused:
        return USAGE
    return DONE if well else FAILED


def load(target: str) -> Queue:
    """Import the queue that ``app:queue`` names."""
    module, _, path = target.partition(":")
    if not _NAMES.fullmatch(module) or not _NAMES.fullmatch(path):
        raise click.UsageError(f"{target!r} names no queue; write module:queue, as in app:queue")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        value = _find(importlib.import_module(module), path)
        if not isinstance(value, Queue) and callable(value):
            value = value()
    except (QueueError, click.ClickException):
        raise
    except Exception as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing and f"{module}.".startswith(f"{missing}."):
            raise click.UsageError(f"no module {module!r} in {folder!r} or installed") from error
        raise _broken(target, error) from error
    if not isinstance(value, Queue):
        raise click.UsageError(
            f"{target!r} is a {type(value).__name__}; it must be a gofastr_queue.Queue "
            "or a function without arguments that returns one"
        )
    return value


def _find(module: ModuleType, path: str) -> Any:
    value: Any = module
    for name in path.split("."):
        if not hasattr(value, name):
            raise click.UsageError(f"module {module.__name__!r} has no {path!r}")
        value = getattr(value, name)
    return value


def _broken(target: str, error: Exception) -> Failed:
    """Show where an application failed, which is for its author to read."""
    click.echo(without_passwords("".join(traceback.format_exception(error))), err=True)
    return Failed(f"cannot import {target!r}: {type(error).__name__}: {error}")


def _require_shared(queue: Queue) -> None:
    if Capability.MULTI_PROCESS not in queue.capabilities:
        raise click.UsageError(
            f"{queue!r} is not shared by processes: use --processes 1 or another store"
        )


def _written(span: timedelta) -> str:
    return f"{span.total_seconds():.6f}s"
