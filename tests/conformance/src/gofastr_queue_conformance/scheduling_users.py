"""Schedules as their users see them: a Scheduler, and an operator's hands."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

import pytest

from gofastr_queue import Capability, Job, Queue, Scheduler
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.records import Fate, ScheduleDraft
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.harness import Contract, Harness, lacks

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
YEAR = timedelta(days=365)

PATIENCE = 10.0
"""Seconds that a scheduler in real time may take for a tick that is due."""


class ScheduledContract(Contract):
    """What a Scheduler promises on a store that keeps schedules."""

    TOPIC = "scheduling"

    def test_each_tick_gives_one_job_whoever_looks(
        self, queue: Queue, other: Queue, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        began = clock.now()
        one, two = Scheduler(queue), Scheduler(other)
        for scheduler in (one, two):
            scheduler.every(MINUTE, "digest", {"n": 1}, id="minutely", lane="x", max_attempts=7)
        counts = []
        for _ in range(5):
            clock.advance(MINUTE)
            counts.append([two.run_once(), one.run_once(), two.run_once()])

        assert counts == [[1, 0, 0]] * 5
        jobs = [claim.job for claim in queue.claim(9)]
        assert [job.occurrence for job in jobs] == [began + n * MINUTE for n in range(1, 6)]
        assert jobs[0].id == "minutely@2026-01-01T00:01:00Z"
        assert {(one.type, one.lane, one.max_attempts) for one in jobs} == {("digest", "x", 7)}
        assert [one.payload for one in jobs] == [{"n": 1}] * 5

    def test_registering_anew_keeps_what_is_decided(
        self, queue: Queue, other: Queue, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        Scheduler(queue).cron("0 * * * *", "rollup")
        clock.advance(3 * HOUR + 5 * MINUTE)
        later = Scheduler(other)
        later.cron("0 * * * *", "rollup", {"new": True})

        assert later.run_once() == 1
        assert later.run_once() == 0

        job = queue.dequeue().job
        assert (job.payload, job.occurrence) == ({"new": True}, clock.now() - 5 * MINUTE)
        (shown,) = queue.schedules(occurrences=9)
        assert [one.fate for one in shown.occurrences] == [Fate.ENQUEUED, Fate.MISSED, Fate.MISSED]
        assert shown.next_fire == clock.now() + 55 * MINUTE

    @pytest.mark.parametrize(("catch_up", "jobs"), [("latest", 1), ("all", 4), ("none", 0)])
    def test_what_nobody_was_there_to_fire_is_caught_up_as_was_asked(
        self, queue: Queue, clock: FakeClock, catch_up: str, jobs: int
    ) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        scheduler = Scheduler(queue)
        scheduler.every(HOUR, "rollup", catch_up=catch_up)
        clock.advance(4 * HOUR + 2 * MINUTE)

        assert scheduler.run_once() == jobs

        assert len(queue.claim(9)) == jobs
        (shown,) = queue.schedules(occurrences=9)
        assert [one.fate for one in shown.occurrences].count(Fate.MISSED) == 4 - jobs
        clock.advance(58 * MINUTE)
        assert scheduler.run_once() == 1

    def test_years_of_outage_are_one_job_and_a_bounded_history(
        self, queue: Queue, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        scheduler = Scheduler(queue)
        scheduler.cron("* * * * *", "minutely", tz="America/New_York")
        scheduler.run_once()
        clock.advance(6 * YEAR)
        began = time.perf_counter()

        assert scheduler.run_once() == 1

        assert time.perf_counter() - began < 10
        (shown,) = queue.schedules(occurrences=5_000)
        assert len(shown.occurrences) == 1_000
        assert len({one.at for one in shown.occurrences}) == 1_000
        assert shown.occurrences[0].at == queue.dequeue().job.occurrence == clock.now()

    def test_a_tick_that_overlaps_is_skipped_if_asked(self, queue: Queue, clock: FakeClock) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        scheduler = Scheduler(queue)
        scheduler.every(MINUTE, "slow", overlap="skip")
        counts = []
        for round in range(5):
            clock.advance(MINUTE)
            counts.append(scheduler.run_once())
            if round == 2:
                queue.ack(queue.dequeue())

        assert counts == [1, 0, 0, 1, 0]
        (shown,) = queue.schedules(occurrences=9)
        assert [one.fate for one in shown.occurrences][::-1] == [
            Fate.ENQUEUED,
            Fate.OVERLAP,
            Fate.OVERLAP,
            Fate.ENQUEUED,
            Fate.OVERLAP,
        ]

    def test_one_that_cannot_be_read_is_logged_and_the_others_fire(
        self,
        queue: Queue,
        hooks: Hooks,
        clock: FakeClock,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        texts = ("", "no JSON", "[]", '{"cron": "0 0 30 2 *"}', "null")
        drafts = [ScheduleDraft(f"bad-{n}", text) for n, text in enumerate(texts)]
        hooks.schedule_put(drafts=drafts, now=clock.now())
        scheduler = Scheduler(queue)
        scheduler.every(MINUTE, "good")
        with caplog.at_level(logging.ERROR):
            counts = []
            for _ in range(3):
                clock.advance(MINUTE)
                counts.append(scheduler.run_once())

        assert counts == [1, 1, 1]
        said = [record.getMessage() for record in caplog.records]
        assert sorted(text.split()[1] for text in said) == [f"'bad-{n}'" for n in range(5)]
        shown = {one.id: one.problem for one in queue.schedules()}
        assert [id for id, problem in sorted(shown.items()) if not problem] == ["good"]

    def test_an_operator_pauses_runs_and_removes(
        self, queue: Queue, other: Queue, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        scheduler = Scheduler(queue)
        scheduler.every(MINUTE, "digest", {"n": 1})

        assert other.pause_schedule("digest")
        clock.advance(5 * MINUTE)
        assert scheduler.run_once() == 0
        scheduler.every(MINUTE, "digest", {"n": 2}, id="digest")
        assert scheduler.run_once() == 0
        assert other.schedules("digest")[0].paused
        assert other.schedules("digest")[0].next_fire is None
        job = other.run_schedule("digest")
        assert job is not None
        assert (job.type, job.payload, job.occurrence) == ("digest", {"n": 2}, clock.now())
        assert other.resume_schedule("digest")
        assert scheduler.run_once() == 0
        clock.advance(MINUTE)
        assert scheduler.run_once() == 1
        assert other.remove_schedule("digest")
        clock.advance(MINUTE)
        assert scheduler.run_once() == 0
        assert len(queue.claim(9)) == 2
        assert other.schedules() == []

    def test_what_is_unknown_is_said_to_be(self, queue: Queue) -> None:
        if lacks(queue, Capability.SCHEDULE):
            return
        assert queue.schedules() == queue.schedules("unknown") == []
        assert not queue.pause_schedule("unknown")
        assert not queue.resume_schedule("unknown")
        assert not queue.remove_schedule("unknown")
        assert queue.run_schedule("unknown") is None
        assert queue.schedules() == []

    def test_in_the_background_late_registrations_fire_too(self, harness: Harness) -> None:
        with Queue(harness.open()) as queue:
            if lacks(queue, Capability.SCHEDULE):
                return
            with Scheduler(queue) as scheduler:
                scheduler.every(HOUR, "rare")
                time.sleep(0.05)  # it sleeps for an hour, were it not woken
                scheduler.every(SECOND / 20, "often")
                jobs: list[Job] = []
                until = time.monotonic() + PATIENCE
                while len(jobs) < 3 and time.monotonic() < until:
                    jobs += [claim.job for claim in queue.claim(9)]
                    time.sleep(0.01)

        assert len(jobs) >= 3
        assert {job.type for job in jobs} == {"often"}
        assert len({job.occurrence for job in jobs}) == len(jobs)
