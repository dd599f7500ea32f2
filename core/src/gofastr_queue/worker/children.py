"""The worker's side of process mode: child interpreters, each with one job at a time.

A child is started when a slot needs one and none is free, and kept for further jobs.  The slot's
thread waits for it; whoever tells the handler to stop ends the process.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import IO, Any

from attrs import define

from gofastr_queue.failures import failure
from gofastr_queue.job import Claim
from gofastr_queue.outcomes import Ending, How
from gofastr_queue.places import Place
from gofastr_queue.worker import crossing
from gofastr_queue.worker.keeper import STOPPED, TIMED_OUT, Held

log = logging.getLogger("gofastr_queue.worker")

START_SECONDS = 60.0
"""What a child has to start and import a handler, before the handler's own time begins."""

STOP_SECONDS = 0.5
"""What a child has to leave after SIGTERM, or without work; then it is killed."""

TICK = 0.1
"""Seconds between two looks whether a silent child lives: its children may hold the pipe open."""

Extend = Callable[[Claim, timedelta | None], bool]

_BOOT = (
    "import json, sys; "
    "first = open(0, 'rb', buffering=0, closefd=False).readline(); "
    "sys.path[:], sys.argv[:] = json.loads(first); "
    "from gofastr_queue.worker.child import main; main()"
)
"""The first line of the pipe says where modules are and how the program was called; nothing behind
it is read, and nothing of it can be seen in a list of processes.
"""


@define(eq=False)
class Task:
    """One job for a child, and whether its handler was reached."""

    held: Held
    place: Place
    timeout: timedelta | None
    extend: Extend
    started: bool = False


class Child:
    """One process."""

    def __init__(self) -> None:
        self.fresh = True
        self._inbox: queue.SimpleQueue[list[Any] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._saying = threading.Lock()
        self._task: Task | None = None
        self._told_to_end = False
        paths = [path for path in sys.path if isinstance(path, str)]
        # A session of its own: Ctrl-C in a terminal reaches the worker alone, and what the
        # handler starts can be ended with it.
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, our code
            [sys.executable, "-P", "-c", _BOOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        assert self._process.stdout is not None  # noqa: S101 - as well
        self._orders: IO[bytes] = self._process.stdin
        threading.Thread(
            target=self._listen,
            args=(self._process.stdout,),
            name=f"gofastr-queue-child-{self._process.pid}",
            daemon=True,
        ).start()
        with contextlib.suppress(OSError):  # it has died already, as its first job will find
            self._say(json.dumps([paths, sys.argv]))

    @property
    def fit(self) -> bool:
        """Whether it can be given a job."""
        return not self._told_to_end and self._process.poll() is None

    def serve(self, task: Task) -> Ending | None:
        """Run a job; None if the process did not live to tell how it ended."""
        held = task.held
        assert held.context is not None  # noqa: S101 - the runner has made it
        order = crossing.order(task.place, held.claim)
        held.stop_at = time.monotonic() + START_SECONDS
        with self._lock:
            self._task = task
        held.context.on_cancel(lambda: self._end(task))
        try:
            self._say(order)
            return self._answer(task)
        except (OSError, ValueError):  # it has died, or the worker has hung up
            return None
        finally:
            self.fresh = False
            with self._lock:
                self._task = None

    def kill(self) -> None:
        """End it now, with what it has started."""
        self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))

    def hang_up(self) -> None:
        """Ask it to leave once it has nothing to do."""
        with self._saying, contextlib.suppress(OSError):
            self._orders.close()

    def gone(self, seconds: float) -> int:
        """Return the exit code of a process that is about to end; kill it after ``seconds``."""
        try:
            return self._process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()

    def _answer(self, task: Task) -> Ending | None:
        while True:
            try:
                message = self._inbox.get(timeout=TICK)
            except queue.Empty:
                if self._process.poll() is None:
                    continue
                message = None
            if message is None:
                return None
            if message[0] == "ended":
                _, how, seconds, error = message
                delay = None if seconds is None else timedelta(seconds=seconds)
                return Ending(How(how), delay, error)
            task.started = True
            limit = float("inf") if task.timeout is None else task.timeout.total_seconds()
            task.held.stop_at = time.monotonic() + limit

    def _end(self, task: Task) -> None:
        """End the process if it still runs this job; never waits."""
        with self._lock:
            if self._task is not task or self._told_to_end:
                return
            self._told_to_end = True
        self._signal(signal.SIGTERM)
        killer = threading.Timer(STOP_SECONDS, self.kill)
        killer.daemon = True
        killer.start()

    def _signal(self, number: int) -> None:
        if self._process.poll() is not None:
            return
        with contextlib.suppress(OSError):  # it has ended just now
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, number)
            else:
                self._process.terminate()

    def _say(self, line: str) -> None:
        with self._saying:
            self._orders.write(line.encode() + b"\n")
            self._orders.flush()

    def _listen(self, answers: IO[bytes]) -> None:
        try:
            with answers:
                for line in answers:
                    self._hear(json.loads(line))
        except Exception:
            log.exception("child process %d said what nobody understands", self._process.pid)
            self.kill()
        finally:
            self._inbox.put(None)

    def _hear(self, message: list[Any]) -> None:
        """Do here what may take long, so that the slot's thread only ever waits for the end."""
        with self._lock:
            task = self._task
        if message[0] == "progress":
            _, token, done, total = message
            if task is not None and task.held.claim.token == token and task.held.context:
                task.held.context.progress(done, total)
        elif message[0] == "extend":
            _, token, number, seconds = message
            answer = _extended(task, token, seconds)
            with contextlib.suppress(OSError, ValueError):  # it has ended, or was hung up
                self._say(json.dumps([number, answer]))
        else:
            self._inbox.put(message)


class Children:
    """The children of one worker: at most one for each slot that runs a job in a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: list[Child] = []
        self._all: set[Child] = set()
        self._closed = False

    def run(self, task: Task) -> Ending | None:
        """Run a job in a child; None if it has not begun before the worker ends.

        Raises ``OSError`` if no process could be started.
        """
        while (child := self._take()) is not None:
            fresh = child.fresh
            end = child.serve(task)
            if end is not None and child.fit:
                self._put(child)
                return end
            child.hang_up()
            code = child.gone(2 * STOP_SECONDS)
            with self._lock:
                self._all.discard(child)
            if end is not None:
                return end
            if task.held.why == STOPPED and not task.started:
                return None
            if fresh or task.started or task.held.why:
                return _ended(task, code)
        return None

    def close(self) -> None:
        """End every child, and start no more."""
        with self._lock:
            self._closed = True
            children, free = set(self._all), set(self._free)
        for child in children - free:
            child.kill()
        for child in children:
            child.hang_up()
        deadline = time.monotonic() + STOP_SECONDS
        for child in children:
            child.gone(deadline - time.monotonic())

    def _take(self) -> Child | None:
        with self._lock:
            if self._closed:
                return None
            while self._free:
                child = self._free.pop()
                if child.fit:
                    return child
                child.hang_up()
                self._all.discard(child)
        child = Child()
        if not self._add(child):
            child.kill()
        return child

    def _add(self, child: Child) -> bool:
        """Remember a child; False if none is wanted any more."""
        with self._lock:
            self._all.add(child)
            return not self._closed

    def _put(self, child: Child) -> None:
        with self._lock:
            self._free.append(child)


def died(code: int) -> str:
    """Say how a process ended."""
    if code >= 0:
        return f"ended with exit code {code}"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"


def _extended(task: Task | None, token: str, seconds: float | None) -> bool | str:
    if task is None or task.held.claim.token != token:
        return False
    try:
        return task.extend(task.held.claim, None if seconds is None else timedelta(seconds=seconds))
    except Exception as error:  # noqa: BLE001 - for the handler to judge
        return f"{type(error).__name__}: {error}"


def _ended(task: Task, code: int) -> Ending:
    """Say how an attempt ended whose process did not."""
    why = task.held.why
    if not why:
        return _failed("ProcessDied", f"the handler's process {died(code)}")
    if why == STOPPED:  # no fault of the job's: it goes back to its place at once
        return _failed("WorkerStopped", f"{why}: its process was ended", timedelta(0))
    if why != TIMED_OUT:
        return _failed("LeaseLost", f"{why}; the handler's process was ended")
    if task.started:
        return _failed("TimeoutError", "the handler ran over its timeout; its process was ended")
    return _failed(
        "TimeoutError",
        f"module {task.place.module!r} was not imported within {START_SECONDS:.0f} s; "
        "the process was ended",
    )


def _failed(kind: str, message: str, delay: timedelta | None = None) -> Ending:
    return Ending(How.FAILED, delay, failure(kind, message))
