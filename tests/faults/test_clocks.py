"""Workers whose clocks are wrong by ten minutes: it matters exactly where the store says so."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.faults.crew import PATIENCE
from tests.faults.site import Site, work

from gofastr_queue import Capability, Job
from gofastr_queue_conformance.watching import eventually

WRONG = 600.0
LATER = timedelta(minutes=5)
LEASE = 3.0
RECLAIM = "--reclaim-interval=300ms"

OF_TIME = {"early", "overlap", "refused", "order"}
"""What may be broken where each process's clock counts; a token is good all the same."""


@pytest.mark.timeout(PATIENCE * 4)
def test_clocks_that_are_wrong_change_nothing_where_the_stores_own_decides(site: Site) -> None:
    for clock in (WRONG, -WRONG, 0):
        site.start(RECLAIM, lease=LEASE, clock=clock)
    later = site.queue.enqueue("work", [0.0], delay=LATER, max_attempts=20).id
    flaky = [Job(type="flaky", payload=[0.3], max_attempts=20)] * 20
    with site.sampled():
        for _ in range(5):
            site.queue.enqueue_many([*work(40, 0.02), *flaky])
        eventually(lambda: only(site, later), "everything but what is due later", PATIENCE, 0.1)
    codes = site.crew.end()
    early = not site.queue.cancel(later)

    broken = {violation.code for violation in site.violations()}
    assert codes == [0, 0, 0]
    if Capability.SERVER_CLOCK in site.queue.capabilities:
        assert not early
        assert broken == set()
    else:
        assert early
        assert "early" in broken
        assert broken <= OF_TIME


def only(site: Site, later: str) -> bool:
    """Tell whether nothing is left but perhaps one job."""
    return all(job.id == later for job in site.queue.list_jobs(limit=2))
