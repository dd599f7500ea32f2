"""The demo's application: what ``gofastr-queue work`` runs in each of its worker processes."""

from __future__ import annotations

import ast
import io
import os
import tokenize
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from gofastr_queue.cli.demo.folder import Folder
from gofastr_queue.cli.demo.tally import Tally
from gofastr_queue.job import Job
from gofastr_queue.queue import Queue
from gofastr_queue.retry import Backoff

TYPE = "count-tokens"

FOLDER_VARIABLE = "GOFASTR_QUEUE_DEMO_FOLDER"

BACKOFF = Backoff(timedelta(milliseconds=200), timedelta(seconds=1))

TARGET = f"{__name__}:application"


def open_queue(folder: Folder, lease: timedelta) -> Queue:
    """Open the demo's queue, as its producer and its workers do."""
    return Queue.open(folder.queue_url, lease=lease, backoff=BACKOFF)


def application() -> Queue:
    """Return the queue of a worker process, with its handler."""
    warnings.simplefilter("ignore")  # the sources' own, of which a library's tests are full
    folder = Folder(Path(os.environ[FOLDER_VARIABLE]))
    tally = Tally(folder.results)
    queue = open_queue(folder, tally.lease())
    queue.register_handler(TYPE, handler(folder, tally))
    return queue


def handler(folder: Folder, tally: Tally) -> Callable[[Job], None]:
    """Return the handler: it may run twice for a job, the file counts once."""
    source = tally.source()

    def count(job: Job) -> None:
        file: str = job.payload["file"]
        tally.started(file, job.attempts, ready_at(job), again=bool(job.errors))
        path = folder.locate(file, source)
        try:
            lines, tokens = measure(path)
        except Exception as error:
            if not tally.is_unreadable(file):
                raise
            lines = len(path.read_bytes().splitlines()) if path.exists() else 0
            tally.count(file, lines, 0, f"{type(error).__name__}: {error}")
        else:
            tally.count(file, lines, tokens)

    return count


def ready_at(job: Job) -> float:
    """Return since when a job could have been started.

    Enqueued, due, or taken back from a failed attempt or a dead worker, whichever came last.
    """
    moments = [job.created_at, job.scheduled_at, *(error.at for error in job.errors[-1:])]
    return max(moment.timestamp() for moment in moments if moment is not None)


def measure(path: Path) -> tuple[int, int]:
    """Return a source file's lines and tokens; raise if it is no valid source."""
    source = path.read_bytes()
    tokens = sum(1 for _ in tokenize.tokenize(io.BytesIO(source).readline))
    ast.parse(source, path.name)
    return len(source.splitlines()), tokens
