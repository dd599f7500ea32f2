"""What ``diagnose`` reads off a store's jobs: leases that ran out, and jobs that wait."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gofastr_queue import BackendUnavailable, Job, Queue, hookimpl
from gofastr_queue.observed import LOOKED_AT
from gofastr_queue.records import Finding, Level
from gofastr_queue.testing import FakeClock
from gofastr_queue_memory import MemoryBackend

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture(params=["memory://", "sqlite:///{}/jobs.db"])
def queue(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Queue]:
    with Queue.open(request.param.format(tmp_path), clock=clock, lease=MINUTE) as queue:
        yield queue


def of(queue: Queue, subject: str) -> list[Finding]:
    return [one for one in queue.diagnose() if one.subject == subject]


def test_of_an_empty_store_all_is_well(queue: Queue) -> None:
    assert of(queue, "leases") == [
        Finding("leases", Level.OK, "of 0 jobs looked at, none lost its lease")
    ]
    assert of(queue, "backlog") == [
        Finding("backlog", Level.OK, "of 0 jobs looked at, none waits for long")
    ]


def test_attempts_that_failed_by_themselves_are_no_lost_leases(queue: Queue) -> None:
    queue.enqueue("mail", max_attempts=1)
    queue.enqueue("mail", max_attempts=2)
    for claim in queue.claim(2):
        queue.nack(claim, "the lease ran out before the worker settled the job")
    queue.dequeue()

    (found,) = of(queue, "leases")

    assert (found.level, found.text) == (Level.OK, "of 2 jobs looked at, none lost its lease")


def test_a_lease_that_ran_out_and_was_taken_back_is_a_note(queue: Queue, clock: FakeClock) -> None:
    queue.enqueue("video")
    queue.enqueue("mail")
    queue.claim(1)
    clock.advance(MINUTE)
    assert queue.reclaim() == 1

    (found,) = of(queue, "leases")

    assert found.level is Level.NOTE
    assert found.text.startswith("of 2 jobs looked at, 1 lost a lease: 'video' (1); their worker")
    assert "a longer lease=" in found.remedy


def test_a_job_that_died_of_its_lease_is_a_warning(queue: Queue, clock: FakeClock) -> None:
    queue.enqueue("video", max_attempts=1)
    queue.dequeue()
    clock.advance(MINUTE)
    queue.reclaim()

    (found,) = of(queue, "leases")

    assert found.level is Level.WARNING
    assert "1 lost a lease, 1 of them their last: 'video' (1)" in found.text


def test_a_job_that_died_of_something_else_is_none(queue: Queue, clock: FakeClock) -> None:
    queue.enqueue("video", max_attempts=2)
    queue.dequeue()
    clock.advance(MINUTE)
    queue.reclaim()
    queue.nack(queue.dequeue(), "broken")

    (found,) = of(queue, "leases")

    assert found.level is Level.NOTE
    assert "their last" not in found.text


@pytest.mark.parametrize(("after", "level"), [(59, Level.OK), (60, Level.WARNING)])
def test_an_expired_lease_that_nobody_takes_back_is_a_warning(
    queue: Queue, clock: FakeClock, after: int, level: Level
) -> None:
    queue.enqueue("mail")
    queue.dequeue()
    clock.advance(MINUTE + after * SECOND)

    (found,) = of(queue, "leases")

    assert found.level is level
    if level is Level.WARNING:
        assert "ran out, one 60 s ago, and nobody takes them back: 'mail' (1)" in found.text
        assert "start a worker" in found.remedy
    assert queue.reclaim() == 1


@pytest.mark.parametrize(("lease", "level"), [(HOUR, Level.OK), (3 * HOUR, Level.NOTE)])
def test_a_lease_that_delays_the_end_of_a_crash_is_a_note(
    queue: Queue, lease: timedelta, level: Level
) -> None:
    queue.enqueue("mail")
    queue.extend(queue.dequeue(), lease)

    (found,) = of(queue, "leases")

    assert found.level is level
    assert ("runs for another 3 hours" in found.text) is (level is Level.NOTE)


def test_only_the_commonest_types_are_named_and_shortly(queue: Queue, clock: FakeClock) -> None:
    long = "x" * 255
    queue.enqueue_many([Job(type=one) for one in ["a", "b", "c", "d", long, long, "\u202ee", "b"]])
    queue.claim(8)
    clock.advance(MINUTE)
    queue.reclaim()

    (found,) = of(queue, "leases")

    assert f"'b' (2), '{'x' * 79}… (2), " in found.text
    assert " and others; their worker" in found.text
    assert "\u202e" not in found.text


def test_ready_jobs_that_nobody_claims_are_a_note(queue: Queue, clock: FakeClock) -> None:
    queue.enqueue("mail")
    queue.enqueue("mail", delay=HOUR)
    clock.advance(MINUTE)
    assert [one.level for one in of(queue, "backlog")] == [Level.OK]
    clock.advance(SECOND)

    (found,) = of(queue, "backlog")

    assert found.level is Level.NOTE
    assert found.text == "1 jobs are ready, one for 61 s, and none is claimed: 'mail' (1)"


def test_jobs_that_wait_for_long_behind_others_are_a_note(queue: Queue, clock: FakeClock) -> None:
    queue.enqueue_many([Job(type="mail")] * (LOOKED_AT + 2))
    queue.extend(queue.dequeue(), HOUR)
    clock.advance(5 * MINUTE)
    assert [one.level for one in of(queue, "backlog")] == [Level.OK]
    clock.advance(SECOND)

    (found,) = of(queue, "backlog")

    assert found.level is Level.NOTE
    assert found.text == f"at least {LOOKED_AT} jobs are ready, one for 5 minutes: 'mail' (100)"


def test_a_job_has_not_waited_before_it_was_enqueued(queue: Queue, clock: FakeClock) -> None:
    queue.enqueue("mail", scheduled_at=clock.now() - HOUR)

    assert [one.level for one in of(queue, "backlog")] == [Level.OK]


def test_no_page_is_longer_than_what_is_looked_at(queue: Queue) -> None:
    queue.enqueue_many([Job(type="mail")] * (LOOKED_AT + 50))

    (found,) = of(queue, "leases")

    assert f"of {LOOKED_AT} jobs" in found.text


class Blind(MemoryBackend):
    """Knows how it is, but cannot list jobs."""

    queue_browse: Any = None
    queue_stats: Any = None


class Refusing(MemoryBackend):
    """Fails when it shall list jobs."""

    @hookimpl
    def queue_browse(self, query: Any) -> Any:  # noqa: ARG002 - the hook's
        raise BackendUnavailable("no rights on the table: grant them")


def test_of_a_store_that_cannot_list_jobs_nothing_is_said() -> None:
    with Queue(Blind()) as queue:
        assert [one.subject for one in queue.diagnose()] == ["durability", "clock"]


def test_a_listing_that_fails_is_told_beside_the_other_findings() -> None:
    with Queue(Refusing()) as queue:
        *others, found = queue.diagnose()

    assert [one.subject for one in others] == ["durability", "clock"]
    assert (found.subject, found.level) == ("leases", Level.NOTE)
    assert "no rights on the table" in found.text
