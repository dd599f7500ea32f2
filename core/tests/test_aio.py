"""AsyncQueue: the same verbs, awaited."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Generator
from datetime import timedelta

import pytest

from gofastr_queue import (
    AsyncQueue,
    BackendNotFound,
    Context,
    Job,
    NoJob,
    Queue,
    QueueClosed,
    hookimpl,
)
from gofastr_queue.records import Batch
from gofastr_queue.testing import FakeClock

NOT_AWAITED = {"open", "run", "handler", "register_handler", "capabilities", "lease"}
"""What stays as it is: made without a store's answer, or of no use in an event loop."""


def test_every_verb_of_a_queue_is_awaited() -> None:
    verbs = {name for name in dir(Queue) if not name.startswith("_")} - NOT_AWAITED

    missing = {
        name for name in verbs if not inspect.iscoroutinefunction(getattr(AsyncQueue, name, 0))
    }

    assert missing == set()


async def _lifecycle() -> None:
    clock = FakeClock()
    async with await AsyncQueue.open("memory://", clock=clock) as queue:
        job = await queue.enqueue("greet", {"to": "you"}, priority=2)
        await queue.enqueue_many([Job(type="greet", payload=number) for number in range(3)])

        claim = await queue.dequeue("greet")
        assert (claim.job.id, claim.job.payload) == (job.id, {"to": "you"})
        assert await queue.extend(claim)
        assert await queue.nack(claim, "not yet", timedelta(seconds=5))
        assert not await queue.ack(claim)

        claims = await queue.claim(10)
        assert await queue.ack_many(claims) == claims
        with pytest.raises(NoJob):
            await queue.dequeue()
        clock.advance(timedelta(seconds=5))
        again = await queue.dequeue()
        assert again.job.attempts == 2
        assert await queue.release(again)
        assert await queue.stats() == {"pending": 1, "claimed": 0, "failed": 0}
        assert [stored.id for stored in await queue.list_jobs()] == [job.id]
        assert await queue.cancel(job.id)
        assert await queue.get(job.id) is None


def test_the_verbs_do_what_the_queue_does() -> None:
    asyncio.run(_lifecycle())


async def _worker() -> None:
    done: list[object] = []
    async with await AsyncQueue.open("memory://") as queue:

        @queue.handler("slow")
        async def slow(job: Job, context: Context) -> None:
            await asyncio.sleep(0)
            done.append((job.payload, context.claim.job.id == job.id))

        queue.register_handler("plain", lambda job: done.append(job.payload))
        await queue.start(workers=1)
        await queue.enqueue("slow", 1)
        await queue.enqueue("plain", 2)
        assert await queue.join(timeout=10)
    assert sorted(done, key=str) == [(1, True), 2]


def test_a_worker_runs_both_kinds_of_handlers() -> None:
    asyncio.run(_worker())


async def _closed() -> None:
    queue = await AsyncQueue.open("memory://")
    await queue.close()
    await queue.close()
    with pytest.raises(QueueClosed):
        await asyncio.to_thread(queue.queue.enqueue, "late")


def test_closing_twice_is_closing_once() -> None:
    asyncio.run(_closed())


async def _opened_wrong() -> None:
    with pytest.raises(BackendNotFound):
        await AsyncQueue.open("nowhere://")


def test_opening_raises_what_a_queue_raises() -> None:
    asyncio.run(_opened_wrong())


class HeldClaim:
    """Keeps a claim from returning until it is let go."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.go_on = threading.Event()

    @hookimpl(wrapper=True)
    def queue_claim(self) -> Generator[None, Batch, Batch]:
        batch = yield
        if batch.claims:
            self.began.set()
            assert self.go_on.wait(10)
        return batch


async def _cancelled() -> None:
    held = HeldClaim()
    async with await AsyncQueue.open("memory://", plugins=[held]) as queue:
        await queue.enqueue("wanted")
        claiming = asyncio.create_task(queue.claim(1))
        assert await asyncio.to_thread(held.began.wait, 10)

        claiming.cancel()
        with pytest.raises(asyncio.CancelledError):
            await claiming
        held.go_on.set()

        deadline = asyncio.get_running_loop().time() + 10
        while (await queue.stats())["pending"] == 0:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.01)
        (job,) = await queue.list_jobs()
        assert job.attempts == 0


def test_a_cancelled_claim_is_given_back() -> None:
    asyncio.run(_cancelled())
