"""Running a queue's jobs with a built-in worker."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import FrameType
from typing import Any, TypeVar

from gofastr_queue import limits
from gofastr_queue.capabilities import Capability
from gofastr_queue.errors import InvalidOption, QueueError
from gofastr_queue.queue.opened import Opened
from gofastr_queue.records import EVERYTHING, Want
from gofastr_queue.retry import Backoff
from gofastr_queue.worker import Engine, Options

Function = TypeVar("Function", bound=Callable[..., Any])
Span = timedelta | float

JOIN_SECONDS = 0.01
"""Between two looks of ``join``; never less than a look took, to leave the store its peace."""

SIGNAL_SECONDS = 0.1
"""How late ``run`` may notice a signal."""


class Working(Opened):
    """Handlers, and the worker that runs them."""

    _engine: Engine | None = None

    def register_handler(
        self,
        type: str,
        fn: Callable[..., Any],
        *,
        max_attempts: int | None = None,
        backoff: Backoff | None = None,
        timeout: Span | None = None,
        process: bool = False,
    ) -> None:
        """Run ``fn`` for jobs of ``type``; safe while workers run.

        Its parameters are filled by annotation: ``Job`` (also without one) and ``Context``.
        Returning acks; raising nacks; ``Retry``, ``Bury`` and ``Snooze`` say more.  The options
        go before the queue's and the job's own.  With ``process`` it runs in a child process,
        which is ended when its time is over; the child imports it by name, so it stands at the
        top of a module.  Raises ``InvalidOption`` for a function whose parameters cannot be
        filled, or that a process cannot import.
        """
        self._hooks()
        self._handlers.register(
            type,
            fn,
            max_attempts=max_attempts,
            backoff=backoff,
            timeout=None if timeout is None else limits.span("timeout", timeout),
            process=process,
        )

    def handler(
        self,
        type: str,
        *,
        max_attempts: int | None = None,
        backoff: Backoff | None = None,
        timeout: Span | None = None,
        process: bool = False,
    ) -> Callable[[Function], Function]:
        """Decorate a function to run for jobs of ``type``; see ``register_handler``."""

        def register(fn: Function) -> Function:
            self.register_handler(
                type,
                fn,
                max_attempts=max_attempts,
                backoff=backoff,
                timeout=timeout,
                process=process,
            )
            return fn

        return register

    def start(
        self,
        workers: int = 4,
        *,
        lanes: Mapping[str, int] | None = None,
        concurrency: int = 100,
        unregistered: str = "drop",
        handler_timeout: Span | None = None,
        gate: Callable[[str], bool] | None = None,
        poll: Span = timedelta(seconds=1),
        reclaim_interval: Span | None = None,
        grace: Span = timedelta(seconds=30),
    ) -> None:
        """Start running jobs in the background; signals are not touched.

        ``workers`` threads run plain handlers, ``lanes`` adds threads reserved for a lane, and
        one event loop runs up to ``concurrency`` ``async def`` handlers.  Types without a handler
        are acked with a warning (``unregistered="drop"``) or never claimed (``"leave"``).
        ``gate(type)`` holds a type back while it returns False.  ``poll`` is how often an idle
        worker looks although nothing woke it, ``reclaim_interval`` how often expired leases are
        taken back (default: 30 s or the lease), ``grace`` how long ``run`` waits for handlers at
        its end.  A handler with ``process`` occupies a thread while its process runs.  Spans are
        timedeltas or seconds.  Raises ``InvalidOption``.
        """
        self._hooks()
        options = Options(
            workers=workers,
            lanes=dict(lanes or {}),
            concurrency=concurrency,
            unregistered=unregistered,
            handler_timeout=None
            if handler_timeout is None
            else limits.span("handler_timeout", handler_timeout),
            gate=gate,
            poll=limits.span("poll", poll),
            reclaim_interval=self._reclaimer.interval
            if reclaim_interval is None
            else limits.span("reclaim_interval", reclaim_interval),
            grace=limits.span("grace", grace, zero=True),
        )
        with self._closing:
            self._hooks()
            if self._engine is not None:
                raise InvalidOption(
                    "this queue's worker runs already; open another queue for a second"
                )
            engine = Engine(self._consumer, self._handlers, self._backoff, options)
            try:
                engine.start()
            except BaseException:
                engine.stop(timedelta(0))
                raise
            self._engine = engine
            self._grace = options.grace

    def run(self, workers: int = 4, **options: Any) -> None:
        """Run jobs until SIGTERM, SIGINT or ``close``; stop within ``grace`` and close the queue.

        Takes what ``start`` takes.  Call it from the main thread: signal handlers live there.
        """
        if threading.current_thread() is not threading.main_thread():
            raise InvalidOption("run must be called from the main thread; use start elsewhere")
        signals: list[int] = []

        def stop(number: int, _frame: FrameType | None) -> None:
            signals.append(number)  # an Event may be locked by the thread that this interrupts

        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            self.start(workers, **options)
            while not signals and not self._closed:
                time.sleep(SIGNAL_SECONDS)
            self.close(self._grace)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def join(self, timeout: Span | None = None) -> bool:
        """Wait until no job is ready or claimed; False if ``timeout`` passed first.

        Jobs that are not due do not count.  Needs a backend that can BROWSE.
        """
        self._hooks()
        self._calls.require("join", Capability.BROWSE)
        limit = None if timeout is None else limits.span("timeout", timeout, zero=True)
        return self._until(lambda: self._quiet(EVERYTHING), limit)

    def close(self, timeout: Span = timedelta(seconds=30)) -> None:
        """Stop claiming, give back what has not started, wait for what runs; repeatable.

        A started queue whose store is not durable first works off what is ready.  After
        ``timeout`` running handlers are told to stop and left to their leases; those in a process
        are ended, and their jobs nacked.
        """
        limit = limits.span("timeout", timeout, zero=True)
        deadline = time.monotonic() + limit.total_seconds()
        if self._engine is not None and self._engine.runs_here():
            raise InvalidOption("a handler cannot close its own queue: close waits for handlers")
        if not self._closing.acquire(timeout=limit.total_seconds()):
            return  # another close is at it
        try:
            if self._closed:
                return
            if self._engine is not None:
                self._work_off(self._engine, limit)
                self._engine.stop(timedelta(seconds=max(deadline - time.monotonic(), 0)))
            self._closed = True
            self._reclaimer.stop()
            self._calls.hooks.queue_close()
        finally:
            self._closing.release()

    def _work_off(self, engine: Engine, limit: timedelta) -> None:
        """Let a worker finish what would be lost with its process."""
        if self.capabilities & {Capability.DURABLE, Capability.MULTI_PROCESS}:
            return
        with contextlib.suppress(QueueError):  # a store that is away has nothing to work off
            self._until(lambda: self._worked_off(engine), limit)

    def _until(self, quiet: Callable[[], bool], limit: timedelta | None) -> bool:
        deadline = None if limit is None else time.monotonic() + limit.total_seconds()
        while True:
            begin = time.monotonic()
            if quiet():
                return True
            now = time.monotonic()
            if deadline is not None and now >= deadline:
                return False
            time.sleep(max(JOIN_SECONDS, now - begin))

    def _quiet(self, want: Want) -> bool:
        """Tell whether no wanted job is ready and none is claimed.

        Asked twice: a job may move between the two looks, but not there and back in its order.
        """
        return (
            not self._ready(want)
            and not any(count.status == "claimed" for count in self._hooks().queue_stats())
            and not self._ready(want)
        )

    def _worked_off(self, engine: Engine) -> bool:
        want = engine.want()
        return engine.idle() and (want is None or not self._ready(want)) and engine.idle()

    def _ready(self, want: Want) -> bool:
        return self._consumer.claim(want, 0).next_due == timedelta(0)
