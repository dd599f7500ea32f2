"""Claiming: what is handed out, when, to whom, and how often."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gofastr_queue import Backoff, Capability, Job, NoJob, Queue, Status
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.records import (
    DUE_PER_CLAIM,
    EVERYTHING,
    Ack,
    Batch,
    Outcome,
    Release,
    Settled,
    Want,
)
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.harness import (
    Contract,
    Harness,
    everything,
    lacks,
    put,
)

MICROSECOND = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)

WANTS = [
    Want(),
    Want(types=frozenset({"a"})),
    Want(types=frozenset({"a", "c"})),
    Want(types=frozenset({"c"})),
    Want(types=frozenset(f"{number}" for number in range(200)) | {"b"}),
    Want(not_types=frozenset({"a"})),
    Want(not_types=frozenset()),
    Want(lanes=frozenset({""})),
    Want(lanes=frozenset({"x"})),
    Want(lanes=frozenset({"", "y"})),
    Want(not_lanes=frozenset({"", "x"})),
    Want(types=frozenset({"a"}), lanes=frozenset({"x"})),
    Want(types=frozenset({"a", "b"}), not_types=frozenset({"a"})),
    Want(lanes=frozenset({"x", "y"}), not_lanes=frozenset({"x"})),
    Want(not_types=frozenset({"b"}), not_lanes=frozenset({"y"})),
    Want(types=frozenset()),
    Want(lanes=frozenset()),
]


class ClaimingContract(Contract):
    """Promises 3 and 4, and what a claim is."""

    def test_nothing_ready_is_no_job(self, queue: Queue) -> None:
        with pytest.raises(NoJob):
            queue.dequeue()
        assert queue.claim(5) == []

    def test_a_claim_tells_what_it_leases(self, queue: Queue, clock: FakeClock) -> None:
        queue.enqueue("mail", {"to": "a"}, id="one", lane="fast")

        claim = queue.dequeue()

        assert (claim.job.id, claim.job.type, claim.job.lane) == ("one", "mail", "fast")
        assert (claim.job.payload, claim.job.status, claim.job.attempts) == (
            {"to": "a"},
            Status.CLAIMED,
            1,
        )
        assert claim.lease_until == claim.job.lease_until == clock.now() + queue.lease
        assert claim.job.worker
        assert everything(queue) in ([], [claim.job])

    def test_a_claimed_job_is_not_handed_out_again(self, queue: Queue, other: Queue) -> None:
        queue.enqueue("mail")
        queue.dequeue()

        assert queue.claim(5) == []
        assert other.claim(5) == []

    def test_a_claim_takes_no_more_than_its_limit(self, queue: Queue) -> None:
        put(queue, *(Job(type="mail") for _ in range(5)))

        assert [len(queue.claim(2)) for _ in range(4)] == [2, 2, 1, 0]

    def test_tokens_are_distinct_also_within_a_batch(self, queue: Queue) -> None:
        tokens: list[str] = []
        put(queue, *(Job(type="mail", max_attempts=50) for _ in range(20)))

        for _ in range(10):
            claims = queue.claim(20)
            tokens += [claim.token for claim in claims]
            queue.nack_many(claims)

        assert len(set(tokens)) == len(tokens) == 200
        assert all(len(token) >= 16 for token in tokens)

    def test_types_are_taken_in_their_own_order_and_others_stay(self, queue: Queue) -> None:
        for id, type in [("a", "mail"), ("b", "sms"), ("c", "mail")]:
            queue.enqueue(type, id=id)

        assert [queue.dequeue("mail").job.id for _ in range(2)] == ["a", "c"]
        with pytest.raises(NoJob):
            queue.dequeue("mail", "fax")
        assert queue.dequeue("sms").job.id == "b"

    def test_an_empty_lane_is_the_default_lane_only(self, queue: Queue) -> None:
        queue.enqueue("mail", id="fast", lane="fast")
        queue.enqueue("mail", id="default")

        assert queue.dequeue(lane="").job.id == "default"
        with pytest.raises(NoJob):
            queue.dequeue(lane="")
        assert queue.dequeue().job.id == "fast"

    @pytest.mark.parametrize("want", WANTS, ids=[f"{number}" for number in range(len(WANTS))])
    def test_a_claim_takes_all_that_is_wanted_and_nothing_else(
        self, queue: Queue, hooks: Hooks, clock: FakeClock, want: Want
    ) -> None:
        kinds = [(lane, type) for lane in ("", "x", "y") for type in ("a", "b", "a")]
        put(
            queue,
            *(Job(type=type, lane=lane, id=f"{n}") for n, (lane, type) in enumerate(kinds)),
        )
        unwanted = [job for job in everything(queue) if not want.admits(job.lane, job.type)]

        batch = _claim(hooks, clock, want, 100)

        taken = [(claim.job.lane, claim.job.type) for claim in batch.claims]
        assert taken == [kind for kind in kinds if want.admits(*kind)]
        left = [job for job in everything(queue) if not want.admits(job.lane, job.type)]
        assert left == unwanted

    def test_a_job_is_ready_at_its_time_and_not_a_microsecond_before(
        self, queue: Queue, clock: FakeClock
    ) -> None:
        queue.enqueue("mail", id="scheduled", scheduled_at=clock.now() + HOUR)
        queue.enqueue("mail", id="delayed", delay=HOUR)

        clock.advance(HOUR - MICROSECOND)
        early = queue.claim(5)
        clock.advance(MICROSECOND)
        due = queue.claim(5)

        assert early == []
        assert [claim.job.id for claim in due] == ["scheduled", "delayed"]

    def test_a_past_time_or_no_delay_is_ready_at_once(self, queue: Queue, clock: FakeClock) -> None:
        queue.enqueue("mail", id="past", scheduled_at=clock.now() - HOUR)
        queue.enqueue("mail", id="now", scheduled_at=clock.now())
        queue.enqueue("mail", id="undelayed", delay=timedelta(0))

        assert [claim.job.id for claim in queue.claim(5)] == ["past", "now", "undelayed"]

    def test_each_failure_waits_for_its_backoff(self, harness: Harness, clock: FakeClock) -> None:
        backoff = Backoff(timedelta(seconds=5), timedelta(minutes=5))
        with Queue(harness.open(), clock=clock, backoff=backoff) as queue:
            queue.enqueue("mail", max_attempts=10)
            for seconds in (5, 10, 20, 40, 80, 160, 300, 300, 300):
                assert queue.nack(queue.dequeue())
                clock.advance(timedelta(seconds=seconds) - MICROSECOND)
                with pytest.raises(NoJob):
                    queue.dequeue()
                clock.advance(MICROSECOND)
            assert queue.dequeue().job.attempts == 10

    def test_without_a_backoff_a_nacked_job_is_ready_at_once(self, queue: Queue) -> None:
        queue.enqueue("mail")
        queue.nack(queue.dequeue())

        assert queue.dequeue().job.attempts == 2

    def test_a_nacks_own_delay_is_kept(self, queue: Queue, clock: FakeClock) -> None:
        queue.enqueue("mail")
        queue.nack(queue.dequeue(), delay=HOUR)

        clock.advance(HOUR - MICROSECOND)
        early = queue.claim(1)
        clock.advance(MICROSECOND)

        assert early == []
        assert queue.dequeue().job.attempts == 2

    def test_a_job_given_back_for_later_waits_and_keeps_its_attempts(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        queue.enqueue("mail")
        claim = queue.dequeue()

        hooks.queue_nack(
            releases=[Release(claim, Outcome.GIVE_BACK, delay=SECOND)], now=clock.now()
        )
        clock.advance(SECOND - MICROSECOND)
        early = queue.claim(1)
        clock.advance(MICROSECOND)

        assert early == []
        assert queue.dequeue().job.attempts == 1

    def test_attempts_rise_at_each_claim_and_only_there(self, queue: Queue) -> None:
        attempts: list[int] = []
        queue.enqueue("mail", id="one", max_attempts=10)

        for settle in (queue.nack, queue.release, queue.extend, queue.nack, queue.release):
            claim = queue.dequeue()
            attempts.append(claim.job.attempts)
            settle(claim)
            attempts += [job.attempts for job in everything(queue)]
            queue.nack(claim)

        browsed = [1, 1, 2, 1, 2, 2, 3, 3, 4, 3]
        assert attempts in (browsed, browsed[::2])

    def test_a_failing_job_runs_max_attempts_times_and_is_failed(self, queue: Queue) -> None:
        queue.enqueue("mail", id="one", max_attempts=4)

        attempts = []
        while claims := queue.claim(1):
            attempts.append(claims[0].job.attempts)
            assert queue.nack(claims[0], f"failure {len(attempts)}")

        assert attempts == [1, 2, 3, 4]
        for job in everything(queue):
            assert (job.status, job.attempts) == (Status.FAILED, 4)
            assert [(error.attempt, error.message) for error in job.errors] == [
                (attempt, f"failure {attempt}") for attempt in attempts
            ]

    def test_a_crashing_job_is_claimed_max_attempts_times(
        self, queue: Queue, clock: FakeClock
    ) -> None:
        queue.enqueue("mail", max_attempts=2)

        claimed = 0
        for _ in range(5):
            claimed += len(queue.claim(1))
            clock.advance(queue.lease)

        assert claimed == 2

    def test_a_job_given_back_forever_never_fails(self, queue: Queue) -> None:
        queue.enqueue("mail", max_attempts=1)

        for _ in range(20):
            claim = queue.dequeue()
            assert claim.job.attempts == 1
            assert queue.release(claim)

        assert queue.dequeue().job.errors == ()

    def test_next_due_is_zero_while_more_is_ready(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        put(queue, Job(type="mail"), Job(type="mail"))

        looked = _claim(hooks, clock, EVERYTHING, 0)
        first = _claim(hooks, clock, EVERYTHING, 1)

        assert (looked.claims, looked.next_due) == ((), timedelta(0))
        assert (len(first.claims), first.next_due) == (1, timedelta(0))

    def test_next_due_is_none_when_nothing_waits(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        empty = _claim(hooks, clock, EVERYTHING, 1)
        queue.enqueue("mail")
        last = _claim(hooks, clock, EVERYTHING, 2)

        assert empty == Batch()
        assert (len(last.claims), last.next_due, last.due) == (1, None, None)

    def test_next_due_is_when_the_soonest_job_falls_due(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        queue.enqueue("mail", delay=HOUR)
        queue.enqueue("mail", delay=SECOND)

        due = clock.now() + SECOND
        for limit in (0, 1):
            assert _claim(hooks, clock, EVERYTHING, limit) == Batch((), SECOND, due)
        clock.advance(SECOND - MICROSECOND)
        assert _claim(hooks, clock, EVERYTHING, 1) == Batch((), MICROSECOND, due)
        clock.advance(MICROSECOND)
        assert _claim(hooks, clock, EVERYTHING, 0).next_due == timedelta(0)

    def test_next_due_is_never_later_than_a_wanted_job_falls_due(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        queue.enqueue("sms", delay=SECOND)
        queue.enqueue("mail", delay=HOUR)

        batch = _claim(hooks, clock, Want(types=frozenset({"mail"})), 1)

        assert batch.next_due is not None
        assert timedelta(0) < batch.next_due <= HOUR

    def test_what_fell_due_is_made_ready_oldest_first_a_thousand_at_a_time(
        self, queue: Queue, clock: FakeClock
    ) -> None:
        count = DUE_PER_CLAIM + 1
        put(
            queue,
            *(
                Job(type="mail", payload=n, scheduled_at=clock.now() + SECOND + n * MICROSECOND)
                for n in reversed(range(count))  # the last to fall due was enqueued first
            ),
        )
        clock.advance(HOUR)

        first = queue.claim(1)
        second = queue.claim(1)

        assert [claim.job.payload for claim in first] == [DUE_PER_CLAIM - 1]
        assert [claim.job.payload for claim in second] == [DUE_PER_CLAIM]

    def test_a_turn_means_the_same_as_the_three_calls(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.TURN):
            return

        apart = _play(queue, hooks, clock, "apart")
        turned = _play(queue, hooks, clock, "turned")

        assert turned == apart
        assert turned[:2] == (["0"], ["1", "2", "3"])
        assert turned[2] == [("1", 2), ("3", 1), ("6", 1)]


def _claim(hooks: Hooks, clock: FakeClock, want: Want, limit: int) -> Batch:
    return hooks.queue_claim(want=want, limit=limit, lease=HOUR, worker="w", now=clock.now())


def _play(
    queue: Queue, hooks: Hooks, clock: FakeClock, lane: str
) -> tuple[list[str], list[str], list[tuple[str, int]], list[tuple[object, ...]]]:
    """Settle four claims, two more stale ones, and claim, in a lane of its own."""
    put(queue, *(Job(type="mail", id=f"{lane}-{n}", lane=lane, payload=n) for n in range(7)))
    want = Want(lanes=frozenset({lane}))
    claims = _claim(hooks, clock, want, 6).claims
    acks = [Ack(claims[0]), Ack(claims[4])]
    hooks.queue_ack(acks=[acks[1]], now=clock.now())
    releases = [
        Release(claims[1], Outcome.RETRY, error="again"),
        Release(claims[2], Outcome.RETRY, HOUR, "later"),
        Release(claims[3], Outcome.GIVE_BACK),
        Release(claims[4], Outcome.BURY, error="too late"),
    ]
    now = clock.now()
    if lane == "turned":
        settled, batch = hooks.queue_turn(
            acks=acks, releases=releases, want=want, limit=9, lease=HOUR, worker="w", now=now
        )
    else:
        settled = Settled(
            tuple(hooks.queue_ack(acks=acks, now=now)),
            tuple(hooks.queue_nack(releases=releases, now=now)),
        )
        batch = _claim(hooks, clock, want, 9)

    def number(id: str) -> str:
        return id.removeprefix(f"{lane}-")

    return (
        [number(ack.claim.job.id) for ack in settled.acks],
        [number(release.claim.job.id) for release in settled.releases],
        [(number(claim.job.id), claim.job.attempts) for claim in batch.claims],
        [
            (number(job.id), job.status, job.attempts, job.scheduled_at, job.errors)
            for job in everything(queue)
            if job.lane == lane
        ],
    )
