"""Handlers for processes, which must stand in a module that a child can import."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any

from gofastr_queue import Bury, Context, Job, Retry, Snooze


class HostileError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


def note(job: Job) -> None:
    """Leave a file for each job, which holds the pid."""
    Path(job.payload, job.id).write_text(str(os.getpid()))


async def note_async(job: Job) -> None:
    await asyncio.sleep(0.01)
    note(job)


def show(job: Job, context: Context) -> None:
    assert context.claim.job is job
    Path(job.payload["path"]).write_text(f"{job!r}\n{context.claim!r}")


def spin(job: Job) -> None:
    _begin(job)
    while True:
        pass


def hold_the_lock(job: Job) -> None:
    """Never let another thread run: a regular expression gone wrong is one call of C code."""
    _begin(job)
    re.match(r"(a+)+$", "a" * 64 + "b")


def sleep(job: Job) -> None:
    _begin(job)
    try:
        time.sleep(job.payload["seconds"])
    finally:
        Path(job.payload["path"] + ".ended").touch()
    Path(job.payload["path"] + ".done").touch()


def ignore_sigterm(job: Job) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    spin(job)


def swallow(job: Job) -> None:
    _begin(job)
    with contextlib.suppress(BaseException):
        time.sleep(600)


def start_another(job: Job) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(job.payload["path"]).write_text(str(other.pid))
    time.sleep(600)


def die(job: Job) -> None:
    if job.attempts > 1:
        return
    if job.payload < 0:
        os.kill(os.getpid(), -job.payload)
    os._exit(job.payload)


def leave_a_child(job: Job) -> None:
    """Die, but leave somebody who holds the pipe open."""
    if job.attempts == 1 and os.fork() == 0:
        time.sleep(3)
        os._exit(0)
    if job.attempts == 1:
        os._exit(4)


def fail(job: Job) -> None:
    if job.attempts > 1:
        return
    raise {
        "ValueError": ValueError("text of the error"),
        "HostileError": HostileError(),
        "SystemExit": SystemExit(3),
        "KeyboardInterrupt": KeyboardInterrupt(),
        "ExceptionGroup": ExceptionGroup("many", [ValueError("one")]),
    }[job.payload]


def decide(job: Job) -> None:
    if job.payload == "bury":
        raise Bury("never again")
    if job.payload == "retry" and job.attempts == 1:
        raise Retry(after=timedelta(seconds=0.3), reason="not yet")


def snooze_once(job: Job) -> None:
    mark = Path(job.payload)
    if not mark.exists():
        mark.touch()
        raise Snooze(timedelta(seconds=0.1))


def use_context(job: Job, context: Context) -> None:
    context.progress(7, 10)
    extended = context.extend(timedelta(seconds=1000))
    Path(job.payload["path"]).write_text(f"{extended} {context.cancelled}")
    time.sleep(job.payload["seconds"])


def talk(job: Job) -> None:
    print("printed by the handler", job.id)  # noqa: T201 - the point
    Path(job.payload).write_text(repr(sys.stdin.read()))


def traced(function: Callable[[Job], Any]) -> Callable[[Job], Any]:
    @wraps(function)
    def call(job: Job) -> Any:
        return function(job)

    return call


covered = traced(note)  # has the name of note, which stands for something else


class Methods:
    @staticmethod
    def static(job: Job) -> None:
        note(job)

    def bound(self, job: Job) -> None:
        note(job)

    def __call__(self, job: Job) -> None:
        note(job)


def _begin(job: Job) -> None:
    Path(job.payload["path"]).write_text(str(os.getpid()))
