"""Observers learn what happened, each on its own: one that fails disturbs nobody."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from gofastr_queue import Bury, Claim, Job, Queue, hookimpl
from gofastr_queue.records import Release
from gofastr_queue.testing import FakeClock, drain

MINUTE = timedelta(minutes=1)


class Recorder:
    """Writes down every event with the types of its jobs."""

    def __init__(self) -> None:
        self.events: list[tuple[str, list[str]]] = []

    def _saw(self, event: str, jobs: Sequence[Job]) -> None:
        self.events.append((event, [job.type for job in jobs]))

    @hookimpl
    def jobs_enqueued(self, jobs: Sequence[Job]) -> None:
        self._saw("enqueued", jobs)

    @hookimpl
    def jobs_started(self, claims: Sequence[Claim]) -> None:
        self._saw("started", [claim.job for claim in claims])

    @hookimpl
    def jobs_finished(self, claims: Sequence[Claim]) -> None:
        self._saw("finished", [claim.job for claim in claims])

    @hookimpl
    def jobs_failed(self, releases: Sequence[Release]) -> None:
        self._saw("failed", [one.claim.job for one in releases if isinstance(one.claim, Claim)])

    @hookimpl
    def jobs_buried(self, jobs: Sequence[Job]) -> None:
        self._saw("buried", jobs)

    @hookimpl
    def jobs_dropped(self, jobs: Sequence[Job]) -> None:
        self._saw("dropped", jobs)

    @hookimpl
    def claims_stale(self, claims: Sequence[Claim]) -> None:
        self._saw("stale", [claim.job for claim in claims])


class Counter:
    """An observer that takes no arguments."""

    def __init__(self) -> None:
        self.count = 0

    @hookimpl
    def jobs_enqueued(self) -> None:
        self.count += 1


class Broken:
    """An observer that always fails."""

    @hookimpl
    def jobs_enqueued(self, jobs: Sequence[Job]) -> None:
        raise ValueError(f"cannot count {len(jobs)} jobs")


def open_with(clock: FakeClock, *plugins: Any) -> Queue:
    return Queue.open("memory://", clock=clock, lease=MINUTE, plugins=plugins)


def test_a_job_that_succeeds_is_enqueued_started_finished(clock: FakeClock) -> None:
    recorder = Recorder()
    with open_with(clock, recorder) as queue:
        queue.register_handler("a", lambda _job: None)
        queue.enqueue_many([Job(type="a"), Job(type="b")])
        drain(queue)

    assert recorder.events == [
        ("enqueued", ["a", "b"]),
        ("started", ["a"]),
        ("finished", ["a"]),
        ("dropped", ["b"]),
    ]


def test_a_job_that_fails_is_told_as_failed_and_at_the_end_as_buried(clock: FakeClock) -> None:
    recorder = Recorder()

    def bury(_job: Job) -> None:
        raise Bury

    with open_with(clock, recorder) as queue:
        queue.register_handler("a", bury)
        queue.enqueue("a")
        queue.enqueue("b")
        queue.nack(queue.dequeue("b"))
        drain(queue, limit=1)

    assert recorder.events[2:] == [
        ("failed", ["b"]),
        ("started", ["a"]),
        ("failed", ["a"]),
        ("buried", ["a"]),
    ]


def test_a_buried_job_is_shown_as_failed_and_unclaimed(clock: FakeClock) -> None:
    seen: list[Job] = []

    class Mourner:
        @hookimpl
        def jobs_buried(self, jobs: Sequence[Job]) -> None:
            seen.extend(jobs)

    with open_with(clock, Mourner()) as queue:
        queue.enqueue("a", max_attempts=1)
        queue.nack(queue.dequeue())
        queue.enqueue("b", max_attempts=1)
        queue.dequeue()
        clock.advance(MINUTE)
        queue.reclaim()

    assert [(one.type, str(one.status), one.worker, one.lease_until) for one in seen] == [
        ("a", "failed", "", None),
        ("b", "failed", "", None),
    ]


def test_a_settlement_that_came_too_late_is_told_as_stale(clock: FakeClock) -> None:
    recorder = Recorder()
    with open_with(clock, recorder) as queue:
        queue.enqueue("a")
        late = queue.dequeue()
        clock.advance(MINUTE)
        queue.ack(queue.dequeue())

        assert not queue.ack(late)

    assert recorder.events[1:] == [("finished", ["a"]), ("stale", ["a"])]


def test_nothing_is_told_of_a_job_given_back_or_already_stored(clock: FakeClock) -> None:
    recorder = Recorder()
    with open_with(clock, recorder) as queue:
        queue.enqueue("a", id="1")
        queue.enqueue("a", id="1", on_conflict="ignore")
        queue.release(queue.dequeue())

    assert recorder.events == [("enqueued", ["a"])]


def test_each_observer_is_told_although_another_fails(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    before, after = Counter(), Recorder()
    with (
        open_with(clock, before, Broken(), after) as queue,
        caplog.at_level(logging.ERROR, "gofastr_queue"),
    ):
        job = queue.enqueue("a")

        assert queue.get(job.id) is not None

    assert before.count == 1
    assert after.events == [("enqueued", ["a"])]
    (record,) = caplog.records
    assert record.message == "observer failed"
    assert vars(record)["hook"] == "jobs_enqueued"


def test_observers_are_told_in_order_of_registration(clock: FakeClock) -> None:
    told: list[int] = []

    class Numbered:
        def __init__(self, number: int) -> None:
            self.number = number

        @hookimpl
        def jobs_enqueued(self) -> None:
            told.append(self.number)

    with open_with(clock, *(Numbered(number) for number in range(5))) as queue:
        queue.enqueue("a")

    assert told == [0, 1, 2, 3, 4]
