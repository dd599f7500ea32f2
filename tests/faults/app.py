"""What worker processes run: ``gofastr-queue work tests.faults.app:queue``, told by environment.

Every handler writes its effects. A payload is a list of seconds, one for each attempt, the last for
all that follow. Types: ``work`` sleeps for them, ``patient`` as well but fails once it is told to
stop, ``flaky`` asks to be retried after them and is done the second time, ``kill`` kills its
process, ``exit`` raises SystemExit, ``hostile`` raises what cannot be shown.
"""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from attrs import asdict, frozen
from tests.faults.effects import BEGAN, CANCELLED, DONE, Effects
from tests.faults.recorder import Recorder

from gofastr_queue import Context, Job, Queue, Retry

TARGET = "tests.faults.app:queue"
PREFIX = "FAULTS_"

LOOK_SECONDS = 0.01
"""How often a patient handler looks whether it is told to stop."""


@frozen
class Given:
    """What a worker process is told: the store, the folder to write to, the lease in seconds.

    Without a folder nothing is written.
    """

    url: str
    folder: str
    lease: str

    def environment(self) -> dict[str, str]:
        """Return it as a process's environment."""
        return {PREFIX + name.upper(): value for name, value in asdict(self).items()}

    @classmethod
    def read(cls) -> Given:
        """Read this process's environment."""
        return cls(*(os.environ[PREFIX + name] for name in ("URL", "FOLDER", "LEASE")))


class HostileError(Exception):
    """Cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class ToldToStopError(Exception):
    """Its lease is lost."""


def queue() -> Queue:
    """Open the queue and register the handlers."""
    given = Given.read()
    folder = Path(given.folder) if given.folder else None
    effects = Effects(folder)
    plugins = [] if folder is None else [Recorder(folder)]
    queue = Queue.open(given.url, lease=timedelta(seconds=float(given.lease)), plugins=plugins)

    @queue.handler("work")
    def work(job: Job, context: Context) -> None:
        effects.write(BEGAN, context.claim)
        time.sleep(_seconds(job))
        effects.write(DONE, context.claim)

    @queue.handler("patient")
    def patient(job: Job, context: Context) -> None:
        effects.write(BEGAN, context.claim)
        until = time.monotonic() + _seconds(job)
        while time.monotonic() < until:
            if context.cancelled:
                effects.write(CANCELLED, context.claim)
                raise ToldToStopError
            time.sleep(LOOK_SECONDS)
        effects.write(DONE, context.claim)

    @queue.handler("flaky")
    def flaky(job: Job, context: Context) -> None:
        effects.write(BEGAN, context.claim)
        if job.attempts == 1:
            raise Retry(after=timedelta(seconds=_seconds(job)))
        effects.write(DONE, context.claim)

    @queue.handler("kill")
    def kill(context: Context) -> None:
        effects.write(BEGAN, context.claim)
        os.kill(os.getpid(), signal.SIGKILL)

    @queue.handler("exit")
    def leave(context: Context) -> NoReturn:
        effects.write(BEGAN, context.claim)
        raise SystemExit(3)

    @queue.handler("hostile")
    def hostile(context: Context) -> NoReturn:
        effects.write(BEGAN, context.claim)
        raise HostileError

    return queue


def _seconds(job: Job) -> float:
    seconds: list[float] = job.payload
    return seconds[min(job.attempts, len(seconds)) - 1]
