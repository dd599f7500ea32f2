"""Concurrency: many threads at once, on one queue object and on several."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

import pytest

from gofastr_queue import Capability, Claim, DuplicateJob, Job, Queue
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.harness import Contract, Harness, everything, ids, lacks, put

Result = TypeVar("Result")


def race(count: int, work: Callable[[int], Result]) -> list[Result]:
    """Run ``work(0)`` to ``work(count - 1)`` at the same time; return what they return."""
    start = threading.Barrier(count)

    def run(number: int) -> Result:
        start.wait(60)
        return work(number)

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # threads change places as often as they can
    try:
        with ThreadPoolExecutor(count) as pool:
            return [future.result(100) for future in [pool.submit(run, n) for n in range(count)]]
    finally:
        sys.setswitchinterval(usual)


class ConcurrencyContract(Contract):
    """Promises 1, 2, 8 and 11 under contention."""

    @pytest.fixture
    def queues(self, queue: Queue, other: Queue) -> list[Queue]:
        """Two queues on one store, each to be used by several threads."""
        return [queue, other]

    def test_each_job_is_claimed_once(self, queues: list[Queue]) -> None:
        stored = put(queues[0], *(Job(type="ab"[n % 2], lane="xy"[n % 2]) for n in range(600)))

        def work(number: int) -> list[Claim]:
            queue, taken = queues[number % 2], []
            while claims := queue.claim(1 + number % 5):
                taken += claims
            return taken

        taken = [claim for claims in race(8, work) for claim in claims]
        taken += queues[0].claim(600)  # a claim may bring fewer while others hold jobs

        assert Counter(claim.job.id for claim in taken) == Counter(ids(stored))
        assert {claim.job.attempts for claim in taken} == {1}
        assert len({claim.token for claim in taken}) == 600
        assert len(queues[1].ack_many(taken)) == 600

    def test_each_replay_wins_once(self, queues: list[Queue]) -> None:
        if lacks(queues[0], Capability.REPLAY):
            return
        failed = ids(put(queues[0], *(Job(type="mail", max_attempts=1) for _ in range(10))))
        queues[0].nack_many(queues[0].claim(10))

        wins = race(32, lambda n: [queues[n % 2].replay(id) for id in failed])

        assert [sum(column) for column in zip(*wins, strict=True)] == [1] * 10
        assert sorted(claim.job.id for claim in queues[0].claim(50)) == sorted(failed)

    def test_replaying_many_at_once_counts_each_job_once(self, queues: list[Queue]) -> None:
        if lacks(queues[0], Capability.REPLAY):
            return
        put(queues[0], *(Job(type="mail", max_attempts=1) for _ in range(60)))
        queues[0].nack_many(queues[0].claim(60))

        replayed = race(8, lambda n: sum(queues[n % 2].replay_many(limit=5) for _ in range(6)))

        assert sum(replayed) == 60
        assert len(queues[0].claim(100)) == 60

    def test_live_leases_are_never_taken_back(self, queues: list[Queue]) -> None:
        put(queues[0], *(Job(type="mail", max_attempts=100) for _ in range(20)))

        def work(number: int) -> int:
            queue, moved = queues[number % 2], 0
            for _ in range(40):
                if number < 2:
                    moved += queue.reclaim()
                else:
                    claims = queue.claim(3)
                    assert queue.nack_many(claims) == claims
            return moved

        assert race(6, work) == [0] * 6

    def test_an_expired_lease_is_taken_back_once(
        self, queues: list[Queue], clock: FakeClock
    ) -> None:
        put(queues[0], *(Job(type="mail") for _ in range(50)))
        queues[0].claim(50)
        clock.advance(queues[0].lease)

        assert sum(race(8, lambda n: queues[n % 2].reclaim())) == 50
        assert {claim.job.attempts for claim in queues[0].claim(100)} == {2}

    def test_an_id_is_stored_once(self, queues: list[Queue]) -> None:
        def enqueue(number: int) -> int | None:
            try:
                return int(queues[number % 2].enqueue("mail", number, id="one").payload)
            except DuplicateJob:
                return None

        stored = [payload for payload in race(12, enqueue) if payload is not None]
        kept = race(12, lambda n: queues[n % 2].enqueue("mail", -1, id="one", on_conflict="ignore"))

        assert len(stored) == 1
        assert [job.payload for job in kept] == stored * 12
        assert [claim.job.payload for claim in queues[0].claim(50)] == stored

    def test_a_claim_is_settled_once(self, queues: list[Queue]) -> None:
        put(queues[0], *(Job(type="mail", max_attempts=1) for _ in range(10)))
        claims = queues[0].claim(10)

        def settle(number: int) -> list[bool]:
            queue = queues[number % 2]
            verbs = (queue.ack, queue.nack, queue.release)
            return [verbs[number % 3](claim) for claim in claims]

        settled = race(12, settle)

        assert [sum(column) for column in zip(*settled, strict=True)] == [1] * 10

    def test_a_job_is_cancelled_or_claimed(self, queues: list[Queue]) -> None:
        if lacks(queues[0], Capability.REPLAY):
            return
        stored = ids(put(queues[0], *(Job(type="mail") for _ in range(60))))

        def work(number: int) -> list[str]:
            queue = queues[number % 2]
            if number < 2:
                return [id for id in reversed(stored) if queue.cancel(id)]
            return [claim.job.id for _ in range(30) for claim in queue.claim(1)]

        gone = [id for some in race(4, work) for id in some]
        gone += [claim.job.id for claim in queues[0].claim(100)]

        assert sorted(gone) == sorted(stored)

    def test_nothing_is_lost_or_doubled_while_everything_happens(
        self, harness: Harness, queues: list[Queue]
    ) -> None:
        if lacks(queues[0], Capability.BROWSE, Capability.REPLAY):
            return
        producers, each = 2, 100
        finished: list[int] = []
        acked: list[str] = []

        def producing() -> bool:
            return len(finished) < producers

        def work(number: int) -> None:
            with Queue(harness.open(), lease=timedelta(hours=1)) as queue:
                if number < producers:
                    for n in range(each):
                        queue.enqueue("ab"[n % 2], id=f"{number}-{n}", max_attempts=2)
                    finished.append(number)
                elif number < producers + 3:
                    _consume(queue, acked, producing, number)
                else:
                    while producing():
                        assert sum(queue.stats().values()) <= producers * each
                        queue.replay_many(limit=3)

        race(producers + 4, work)

        left = everything(queues[0])
        assert Counter([*acked, *ids(left)]) == Counter(
            f"{number}-{n}" for number in range(producers) for n in range(each)
        )
        assert queues[1].stats() == {"pending": 0, "claimed": 0, "failed": 0} | Counter(
            str(job.status) for job in left
        )


def _consume(queue: Queue, acked: list[str], producing: Callable[[], bool], beat: int) -> None:
    """Claim a few at a time and settle them in every way, until nobody produces any more."""
    turn = 0
    while producing():
        turn += 1
        for number, claim in enumerate(queue.claim(3), turn * beat):
            if number % 4 == 0:
                assert queue.nack(claim)
            elif number % 4 == 1:
                assert queue.release(claim)
            else:
                assert queue.extend(claim)
                assert queue.ack(claim)
                acked.append(claim.job.id)
