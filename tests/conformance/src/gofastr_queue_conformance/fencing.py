"""Fencing: a token that is not current changes nothing, whatever made it stale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from attrs import evolve

from gofastr_queue import Capability, Claim, Job, Queue, hookimpl
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.records import Ack, Outcome, Release
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.harness import Contract, Harness, everything, lacks, put

MICROSECOND = timedelta(microseconds=1)

Verb = Callable[[Queue, Claim], bool]

VERBS: dict[str, Verb] = {
    "ack": lambda queue, claim: queue.ack(claim),
    "nack": lambda queue, claim: queue.nack(claim, "late"),
    "nack later": lambda queue, claim: queue.nack(claim, delay=timedelta(days=1)),
    "extend": lambda queue, claim: queue.extend(claim, timedelta(days=1)),
    "release": lambda queue, claim: queue.release(claim),
}


def _acked(queue: Queue, _clock: FakeClock, claim: Claim) -> None:
    assert queue.ack(claim)


def _nacked(queue: Queue, _clock: FakeClock, claim: Claim) -> None:
    assert queue.nack(claim)


def _released(queue: Queue, _clock: FakeClock, claim: Claim) -> None:
    assert queue.release(claim)


def _failed(queue: Queue, _clock: FakeClock, claim: Claim) -> None:
    assert queue.nack(claim)
    assert queue.nack(queue.dequeue())


def _reclaimed(queue: Queue, clock: FakeClock, claim: Claim) -> None:
    clock.advance(claim.lease_until - clock.now())
    assert queue.reclaim() == 1


def _taken_over(queue: Queue, clock: FakeClock, claim: Claim) -> None:
    clock.advance(claim.lease_until - clock.now())
    _claim(queue, claim, attempts=2)


def _claimed_again(queue: Queue, _clock: FakeClock, claim: Claim) -> None:
    assert queue.release(claim)
    _claim(queue, claim, attempts=1)


def _replayed(queue: Queue, clock: FakeClock, claim: Claim) -> None:
    _failed(queue, clock, claim)
    assert queue.replay(claim.job.id)


def _replayed_and_claimed(queue: Queue, clock: FakeClock, claim: Claim) -> None:
    _replayed(queue, clock, claim)
    _claim(queue, claim, attempts=1)


def _used_again(queue: Queue, _clock: FakeClock, claim: Claim) -> None:
    assert queue.ack(claim)
    queue.enqueue("mail", id=claim.job.id, max_attempts=2)


def _used_again_and_claimed(queue: Queue, clock: FakeClock, claim: Claim) -> None:
    _used_again(queue, clock, claim)
    _claim(queue, claim, attempts=1)


def _claim(queue: Queue, before: Claim, *, attempts: int) -> None:
    """Claim the job of an earlier claim, not the one beside it."""
    job = queue.dequeue(before.job.type).job
    assert (job.id, job.attempts) == (before.job.id, attempts)


FATES = {
    fate.__name__.strip("_").replace("_", " "): fate
    for fate in (
        _acked,
        _nacked,
        _released,
        _failed,
        _reclaimed,
        _taken_over,
        _claimed_again,
        _replayed,
        _replayed_and_claimed,
        _used_again,
        _used_again_and_claimed,
    )
}


class StaleListener:
    """An observer that remembers which claims were stale."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    @hookimpl
    def claims_stale(self, claims: Sequence[Claim]) -> None:
        """Remember."""
        self.ids += [claim.job.id for claim in claims]


class FencingContract(Contract):
    """Promise 2."""

    @pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())
    @pytest.mark.parametrize("fate", FATES.values(), ids=FATES.keys())
    def test_a_stale_claim_changes_nothing(
        self,
        queue: Queue,
        other: Queue,
        clock: FakeClock,
        verb: Verb,
        fate: Callable[[Queue, FakeClock, Claim], None],
    ) -> None:
        if fate in (_replayed, _replayed_and_claimed) and lacks(queue, Capability.REPLAY):
            return
        queue.enqueue("mail", id="one", max_attempts=2)
        put(queue, Job(type="neighbour", id="two"))
        stale = queue.dequeue("mail")
        fate(other, clock, stale)
        before = everything(queue)

        assert verb(queue, stale) is False

        assert everything(queue) == before

    @pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())
    def test_the_new_owner_is_not_disturbed(
        self, queue: Queue, other: Queue, clock: FakeClock, verb: Verb
    ) -> None:
        queue.enqueue("mail", id="one")
        stale = queue.dequeue()
        clock.advance(queue.lease)
        current = other.dequeue()

        assert verb(queue, stale) is False

        assert other.extend(current)
        assert other.ack(current)
        assert queue.claim(1) == []

    @pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())
    @pytest.mark.parametrize("late", [timedelta(0), MICROSECOND, timedelta(days=400)])
    def test_a_late_owner_still_counts_if_nobody_took_over(
        self, queue: Queue, clock: FakeClock, verb: Verb, late: timedelta
    ) -> None:
        queue.enqueue("mail")
        claim = queue.dequeue()
        clock.advance(queue.lease + late)

        assert verb(queue, claim) is True

    @pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())
    def test_another_jobs_token_does_not_fit(self, queue: Queue, verb: Verb) -> None:
        put(queue, Job(type="mail"), Job(type="mail"))
        first, second = queue.claim(2)
        before = everything(queue)

        assert verb(queue, evolve(first, token=second.token)) is False

        assert everything(queue) == before

    @pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())
    @pytest.mark.parametrize("status", ["pending", "claimed", "failed"])
    def test_a_made_up_token_fits_nothing(self, queue: Queue, verb: Verb, status: str) -> None:
        queue.enqueue("mail", max_attempts=2)
        claim = queue.dequeue()
        if status == "pending":
            queue.nack(claim)
        if status == "failed":
            queue.nack(claim)
            queue.nack(queue.dequeue())
        before = everything(queue)

        for token in ("", "0", "null", "' OR '1'='1", "%", "*"):
            assert verb(queue, evolve(claim, token=token)) is False

        assert everything(queue) == before

    @pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())
    def test_an_unknown_jobs_claim_fits_nothing(self, queue: Queue, verb: Verb) -> None:
        queue.enqueue("mail")
        claim = queue.dequeue()

        assert verb(queue, evolve(claim, job=evolve(claim.job, id="unknown"))) is False
        assert queue.ack(claim)

    def test_settling_many_returns_those_that_were_current(self, queue: Queue) -> None:
        put(queue, *(Job(type="mail", id=id) for id in "abcd"))
        claims = queue.claim(4)
        queue.ack(claims[1])
        queue.release(claims[2])

        acked = queue.ack_many(claims[:3])
        nacked = queue.nack_many(claims)

        assert acked == [claims[0]]
        assert nacked == [claims[3]]
        assert queue.ack_many([]) == queue.nack_many([]) == []

    def test_a_claim_settled_twice_at_once_counts_once(self, queue: Queue) -> None:
        put(queue, Job(type="mail"), Job(type="mail"))
        first, second = queue.claim(2)

        assert queue.ack_many([first, first]) == [first]
        assert queue.nack_many([second, second]) == [second]

    def test_the_seam_returns_the_very_settlements_that_counted(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        put(queue, Job(type="mail"), Job(type="mail"))
        first, second = queue.claim(2)
        stale = evolve(first, token="stale")  # noqa: S106 - a token that never was
        acks = [Ack(stale), Ack(first)]
        releases = [Release(stale, Outcome.BURY), Release(second, Outcome.RETRY)]

        acked = hooks.queue_ack(acks=acks, now=clock.now())
        released = hooks.queue_nack(releases=releases, now=clock.now())

        assert len(acked) == len(released) == 1
        assert acked[0] is acks[1]
        assert released[0] is releases[1]

    def test_observers_learn_of_stale_claims(self, harness: Harness, clock: FakeClock) -> None:
        listener = StaleListener()
        with Queue(harness.open(), clock=clock, plugins=[listener]) as queue:
            queue.enqueue("mail", id="one")
            stale = queue.dequeue()
            clock.advance(queue.lease)
            current = queue.dequeue()
            queue.ack(stale)
            queue.nack(stale)
            queue.ack(current)

        assert listener.ids == ["one", "one"]
