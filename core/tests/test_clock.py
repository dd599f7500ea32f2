"""Time is injected: a queue on a fake clock knows no other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from gofastr_queue import InvalidJob, NoJob, Queue
from gofastr_queue.clock import SystemClock
from gofastr_queue.testing import FakeClock

HOUR = timedelta(hours=1)


def test_the_systems_clock_is_aware_and_in_utc() -> None:
    now = SystemClock().now()

    assert now.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - now) < timedelta(minutes=1)


def test_a_fake_clock_stands_still_until_it_is_moved() -> None:
    clock = FakeClock(datetime(2026, 3, 1, 1, tzinfo=timezone(HOUR)))

    assert clock.now() == clock.now() == datetime(2026, 3, 1, tzinfo=UTC)
    clock.advance(HOUR)
    assert clock.now() == datetime(2026, 3, 1, 1, tzinfo=UTC)
    clock.advance(-2 * HOUR)
    assert clock.now() == datetime(2026, 2, 28, 23, tzinfo=UTC)


def test_a_fake_clock_starts_at_an_aware_moment() -> None:
    with pytest.raises(InvalidJob, match="naive"):
        FakeClock(datetime(2026, 1, 1))  # noqa: DTZ001 - the bad input


@pytest.mark.parametrize(
    "start", [datetime(1980, 5, 5, tzinfo=UTC), datetime(8000, 5, 5, tzinfo=UTC)]
)
def test_every_time_of_a_job_is_the_injected_clocks(start: datetime) -> None:
    clock = FakeClock(start)
    with Queue.open("memory://", clock=clock, lease=HOUR) as queue:
        job = queue.enqueue("mail", delay=HOUR)
        with pytest.raises(NoJob):
            queue.dequeue()
        clock.advance(HOUR)
        claim = queue.dequeue()
        queue.nack(claim, ValueError("no"))

        (failed,) = queue.dequeue().job.errors

    assert (job.created_at, job.scheduled_at) == (start, start + HOUR)
    assert claim.lease_until == start + 2 * HOUR
    assert failed.at == start + HOUR
