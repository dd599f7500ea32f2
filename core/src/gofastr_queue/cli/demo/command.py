"""The command ``gofastr-queue demo``: starts workers, shows how far they are, and ends them."""

from __future__ import annotations

import os
import shlex
import sqlite3
from datetime import timedelta
from pathlib import Path

import click

from gofastr_queue.cli import output
from gofastr_queue.cli.commands import DONE, FAILED, Failed
from gofastr_queue.cli.demo.folder import Folder, library, sources
from gofastr_queue.cli.demo.screen import Screen
from gofastr_queue.cli.demo.show import Show, Stopped
from gofastr_queue.cli.demo.summary import panel, summarize
from gofastr_queue.cli.demo.tally import Tally
from gofastr_queue.cli.demo.worker import FOLDER_VARIABLE, TARGET, open_queue
from gofastr_queue.cli.options import as_json, duration
from gofastr_queue.cli.signals import stop_signals
from gofastr_queue.cli.supervisor import MARGIN, Supervisor
from gofastr_queue.cli.working import Work

GRACE = timedelta(seconds=10)
"""A worker finishes the file it reads; the largest takes far less."""


@click.command()
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo-work"),
    show_default=True,
    help="Where the demo keeps its queue and results.",
)
@click.option(
    "--source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Whose .py files to count; this Python's standard library if not given.",
)
@click.option(
    "--processes",
    type=click.IntRange(1),
    default=max(2, min(4, os.cpu_count() or 1)),
    show_default=True,
)
@click.option(
    "--lease",
    type=duration,
    default="10s",
    show_default=True,
    help="How long a killed worker's jobs wait until they run again.",
)
@click.option("--fresh", is_flag=True, help="Forget what earlier runs have done.")
@as_json
def demo(
    folder: Path,
    source: Path | None,
    processes: int,
    lease: timedelta,
    fresh: bool,
    json: bool,
) -> int:
    """See a durable queue at work: this Python's library, tokenized by worker processes."""
    place = Folder(folder)
    try:
        with place.locked():
            if fresh:
                place.clear()
            return _run(place, (source or library()).absolute(), processes, lease, json=json)
    except (OSError, sqlite3.Error) as error:
        raise Failed(
            f"{str(folder)!r} cannot be used: {error}; give another --folder, or --fresh"
        ) from error


def _run(folder: Folder, source: Path, processes: int, lease: timedelta, *, json: bool) -> int:
    files = sources(source)
    if not files:
        raise Failed(f"no .py file in {str(source)!r}; give another --source")
    screen = Screen(output.console(stderr=json))
    with (
        Tally(folder.results) as tally,
        open_queue(folder, lease) as queue,
        folder.log.open("ab") as log,
        stop_signals() as received,
    ):
        if (first := tally.begin(str(source), lease)) != str(source):
            raise click.UsageError(
                f"{str(folder.path)!r} holds a demo on {first!r}: add --fresh, or give "
                "another --folder"
            )
        supervisor = Supervisor(
            _command(),
            processes,
            screen.say,
            environment={FOLDER_VARIABLE: str(folder.path.absolute())},
            stderr=log,
        )
        show = Show(folder, source, files, queue, tally, supervisor, screen, received)
        done = _play(show)
        summary = summarize(tally, show.planned, show.began, show.before)
    if json:
        output.emit(summary)
    elif done:
        screen.draw(panel(summary))
    if done and summary.missing:
        raise Failed(f"{summary.missing} files were not counted, which must not happen")
    return DONE if done else FAILED


def _play(show: Show) -> bool:
    """Run the show; whatever ends it, end its processes; tell whether it came to its end."""
    if show.finished():
        show.screen.say("an earlier run has done everything; --fresh starts anew")
        return True
    with show.screen:
        try:
            show.run()
        except Stopped:
            show.screen.say("stopping: each worker finishes the file that it reads")
            return False
        finally:
            show.supervisor.stop(GRACE.total_seconds() + MARGIN)
            if show.received:
                show.screen.say(_how_to_go_on(show))
    return True


def _how_to_go_on(show: Show) -> str:
    counted = len(show.planned & show.tally.counted())
    command = ["gofastr-queue", "demo", "--folder", str(show.folder.path)]
    if show.source != library().absolute():
        command += ["--source", str(show.source)]
    return (
        f"stopped: {counted} of {len(show.planned)} files are counted and nothing is lost. "
        f"Go on with: {shlex.join(command)}"
    )


def _command() -> list[str]:
    """Return the command of one worker process: a thread, for the work is all computing."""
    return Work(
        target=TARGET,
        workers=1,
        lanes=(),
        concurrency=1,
        unregistered="leave",
        handler_timeout=None,
        poll=timedelta(seconds=1),
        reclaim_interval=timedelta(seconds=1),
        grace=GRACE,
        log_level="info",
    ).command()
