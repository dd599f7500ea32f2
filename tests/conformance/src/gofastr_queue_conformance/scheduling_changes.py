"""Schedules that are paused, removed, of any name, and fired by many at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from attrs import evolve

from gofastr_queue import Capability, Queue
from gofastr_queue.calls import resolve
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.records import Draft, Fire, ScheduleDraft
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.harness import Contract, Harness, lacks
from gofastr_queue_conformance.scheduling import moved

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)

ODD_IDS = (
    "plain",
    "with space",
    "per cent %s",
    "{braces}",
    "quote'\"",
    "a@b:c/d",
    "\u00fcber\u2603",
)
"""Names that some store might take for something else."""


class ChangedSchedulesContract(Contract):
    """What else SCHEDULE promises at the seam."""

    TOPIC = "scheduling"

    def test_a_paused_schedule_rests_until_it_goes_on(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        now = clock.now()
        stored = moved(hooks, "one", now)
        pause = [ScheduleDraft("one", paused=True), ScheduleDraft("unknown", paused=True)]

        (paused,) = hooks.schedule_put(drafts=pause, now=now)
        (again,) = hooks.schedule_put(drafts=[ScheduleDraft("one", "other")], now=now)
        fires = [
            Fire("one", version, now, now, Draft("job", "mail", "null"))
            for version in (stored.version, paused.version, again.version)
        ]

        assert (paused.paused, paused.next_due) == (True, None)
        assert (again.paused, again.next_due, again.definition) == (True, None, "other")
        assert hooks.schedule_due(limit=9, now=now + HOUR).schedules == ()
        assert hooks.schedule_fire(fires=fires, now=now) == []
        clock.advance(HOUR)
        (resumed,) = hooks.schedule_put(
            drafts=[ScheduleDraft("one", paused=False)], now=clock.now()
        )
        assert resumed == evolve(
            again,
            paused=False,
            version=resumed.version,
            watermark=clock.now(),
            next_due=clock.now(),
        )
        assert resumed.version > again.version
        assert queue.claim(1) == []

    def test_a_removed_schedule_is_gone_with_its_occurrences_and_its_jobs_stay(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        now = clock.now()
        stored = moved(hooks, "one", now)
        fires = [Fire("one", stored.version, now, now, Draft("job", "mail", "null"))]
        hooks.schedule_fire(fires=fires, now=now)
        moved(hooks, "two", now)

        assert hooks.schedule_remove(ids=["unknown", "one", "one"]) == ["one"]
        assert hooks.schedule_remove(ids=["one"]) == []

        stale = [Fire("one", stored.version + 1, now, now, Draft("b", "mail", "null"))]
        assert hooks.schedule_fire(fires=stale, now=now) == []
        assert [one.id for one in hooks.schedule_list(ids=None, occurrences=0)] == ["two"]
        assert [claim.job.id for claim in queue.claim(9)] == ["job"]
        (anew,) = hooks.schedule_put(drafts=[ScheduleDraft("one", "text")], now=now)
        assert (anew.last_job, anew.watermark) == ("", now)
        assert hooks.schedule_list(ids=["one"], occurrences=9) == [anew]

    def test_any_id_and_any_text_is_kept_as_it_is(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        now = clock.now()
        text = '\u2603 "quoted" \\ \x7f\n\U0001f600' + "x" * 100_000
        drafts = [ScheduleDraft(id, f"{id}{text}") for id in ODD_IDS]
        stored = hooks.schedule_put(drafts=drafts, now=now)
        fires = [
            Fire(
                one.id, one.version, now, None, Draft(f"{one.id}@1", "mail", "null"), (now - HOUR,)
            )
            for one in stored
        ]

        assert [one.fire for one in hooks.schedule_fire(fires=fires, now=now)] == fires

        listed = {one.id: one for one in hooks.schedule_list(ids=None, occurrences=9)}
        assert listed.keys() == set(ODD_IDS)
        for id in ODD_IDS:
            assert listed[id].definition == f"{id}{text}"
            assert len(listed[id].occurrences) == 2
            assert hooks.schedule_list(ids=[id], occurrences=9) == [listed[id]]
        assert sorted(hooks.schedule_remove(ids=ODD_IDS)) == sorted(ODD_IDS)

    def test_of_many_that_fire_at_once_one_is_not_stale(
        self, harness: Harness, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        now = clock.now()
        stored = moved(hooks, "one", now)
        second = resolve(harness.open()).hooks
        with ThreadPoolExecutor(4) as threads:
            sides = [hooks, second] * 2
            for round in range(10):
                draft = Draft(f"job-{round}", "mail", "null")
                fires = [Fire("one", stored.version + round, now + round * SECOND, None, draft)]

                def fire(side: Hooks, fires: list[Fire] = fires) -> int:
                    return len(side.schedule_fire(fires=fires, now=now))

                assert sum(threads.map(fire, sides)) == 1

        second.queue_close()
        assert len(queue.claim(99)) == 10
