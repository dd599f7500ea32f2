"""What ``diagnose`` reads off the jobs is the same on every store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gofastr_queue import Queue
from gofastr_queue.records import Finding, Level
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance import Harness

MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["memory", "sqlite", "postgres", "redis"])
def harness(request: pytest.FixtureRequest) -> Harness:
    found: Harness = request.getfixturevalue(request.param)
    return found


def test_leases_that_ran_out_and_jobs_that_wait_are_told(harness: Harness) -> None:
    clock = FakeClock(datetime.now(UTC))
    with Queue(harness.open(), clock=clock, lease=MINUTE) as queue:
        queue.enqueue("died", max_attempts=1)
        queue.enqueue("again")
        queue.claim(2)
        clock.advance(MINUTE)
        queue.reclaim()
        clock.advance(2 * MINUTE)
        waiting = of(queue)
        queue.dequeue()
        clock.advance(4 * MINUTE)
        queue.enqueue("new")
        overdue = of(queue)

    lost = (
        "of {} jobs looked at, 2 lost a lease, 1 of them their last: 'again' (1), 'died' (1); "
        "their worker died, hung or was cut off, or a loop of your own outlasted its lease"
    )
    ready = "1 jobs are ready, one for 3 minutes, and none is claimed: 'again' (1)"
    left = (
        "leases of claimed jobs ran out, one 3 minutes ago, and nobody takes them back: 'again' (1)"
    )
    assert waiting == [
        ("leases", Level.WARNING, lost.format(2)),
        ("backlog", Level.NOTE, ready),
    ]
    assert overdue == [
        ("leases", Level.WARNING, left),
        ("leases", Level.WARNING, lost.format(3)),
        ("backlog", Level.OK, "of 3 jobs looked at, none waits for long"),
    ]


def of(queue: Queue) -> list[tuple[str, Level, str]]:
    found: list[Finding] = queue.diagnose()
    return [
        (one.subject, one.level, one.text) for one in found if one.subject in ("leases", "backlog")
    ]


def test_by_the_stores_own_clock_a_lease_just_taken_is_well(harness: Harness) -> None:
    with Queue(harness.open()) as queue:
        queue.enqueue("mail")
        queue.dequeue()

        found = of(queue)

    assert [level for _, level, _ in found] == [Level.OK, Level.OK]
