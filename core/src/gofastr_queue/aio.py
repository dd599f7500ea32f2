"""The same queue, awaited."""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import Callable, Collection, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from gofastr_queue import limits
from gofastr_queue.errors import NoJob, QueueClosed, QueueError
from gofastr_queue.job import Claim
from gofastr_queue.queue import Queue

log = logging.getLogger("gofastr_queue")

JOIN_SECONDS = 0.02
"""Between two looks of ``join``."""

P = ParamSpec("P")
R = TypeVar("R")


def _awaited(
    method: Callable[Concatenate[Queue, P], R],
) -> Callable[Concatenate[AsyncQueue, P], Coroutine[Any, Any, R]]:
    """Turn a verb of ``Queue`` into one that runs in a thread and is awaited."""

    @functools.wraps(method)
    async def call(self: AsyncQueue, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.wrap_future(self._submit(method, self.queue, *args, **kwargs))

    return call


class AsyncQueue:
    """A ``Queue`` whose verbs are awaited; they run in threads of its own.

    What is cancelled while it runs still takes effect in its thread, so an enqueue may have
    stored its job; claims that nobody received are given back.  Handlers and workers are those of
    the queue: plain handlers run in threads, ``async def`` ones on the worker's event loop.
    """

    def __init__(self, queue: Queue, *, threads: int = 8) -> None:
        """Use ``queue``; at most ``threads`` verbs run at a time."""
        self.queue = queue
        self._threads = ThreadPoolExecutor(
            limits.count("threads", threads), thread_name_prefix="gofastr-queue-aio"
        )
        self.register_handler = queue.register_handler
        self.handler = queue.handler

    @classmethod
    async def open(cls, url: str, *, threads: int = 8, **options: Any) -> Self:
        """Open the queue that ``url`` names; takes and raises what ``Queue.open`` does."""
        limits.count("threads", threads)
        queue = await asyncio.to_thread(functools.partial(Queue.open, url, **options))
        return cls(queue, threads=threads)

    enqueue = _awaited(Queue.enqueue)
    enqueue_many = _awaited(Queue.enqueue_many)
    ack = _awaited(Queue.ack)
    ack_many = _awaited(Queue.ack_many)
    nack = _awaited(Queue.nack)
    nack_many = _awaited(Queue.nack_many)
    extend = _awaited(Queue.extend)
    release = _awaited(Queue.release)
    reclaim = _awaited(Queue.reclaim)
    start_reclaimer = _awaited(Queue.start_reclaimer)
    browse = _awaited(Queue.browse)
    list_jobs = _awaited(Queue.list_jobs)
    get = _awaited(Queue.get)
    stats = _awaited(Queue.stats)
    counts = _awaited(Queue.counts)
    replay = _awaited(Queue.replay)
    replay_many = _awaited(Queue.replay_many)
    purge = _awaited(Queue.purge)
    cancel = _awaited(Queue.cancel)
    diagnose = _awaited(Queue.diagnose)
    schedules = _awaited(Queue.schedules)
    pause_schedule = _awaited(Queue.pause_schedule)
    resume_schedule = _awaited(Queue.resume_schedule)
    remove_schedule = _awaited(Queue.remove_schedule)
    run_schedule = _awaited(Queue.run_schedule)
    start = _awaited(Queue.start)
    _joined = _awaited(Queue.join)

    async def dequeue(self, *types: str, lane: str | None = None) -> Claim:
        """Claim one ready job of these types (none given: any); raises ``NoJob``."""
        claims = await self.claim(1, types=types, lanes=() if lane is None else (lane,))
        if not claims:
            raise NoJob("no job is ready")
        return claims[0]

    async def claim(
        self, limit: int, *, types: Collection[str] = (), lanes: Collection[str] = ()
    ) -> list[Claim]:
        """Claim up to ``limit`` ready jobs, best first; no types or lanes given means all.

        Cancelled, it gives back what it claimed.
        """
        claiming = self._submit(self.queue.claim, limit, types=types, lanes=lanes)
        try:
            return await asyncio.wrap_future(claiming)
        except asyncio.CancelledError:
            claiming.add_done_callback(self._give_back)
            raise

    async def join(self, timeout: timedelta | float | None = None) -> bool:  # noqa: ASYNC109 - as Queue.join
        """Wait until no job is ready or claimed; False if ``timeout`` passed first.

        Occupies no thread between two looks.
        """
        limit = None if timeout is None else limits.span("timeout", timeout, zero=True)
        deadline = None if limit is None else time.monotonic() + limit.total_seconds()
        while not await self._joined(timeout=0):
            if deadline is not None and time.monotonic() >= deadline:
                return False
            await asyncio.sleep(JOIN_SECONDS)
        return True

    async def close(self, *args: Any, **kwargs: Any) -> None:
        """Stop the worker and close the queue; takes what ``Queue.close`` takes."""
        await asyncio.to_thread(functools.partial(self.queue.close, *args, **kwargs))
        self._threads.shutdown(wait=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def _submit(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        try:
            return self._threads.submit(function, *args, **kwargs)
        except RuntimeError:
            raise QueueClosed("the queue is closed; open a new one") from None

    def _give_back(self, claiming: Future[list[Claim]]) -> None:
        if claiming.cancelled() or claiming.exception() is not None:
            return
        for claim in claiming.result():
            try:
                self.queue.release(claim)
            except QueueError:
                log.exception(
                    "claim was not given back; its lease will end", extra={"job": claim.job.id}
                )
