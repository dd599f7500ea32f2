"""How many jobs run at a time, and which: slots, lanes and claiming ahead."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any

from gofastr_queue import Claim, Context, Job, Queue, hookimpl
from gofastr_queue.records import Batch
from gofastr_queue_conformance.harness import put
from gofastr_queue_conformance.watching import Around, Hire, Told, Worked, eventually, left, never

BLOCKED = 20.0
"""Seconds that a blocked handler waits if its case never lets it go."""


class Gauge:
    """How many are inside at a time, and the most that ever were."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.now -= 1


class LanesContract(Worked):
    """Slots are used to the full, never exceeded; reserved ones take only their lane."""

    def test_as_many_plain_handlers_run_at_a_time_as_there_are_workers(
        self, producer: Queue, hire: Hire
    ) -> None:
        told, gauge = Told(), Gauge()
        worker = hire(plugins=[told])
        three = threading.Barrier(3)

        @worker.handler("work")
        def work() -> None:
            with gauge:
                three.wait(BLOCKED)  # passes only when three run at a time

        put(producer, *(Job(type="work") for _ in range(12)))
        worker.start(3)
        eventually(lambda: len(told.finished) == 12, "all jobs")

        assert gauge.most == 3

    def test_as_many_async_handlers_run_at_a_time_as_concurrency_allows(
        self, producer: Queue, hire: Hire
    ) -> None:
        told, gauge = Told(), Gauge()
        worker = hire(plugins=[told])
        arrived: list[str] = []
        five = asyncio.Event()

        @worker.handler("work")
        async def work(job: Job) -> None:
            with gauge:
                arrived.append(job.id)
                if len(arrived) == 5:
                    five.set()
                await asyncio.wait_for(five.wait(), BLOCKED)  # passes only when five are here
                await asyncio.sleep(0.01)

        put(producer, *(Job(type="work") for _ in range(20)))
        worker.start(1, concurrency=5)
        eventually(lambda: len(told.finished) == 20, "all jobs")

        assert gauge.most == 5

    def test_plain_and_async_handlers_do_not_wait_for_each_other(
        self, producer: Queue, hire: Hire
    ) -> None:
        told = Told()
        worker = hire(plugins=[told])
        hold, held_async = threading.Event(), threading.Event()

        @worker.handler("plain")
        def plain() -> None:
            hold.wait(BLOCKED)

        @worker.handler("tasked")
        async def tasked(job: Job) -> None:
            if job.payload == "blocks":
                await asyncio.to_thread(held_async.wait, BLOCKED)

        producer.enqueue("plain")
        worker.start(1, concurrency=1)
        eventually(lambda: len(told.started) == 1, "the blocking plain handler")
        quick = producer.enqueue("tasked")
        eventually(lambda: quick.id in told.finished, "an async job beside it")
        hold.set()
        eventually(lambda: len(told.finished) == 2, "the plain job")
        producer.enqueue("tasked", "blocks")
        eventually(lambda: len(told.started) == 3, "the blocking async handler")
        second = producer.enqueue("plain")
        eventually(lambda: second.id in told.finished, "a plain job beside it")
        held_async.set()

    def test_reserved_workers_run_their_lane_while_every_shared_one_is_blocked(
        self, producer: Queue, hire: Hire
    ) -> None:
        told = Told()
        worker = hire(plugins=[told])
        hold = threading.Event()
        two = threading.Barrier(2)

        @worker.handler("blocks")
        def block() -> None:
            hold.wait(BLOCKED)

        @worker.handler("urgent")
        def urgent() -> None:
            two.wait(BLOCKED)  # passes only when both reserved workers run one

        put(producer, *(Job(type="blocks") for _ in range(5)))
        worker.start(2, lanes={"high": 2})
        eventually(lambda: len(told.started) == 2, "every shared worker blocked")
        high = [producer.enqueue("urgent", lane="high").id for _ in range(4)]
        eventually(lambda: len(told.finished) == 4, "the reserved lane's jobs")

        assert sorted(told.finished) == sorted(high)
        assert len(told.started) == 6
        hold.set()

    def test_reserved_workers_take_only_their_lane(self, producer: Queue, hire: Hire) -> None:
        told = Told()
        worker = hire(plugins=[told])
        worker.register_handler("work", lambda: None)
        others = [producer.enqueue("work").id, producer.enqueue("work", lane="low").id]
        stranger = producer.enqueue("without a handler").id
        high = producer.enqueue("work", lane="high").id
        worker.start(0, lanes={"high": 2}, poll=0.05)
        eventually(lambda: told.finished, "the lane's job")
        never(lambda: len(told.started) > 1, "a job of another lane started", during=0.2)

        assert told.finished == [high]
        assert left(producer) == {others[0]: 0, others[1]: 0, stranger: 0}

    def test_shared_workers_take_any_lane(self, producer: Queue, hire: Hire) -> None:
        told = Told()
        worker = hire(plugins=[told])
        hold = threading.Event()
        worker.register_handler("work", lambda: hold.wait(BLOCKED))
        ids = [producer.enqueue("work", lane=lane).id for lane in ("high", "high", "low", "")]
        worker.start(4, lanes={"high": 1})
        eventually(lambda: len(told.started) == 4, "every lane's jobs at once")
        hold.set()

        assert sorted(told.started) == sorted(ids)

    def test_reserved_workers_run_async_handlers_too(self, producer: Queue, hire: Hire) -> None:
        told = Told()
        worker = hire(plugins=[told])
        hold = threading.Event()

        @worker.handler("work")
        async def work(job: Job) -> None:
            if job.payload == "blocks":
                await asyncio.to_thread(hold.wait, BLOCKED)

        producer.enqueue("work", "blocks")
        worker.start(1, concurrency=1, lanes={"high": 1})
        eventually(lambda: told.started, "the only shared task blocked")
        high = producer.enqueue("work", lane="high").id
        eventually(lambda: told.finished, "the lane's job")

        assert told.finished == [high]
        hold.set()


class Waits(Around):
    """How long claims waited to start, from the store's answer on."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = [0.0]
        self._claimed: dict[str, float] = {}

    def after(self, operation: str, result: Any) -> None:
        if operation == "queue_turn":
            _, result = result
        if isinstance(result, Batch):
            now = time.monotonic()
            self._claimed.update((claim.token, now) for claim in result.claims)

    @hookimpl
    def jobs_started(self, claims: Sequence[Claim]) -> None:
        now = time.monotonic()
        self.seconds += [now - self._claimed[claim.token] for claim in claims]


class AheadContract(Worked):
    """What is claimed ahead starts soon, or goes back for somebody with a free slot."""

    def test_slow_handlers_do_not_hoard_jobs(self, producer: Queue, hire: Hire) -> None:
        waits = [Waits(), Waits()]
        workers = [hire(plugins=[wait]) for wait in waits]
        done: list[str] = []

        def work(job: Job) -> None:
            time.sleep(0.05)
            done.append(job.id)

        for worker in workers:
            worker.register_handler("work", work)
            worker.start(4)
        jobs = put(producer, *(Job(type="work") for _ in range(64)))
        eventually(lambda: len(done) == 64, "all jobs")

        assert sorted(done) == sorted(job.id for job in jobs)
        longest = max(max(wait.seconds) for wait in waits)
        assert longest <= 0.3, f"a claimed job waited {longest:.3f} s to start"

    def test_what_was_claimed_ahead_goes_back_when_handlers_turn_slow(
        self, producer: Queue, hire: Hire
    ) -> None:
        hold = threading.Event()
        blocked = threading.Event()
        attempts: dict[str, list[int]] = {"first": [], "second": []}
        first, second = hire(), hire()

        @first.handler("work")
        def turns_slow(context: Context) -> None:
            if context.job.payload == "blocks":
                blocked.set()
                hold.wait(BLOCKED)
            attempts["first"].append(context.job.attempts)

        @second.handler("work")
        def quick(job: Job) -> None:
            attempts["second"].append(job.attempts)

        before = [Job(type="work") for _ in range(1_000)]
        after = [Job(type="work") for _ in range(50)]
        put(producer, *before, Job(type="work", payload="blocks"), *after)
        first.start(1)
        eventually(blocked.is_set, "the handler that turns slow")
        second.start(1)
        eventually(lambda: len(attempts["second"]) == 50, "the jobs behind it, elsewhere")

        assert attempts == {"first": [1] * 1_000, "second": [1] * 50}
        hold.set()
