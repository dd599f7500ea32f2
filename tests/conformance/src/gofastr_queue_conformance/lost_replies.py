"""Lost replies: the store did what it was asked, or did not, and whoever asked cannot know."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

import pytest
from attrs import frozen

from gofastr_queue import (
    BackendUnavailable,
    Capability,
    Claim,
    DuplicateJob,
    Job,
    NoJob,
    Queue,
    Scheduler,
)
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance import evidence
from gofastr_queue_conformance.harness import Contract, Harness, everything, ids, lacks
from gofastr_queue_conformance.proxy import Proxy
from gofastr_queue_conformance.watching import eventually

JOBS = 2_000

HEALTHY = 20
"""Enqueues after which it is known how many replies each takes."""

CUTS = 40
"""Places in a conversation where it is cut."""

PATIENCE = 30.0
"""Seconds in which a store that is there must be reached again."""

Result = TypeVar("Result")


@frozen
class Line:
    """A queue whose every byte passes the proxy, which is healed when it opens."""

    queue: Queue
    proxy: Proxy


class LostRepliesContract(Contract):
    """Promise 8: an enqueue may be repeated with its id when its reply was lost.

    And promises 1 and 2 for the other calls: what a lost reply leaves claimed comes back after its
    lease.  A store without a server has no replies to lose.
    """

    @pytest.fixture
    def proxy(self, harness: Harness) -> Iterator[Proxy | None]:
        """A proxy before the store's server, or None where there is no server."""
        assert (harness.address is None) == (harness.through is None), "give both or neither"
        if harness.address is None:
            evidence.show_nothing()
            yield None
            return
        with Proxy(*harness.address) as proxy:
            yield proxy

    @pytest.fixture
    def line(
        self, harness: Harness, queue: Queue, proxy: Proxy | None, clock: FakeClock
    ) -> Iterator[Line | None]:
        """A queue through the proxy, on the store of ``queue``."""
        assert queue is not None
        if proxy is None or harness.through is None:
            yield None
            return
        with Queue(harness.through(*proxy.address), clock=clock) as lossy:
            yield Line(lossy, proxy)
            proxy.heal()

    @pytest.mark.parametrize("seed", [1])
    def test_repeated_enqueues_store_each_id_once(
        self, queue: Queue, line: Line | None, seed: int
    ) -> None:
        if line is None:
            return
        given = [f"job-{number}" for number in range(JOBS)]
        before = line.proxy.counters.replies
        for number, id in enumerate(given):
            if number == HEALTHY:  # a call may take several replies, and may lose any of them
                taken = line.proxy.counters.replies - before
                line.proxy.drop_replies(0.05 * HEALTHY / taken, seed)
            _until_accepted(line.queue, [Job(type="mail", id=id)])
        line.proxy.heal()

        assert line.proxy.counters.replies_dropped >= 50
        _holds_each_once(queue, given)

    @pytest.mark.parametrize("seed", [2])
    def test_repeated_bulks_store_each_id_once(
        self, queue: Queue, line: Line | None, seed: int
    ) -> None:
        if line is None or lacks(queue, Capability.ATOMIC_BULK):
            return
        given = [f"job-{number}" for number in range(JOBS)]
        line.proxy.drop_replies(0.1, seed)
        for start in range(0, JOBS, 10):
            bulk = [Job(type="mail", id=id) for id in given[start : start + 10]]
            _until_accepted(line.queue, bulk)
        line.proxy.heal()

        assert line.proxy.counters.replies_dropped >= 10
        _holds_each_once(queue, given)

    @pytest.mark.parametrize("seed", [3])
    def test_lost_claims_come_back_and_each_job_is_acked_once(
        self, queue: Queue, line: Line | None, clock: FakeClock, seed: int
    ) -> None:
        if line is None:
            return
        given = [queue.enqueue("mail", max_attempts=1_000).id for _ in range(300)]
        acked: list[str] = []
        came_back: set[str] = set()
        line.proxy.drop_replies(0.05, seed)
        deadline = time.monotonic() + 2 * PATIENCE
        while len(acked) < len(given):
            assert time.monotonic() < deadline, f"{len(given) - len(acked)} jobs are lost"
            claims = _repeat(lambda: line.queue.claim(2))
            if not claims:
                clock.advance(line.queue.lease)
            for claim in claims:
                came_back |= {claim.job.id} if claim.job.attempts > 1 else set()
                _ack(line.queue, claim)
                acked.append(claim.job.id)
        line.proxy.heal()

        assert line.proxy.counters.replies_dropped >= 15
        assert came_back
        assert Counter(acked) == Counter(given)
        clock.advance(line.queue.lease)
        _holds_each_once(queue, [])

    @pytest.mark.parametrize("seed", [4])
    def test_ticks_are_fired_once_though_their_fires_replies_are_lost(
        self, queue: Queue, line: Line | None, clock: FakeClock, seed: int
    ) -> None:
        if line is None or lacks(queue, Capability.SCHEDULE):
            return
        scheduler = Scheduler(line.queue)
        scheduler.every(timedelta(minutes=1), "digest", catch_up="all")
        fired: Counter[str] = Counter()
        line.proxy.drop_replies(0.1, seed)
        for _ in range(200):
            clock.advance(timedelta(minutes=1))
            scheduler.run_once()
            claims = queue.claim(500)
            queue.ack_many(claims)
            fired.update(claim.job.id for claim in claims)
        line.proxy.heal()
        for _ in range(3):  # the first may still find a lost connection
            scheduler.run_once()
        fired.update(claim.job.id for claim in queue.claim(500))

        assert line.proxy.counters.replies_dropped >= 15
        assert set(fired.values()) == {1}
        assert len(fired) == 200

    @pytest.mark.parametrize("reset", [True, False], ids=["reset", "end"])
    def test_a_conversation_cut_at_any_byte_leaves_a_job_once_or_not_at_all(
        self,
        harness: Harness,
        queue: Queue,
        proxy: Proxy | None,
        clock: FakeClock,
        reset: bool,
    ) -> None:
        if proxy is None or harness.through is None:
            return
        with Queue(harness.through(*proxy.address), clock=clock) as whole:
            before = _carried(proxy)
            _ack(whole, _put_and_claim(whole, "whole"))
            length = _carried(proxy) - before
        for place in range(0, length, max(length // CUTS, 1)):
            id = f"{place:05}"
            with Queue(harness.through(*proxy.address), clock=clock) as cut:
                proxy.cut_after(place, reset=reset)
                claim = _put_and_claim(cut, id)
                if claim is not None:
                    _ack(cut, claim)
                proxy.heal()
            clock.advance(cut.lease)
            _holds_each_once(queue, [id] if claim is None else [])

        assert proxy.counters.cut >= CUTS // 2


def _repeat(operation: Callable[[], Result]) -> Result:
    """Call until it is known what became of it; any other error is the caller's."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return operation()
        except BackendUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def _until_accepted(queue: Queue, jobs: list[Job]) -> None:
    """Enqueue, and where the outcome is unknown repeat it as often as it takes.

    The first time a taken id is an error: nothing but a blind repetition could have taken it.
    """
    try:
        queue.enqueue_many(jobs)
    except BackendUnavailable:
        kept = _repeat(lambda: queue.enqueue_many(jobs, on_conflict="ignore"))
        assert ids(kept) == ids(jobs)


def _put_and_claim(queue: Queue, id: str) -> Claim | None:
    """Enqueue a job, knowing at the end that it is stored; claim it, if the reply comes."""
    try:
        queue.enqueue("mail", id=id)
    except BackendUnavailable:
        with suppress(DuplicateJob):
            _repeat(lambda: queue.enqueue("mail", id=id))
    with suppress(BackendUnavailable, NoJob):
        return queue.dequeue()
    return None


def _ack(queue: Queue, claim: Claim | None) -> None:
    """Ack a live claim for good: it counts, unless an earlier ack of unknown outcome did."""
    assert claim is not None
    try:
        known = queue.ack(claim)
    except BackendUnavailable:
        _repeat(lambda: queue.ack(claim))
    else:
        assert known


def _holds_each_once(queue: Queue, expected: list[str]) -> None:
    """Claim and ack all that a store holds: these ids, each once."""
    taken: list[str] = []

    def take() -> bool:
        claims = queue.claim(500)
        taken.extend(claim.job.id for claim in claims)
        assert queue.ack_many(claims) == claims
        return len(taken) >= len(expected) and not claims

    eventually(take, "the jobs that the store accepted", within=PATIENCE)
    assert Counter(taken) == Counter(expected)
    assert everything(queue) == []


def _carried(proxy: Proxy) -> int:
    return proxy.counters.from_client + proxy.counters.from_server
