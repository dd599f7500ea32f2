"""The child's side of process mode: an interpreter that runs one job after another.

Orders come in lines from stdin, answers go in lines to stdout, and both are taken away from the
handlers before any runs.  When the pipe ends the worker is gone, and so is this process.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import signal
import sys
import threading
import time
from datetime import timedelta
from typing import IO, Any, NoReturn

from gofastr_queue.errors import BackendUnavailable
from gofastr_queue.failures import describe
from gofastr_queue.handlers import Context, Handler, Registry
from gofastr_queue.job import Claim
from gofastr_queue.outcomes import Ending, How, ending, no_coroutine
from gofastr_queue.places import Place, load
from gofastr_queue.worker import crossing

PROGRESS_SECONDS = 0.1
"""Progress is told at most so often: the worker only logs it."""

LEAVE_SECONDS = 1.0
"""What the main thread has to leave by itself once the pipe has ended."""


class _Ended(SystemExit):
    """SIGTERM, as something that lets a handler clean up and that asyncio lets through."""


class _Context(Context):
    """A context whose worker is at the other end of the pipe."""

    __slots__ = ("_line", "_told_at")

    def __init__(self, claim: Claim, line: Line) -> None:
        super().__init__(claim, line.extend)
        self._line = line
        self._told_at = 0.0

    def progress(self, done: float, total: float | None = None) -> None:
        super().progress(done, total)
        now = time.monotonic()
        if now - self._told_at >= PROGRESS_SECONDS:
            self._told_at = now
            self._line.say("progress", self.claim.token, done, total)


class Line:
    """The pipe, listened to from a thread."""

    def __init__(self, orders: IO[bytes], answers: int) -> None:
        self.orders: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._incoming = orders
        self._outgoing = answers
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._asked: dict[int, queue.SimpleQueue[bool | str]] = {}
        threading.Thread(target=self._listen, name="gofastr-queue-pipe", daemon=True).start()

    def say(self, *words: Any) -> None:
        """Tell the worker something."""
        line = memoryview(json.dumps(words, default=str).encode() + b"\n")
        with self._lock:
            while line:
                line = line[os.write(self._outgoing, line) :]

    def extend(self, claim: Claim, lease: timedelta | None) -> bool:
        """Ask the worker to lease a claim anew."""
        number = next(self._numbers)
        answer = self._asked[number] = queue.SimpleQueue()
        self.say("extend", claim.token, number, None if lease is None else lease.total_seconds())
        told = answer.get()
        if isinstance(told, str):
            raise BackendUnavailable(told)
        return told

    def _listen(self) -> None:
        for line in self._incoming:
            if line.startswith(b"["):  # orders are objects
                number, told = json.loads(line)
                self._asked.pop(number).put(told)
            else:
                self.orders.put(line)
        self.orders.put(None)
        time.sleep(LEAVE_SECONDS)
        os._exit(1)


class Child:
    """Runs what is ordered, in the main thread."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._handlers: dict[Place, Handler] = {}
        self._ended = False
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the worker to judge
        signal.signal(signal.SIGTERM, self._end)

    def run(self) -> None:
        """Run one job after another until the pipe ends, or SIGTERM."""
        try:
            while not self._ended and (order := self._line.orders.get()) is not None:
                self._serve(*crossing.read(order))
        except _Ended:
            self._ended = True
        if self._ended:
            _die()

    def _serve(self, place: Place, claim: Claim) -> None:
        error: BaseException | None = None
        try:
            handler = self._handler(place, claim.job.type)
            if handler.is_async:
                import asyncio  # noqa: PLC0415 - few handlers need it, and it is slow to import
            self._line.say("started")
            result = handler.call(claim.job, _Context(claim, self._line))
            if handler.is_async:
                asyncio.run(result)
            else:
                no_coroutine(handler, result)
        except BaseException as raised:  # noqa: BLE001 - SystemExit too is only a failed attempt
            error = raised
        if not self._ended:  # else the worker has given up on this job, whatever came of it
            end = _ending(error)
            delay = None if end.delay is None else end.delay.total_seconds()
            self._line.say("ended", end.how, delay, end.error)

    def _handler(self, place: Place, type: str) -> Handler:
        if place not in self._handlers:
            self._handlers[place] = Registry().register(type, load(place))
        return self._handlers[place]

    def _end(self, *_: object) -> NoReturn:
        self._ended = True
        raise _Ended


def main() -> None:
    """Be a child of a worker's process."""
    _die_with_parent()
    Child(Line(*_take_pipes())).run()


def _take_pipes() -> tuple[IO[bytes], int]:
    """Take the pipe away from stdin and stdout; what handlers print goes to stderr."""
    orders, answers = os.fdopen(os.dup(0), "rb"), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # the worker has closed its stderr
        os.dup2(nothing, 1)
    os.close(nothing)
    if sys.stdout is not None:
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] # the real one
    return orders, answers


def _die_with_parent() -> None:
    """Have the kernel end this process with its parent, also when no thread of it can run.

    A handler that holds the interpreter's lock would not see the pipe end.
    """
    if sys.platform == "linux":
        with contextlib.suppress(Exception):
            import ctypes  # noqa: PLC0415 - only children need it

            set_parent_death_signal = 1
            ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def _die() -> None:
    """End as SIGTERM ends a process, so that the worker can tell."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


def _ending(error: BaseException | None) -> Ending:
    """Say how a handler ended, also when its exception's class is broken."""
    try:
        return ending(error)
    except BaseException as broken:  # noqa: BLE001 - a user's class may raise anything
        return Ending(How.FAILED, None, describe(broken))
