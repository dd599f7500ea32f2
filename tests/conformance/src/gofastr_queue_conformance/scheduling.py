"""Schedules: each tick is decided once, together with its job, whoever looks after them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from attrs import evolve

from gofastr_queue import Capability, Queue
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.records import (
    KEPT_OCCURRENCES,
    Draft,
    Fate,
    Fire,
    Occurrence,
    ScheduleDraft,
    StoredSchedule,
)
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.harness import Contract, lacks

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


class SchedulingContract(Contract):
    """What SCHEDULE promises, at the seam and to those who use a Scheduler."""

    TOPIC = "scheduling"

    def test_a_new_schedule_is_due_at_once_and_what_was_before_is_not_its_own(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        now = clock.now()

        (stored,) = hooks.schedule_put(drafts=[ScheduleDraft("one", "text")], now=now)

        assert stored.version >= 1
        assert stored == StoredSchedule("one", "text", stored.version, now, now, now)
        assert hooks.schedule_list(ids=None, occurrences=9) == [stored]
        due = hooks.schedule_due(limit=9, now=now)
        assert (due.schedules, due.now, due.next_due) == ((stored,), now, None)

    def test_a_schedule_may_begin_earlier_or_later(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        now = clock.now()
        drafts = [
            ScheduleDraft("past", "a", now - HOUR),
            ScheduleDraft("later", "b", now + HOUR),
        ]

        past, later = hooks.schedule_put(drafts=drafts, now=now)

        assert (past.registered_at, later.registered_at) == (now, now)
        assert past.watermark < now - HOUR <= past.watermark + SECOND
        assert later.watermark < now + HOUR <= later.watermark + SECOND
        due = hooks.schedule_due(limit=9, now=now)
        assert (due.schedules, due.next_due) == ((past,), now + HOUR)

    def test_the_same_once_more_changes_nothing_and_another_text_is_due_at_once(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        began = clock.now()
        stored = moved(hooks, "one", began)
        clock.advance(MINUTE)

        (same,) = hooks.schedule_put(
            drafts=[ScheduleDraft("one", "text", began - HOUR)], now=clock.now()
        )
        (other,) = hooks.schedule_put(drafts=[ScheduleDraft("one", "other")], now=clock.now())

        assert same == stored
        assert other.version > stored.version
        assert other == evolve(
            stored, definition="other", version=other.version, next_due=clock.now()
        )
        assert hooks.schedule_list(ids=["one", "unknown"], occurrences=0) == [other]

    def test_what_is_due_comes_soonest_first_up_to_the_limit(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        now = clock.now()
        for id, after in (("c", 3), ("a", 1), ("d", 4), ("b", 2)):
            moved(hooks, id, now, next_due=now + after * SECOND)

        found = [
            hooks.schedule_due(limit=limit, now=now + seconds * SECOND)
            for limit, seconds in ((9, 0), (9, 1), (2, 3), (9, 9))
        ]

        assert [[one.id for one in due.schedules] for due in found] == [
            [],
            ["a"],
            ["a", "b"],
            ["a", "b", "c", "d"],
        ]
        assert [due.next_due and (due.next_due - now) // SECOND for due in found[:2]] == [1, 2]
        assert found[2].next_due == now + 3 * SECOND
        assert found[3].next_due is None

    def test_a_fire_moves_the_schedule_on_and_enqueues_its_job(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        tick = clock.now()
        (stored,) = hooks.schedule_put(drafts=[ScheduleDraft("one", "text")], now=tick)
        fire = Fire(
            "one",
            stored.version,
            tick,
            tick + HOUR,
            Draft("job-1", "mail", '{"n": 1}', lane="x", max_attempts=5),
            (tick - 2 * HOUR, tick - HOUR),
        )

        (fired,) = hooks.schedule_fire(fires=[fire], now=tick)

        assert fired.fire == fire
        assert fired.put is not None
        assert (fired.put.new, fired.put.job.id) == (True, "job-1")
        (after,) = hooks.schedule_list(ids=["one"], occurrences=9)
        assert after == evolve(
            stored,
            version=stored.version + 1,
            watermark=tick,
            next_due=tick + HOUR,
            last_job="job-1",
            occurrences=(
                Occurrence(tick, Fate.ENQUEUED),
                Occurrence(tick - HOUR, Fate.MISSED),
                Occurrence(tick - 2 * HOUR, Fate.MISSED),
            ),
        )
        job = queue.dequeue().job
        assert (job.id, job.type, job.payload, job.lane) == ("job-1", "mail", {"n": 1}, "x")
        assert (job.max_attempts, job.attempts, job.created_at) == (5, 1, tick)

    def test_a_fire_without_a_job_only_moves_on(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        now = clock.now()
        stored = moved(hooks, "one", now)

        fires = [Fire("one", stored.version, now, None, None, (now,))]
        (fired,) = hooks.schedule_fire(fires=fires, now=now)

        (after,) = hooks.schedule_list(ids=None, occurrences=9)
        assert fired.put is None
        assert (after.next_due, after.last_job) == (None, "")
        assert after.occurrences == (Occurrence(now, Fate.MISSED),)
        assert hooks.schedule_due(limit=9, now=now + HOUR).schedules == ()
        assert queue.claim(1) == []

    def test_a_stale_fire_changes_nothing(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        now = clock.now()
        stored = moved(hooks, "one", now)
        before = hooks.schedule_list(ids=None, occurrences=9)

        for id, version in (
            ("one", stored.version - 1),
            ("one", stored.version + 1),
            ("unknown", stored.version),
        ):
            fires = [Fire(id, version, now, None, Draft("job", "mail", "null"), (now,))]
            assert hooks.schedule_fire(fires=fires, now=now) == []

        assert hooks.schedule_list(ids=None, occurrences=9) == before
        assert queue.claim(1) == []

    def test_fires_of_one_call_build_on_each_other(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        now = clock.now()
        stored = moved(hooks, "one", now)
        fires = [
            Fire("one", stored.version, now, now + HOUR, Draft("a", "mail", "null")),
            Fire("one", stored.version, now, now + HOUR, Draft("b", "mail", "null")),
            Fire("one", stored.version + 1, now + HOUR, None, Draft("c", "mail", "null")),
        ]

        fired = hooks.schedule_fire(fires=fires, now=now)

        assert [one.fire for one in fired] == [fires[0], fires[2]]
        assert [claim.job.id for claim in queue.claim(9)] == ["a", "c"]

    def test_a_job_that_is_there_already_counts_as_fired(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        now = clock.now()
        stored = moved(hooks, "one", now)
        queue.enqueue("mail", "the first", id="job")

        (fired,) = hooks.schedule_fire(
            fires=[Fire("one", stored.version, now, None, Draft("job", "other", "null"))], now=now
        )

        assert fired.put is not None
        assert (fired.put.new, fired.put.job.type) == (False, "mail")
        (after,) = hooks.schedule_list(ids=None, occurrences=1)
        assert (after.last_job, after.occurrences) == ("job", (Occurrence(now, Fate.ENQUEUED),))
        assert [claim.job.payload for claim in queue.claim(9)] == ["the first"]

    @pytest.mark.parametrize("state", ["pending", "later", "claimed", "failed", "acked"])
    def test_a_tick_is_skipped_only_while_the_last_job_is_alive(
        self, queue: Queue, hooks: Hooks, clock: FakeClock, state: str
    ) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        now = clock.now()
        stored = moved(hooks, "one", now)
        first = Fire(
            "one",
            stored.version,
            now,
            now + HOUR,
            Draft("a", "mail", "null", max_attempts=1, delay=HOUR if state == "later" else None),
            unless_alive=True,
        )
        assert hooks.schedule_fire(fires=[first], now=now)[0].put is not None
        if state in ("claimed", "failed", "acked"):
            claim = queue.dequeue()
            assert state != "failed" or queue.nack(claim)
            assert state != "acked" or queue.ack(claim)
        again = evolve(
            first,
            version=stored.version + 1,
            watermark=now + SECOND,
            draft=Draft("b", "mail", "null"),
        )

        (fired,) = hooks.schedule_fire(fires=[again], now=now)

        alive = state not in ("failed", "acked")
        assert (fired.put is None) is alive
        (after,) = hooks.schedule_list(ids=None, occurrences=1)
        assert after.watermark == now + SECOND
        assert after.last_job == ("a" if alive else "b")
        assert after.occurrences == (
            Occurrence(now + SECOND, Fate.OVERLAP if alive else Fate.ENQUEUED),
        )
        assert [one.job.id for one in queue.claim(9, types=["mail"])] == (
            ["a"] if state == "pending" else [] if alive else ["b"]
        )

    def test_the_newest_thousand_occurrences_are_kept_of_each(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        now = clock.now()
        for id in ("one", "two"):
            stored = moved(hooks, id, now)
            for round in range(3):
                begin = now + round * HOUR
                skipped = tuple(begin + number * SECOND for number in range(600))
                fires = [Fire(id, stored.version + round, skipped[-1], now, None, skipped)]
                assert len(hooks.schedule_fire(fires=fires, now=now)) == 1

        one, two = hooks.schedule_list(ids=None, occurrences=KEPT_OCCURRENCES * 2)

        moments = [now + 2 * HOUR + number * SECOND for number in range(600)]
        moments += [now + HOUR + number * SECOND for number in range(200, 600)]
        assert {occurrence.at for occurrence in one.occurrences} == set(moments)
        assert len(one.occurrences) == KEPT_OCCURRENCES
        assert one.occurrences == two.occurrences
        (few, _) = hooks.schedule_list(ids=None, occurrences=3)
        assert few.occurrences == one.occurrences[:3]


def moved(hooks: Hooks, id: str, now: datetime, next_due: datetime | None = None) -> StoredSchedule:
    """Register a schedule that was looked at once, with nothing due."""
    (stored,) = hooks.schedule_put(drafts=[ScheduleDraft(id, "text")], now=now)
    due = now + 24 * HOUR if next_due is None else next_due
    hooks.schedule_fire(fires=[Fire(id, stored.version, now, due)], now=now)
    (moved,) = hooks.schedule_list(ids=[id], occurrences=0)
    return moved
