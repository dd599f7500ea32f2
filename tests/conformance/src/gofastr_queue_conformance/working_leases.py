"""Leases that last as long as their handlers, and handlers told when theirs is over."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from gofastr_queue import Claim, Context, Job, Queue
from gofastr_queue.job import JobError
from gofastr_queue_conformance.harness import Harness
from gofastr_queue_conformance.watching import Hire, Told, Worked, eventually

SHORT = timedelta(seconds=0.4)
LONG = timedelta(seconds=20)


def steal(harness: Harness, thief: Queue) -> Claim:
    """Take over the only claimed job, as if its lease had run out long ago."""
    backend = harness.open()
    far = datetime.now(UTC) + timedelta(days=1)
    moved = backend.queue_reclaim(limit=10, reason="stolen", now=far)
    claims = thief.claim(10)
    backend.queue_close()
    assert len(moved) == 1
    (claim,) = claims
    return claim


class LeasesContract(Worked):
    """A lease is renewed while a handler runs; one that is lost cancels the handler."""

    def test_handlers_of_five_leases_start_once(self, producer: Queue, hire: Hire) -> None:
        told = Told()
        workers = [hire(lease=SHORT, plugins=[told]) for _ in range(2)]
        cancelled: list[bool] = []

        def plain(context: Context) -> None:
            time.sleep(5 * SHORT.total_seconds())
            cancelled.append(context.cancelled)

        async def tasked(context: Context) -> None:
            await asyncio.sleep(5 * SHORT.total_seconds())
            cancelled.append(context.cancelled)

        for worker in workers:
            worker.register_handler("plain", plain)
            worker.register_handler("tasked", tasked)
        ids = sorted([producer.enqueue("plain").id, producer.enqueue("tasked").id])
        for worker in workers:
            worker.start(2, reclaim_interval=0.1)
        eventually(lambda: len(told.finished) == 2, "both jobs done")

        assert sorted(told.started) == ids
        assert sorted(told.finished) == ids
        assert told.stale == []
        assert cancelled == [False, False]

    @pytest.mark.parametrize("end", ["returns", "raises"])
    def test_a_lost_lease_cancels_the_handler_and_its_end_changes_nothing(
        self, harness: Harness, producer: Queue, hire: Hire, end: str
    ) -> None:
        told = Told()
        worker = hire(lease=SHORT, plugins=[told])
        cancelled: list[bool] = []
        extended: list[bool] = []
        taken = Event()

        @worker.handler("stolen")
        def stolen(context: Context) -> None:
            cancelled.append(context.wait(LONG))
            taken.wait(LONG.total_seconds())  # or this worker could be the one to claim it again
            extended.append(context.extend())
            if end == "raises":
                raise ValueError

        job = producer.enqueue("stolen", max_attempts=5)
        worker.start(1)
        eventually(lambda: told.started, "the start")
        claim = steal(harness, producer)
        taken.set()
        eventually(lambda: told.stale, "the late end, found stale")

        assert (cancelled, extended) == ([True], [False])
        assert told.stale == [job.id]
        assert (told.finished, told.failed) == ([], [])
        assert claim.job.attempts == 2
        assert producer.ack(claim)

    def test_a_lost_lease_cancels_an_async_handler_before_it_would_have_run_out(
        self, harness: Harness, producer: Queue, hire: Hire
    ) -> None:
        told = Told()
        lease = timedelta(seconds=1.8)
        worker = hire(lease=lease, plugins=[told])
        cancelled: list[bool] = []
        began = time.monotonic()

        @worker.handler("stolen")
        async def stolen(context: Context) -> None:
            try:
                await asyncio.sleep(LONG.total_seconds())
            finally:
                cancelled.append(context.cancelled)

        producer.enqueue("stolen", max_attempts=5)
        worker.start(1, concurrency=1)
        eventually(lambda: told.started, "the start")
        claim = steal(harness, producer)
        eventually(lambda: told.stale, "the late end, found stale")
        took = time.monotonic() - began

        assert cancelled == [True]
        assert took < lease.total_seconds()
        assert producer.ack(claim)

    def test_a_handler_may_extend_its_own_lease(self, producer: Queue, hire: Hire) -> None:
        worker = hire(lease=timedelta(seconds=30))
        extended: list[bool] = []

        @worker.handler("long")
        def long(context: Context) -> None:
            extended.append(context.extend(timedelta(hours=1)))

        producer.enqueue("long")
        worker.start(1)
        eventually(lambda: extended, "the extension")

        assert extended == [True]

    def test_a_plain_handler_over_its_timeout_is_told_and_keeps_its_slot(
        self, producer: Queue, hire: Hire
    ) -> None:
        told = Told()
        worker = hire(plugins=[told])
        seen: list[tuple[str, float]] = []

        @worker.handler("slow")
        def slow(context: Context) -> None:
            began = time.monotonic()
            assert context.wait(LONG)
            seen.append(("told", time.monotonic() - began))
            time.sleep(0.15)  # does not heed it
            seen.append(("ended", time.monotonic()))

        @worker.handler("next")
        def follow() -> None:
            seen.append(("next", time.monotonic()))

        producer.enqueue("slow")
        producer.enqueue("next")
        worker.start(1, handler_timeout=0.1)
        eventually(lambda: len(told.finished) == 2, "both jobs")

        assert [what for what, _ in seen] == ["told", "ended", "next"]
        assert seen[0][1] >= 0.1

    def test_an_async_handler_over_its_timeout_is_cancelled_and_nacked(
        self, producer: Queue, hire: Hire
    ) -> None:
        worker = hire()
        cancelled: list[int] = []
        kept: list[JobError] = []

        @worker.handler("slow")
        async def slow(job: Job) -> None:
            if job.attempts == 2:
                kept.extend(job.errors)
                return
            try:
                await asyncio.sleep(LONG.total_seconds())
            except asyncio.CancelledError:
                cancelled.append(job.attempts)
                raise

        producer.enqueue("slow", max_attempts=2)
        worker.start(1, handler_timeout=0.1)
        eventually(lambda: kept, "the second attempt")

        assert cancelled == [1]
        assert [error.kind for error in kept] == ["TimeoutError"]

    def test_a_handlers_timeout_goes_before_the_workers(self, producer: Queue, hire: Hire) -> None:
        told = Told()
        worker = hire(plugins=[told], lease=SHORT)
        cancelled: dict[str, bool] = {}

        def wait(context: Context) -> None:
            cancelled[context.job.type] = context.wait(timedelta(seconds=0.5))

        worker.register_handler("short", wait, timeout=0.1)
        worker.register_handler("long", wait, timeout=20)
        worker.register_handler("default", wait)
        for type in ("short", "long", "default"):
            producer.enqueue(type)
        worker.start(3, handler_timeout=15)
        eventually(lambda: len(told.finished) == 3, "all jobs")

        assert cancelled == {"short": True, "long": False, "default": False}
