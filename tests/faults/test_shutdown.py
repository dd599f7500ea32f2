"""SIGTERM: what runs is finished and acked, everything else is as if it had not been claimed."""

from __future__ import annotations

import time

from tests.faults.crew import PATIENCE
from tests.faults.site import Site

from gofastr_queue import Job
from gofastr_queue_conformance.watching import eventually

SLOTS, JOBS = 4, 100
JOB_SECONDS = 1.0
GRACE = 20.0


def test_sigterm_acks_what_runs_and_leaves_the_rest_uncounted(site: Site) -> None:
    worker = site.start(f"--grace={GRACE}s", lease=30, workers=SLOTS)
    site.queue.enqueue_many([Job(type="work", payload=[JOB_SECONDS])] * JOBS)
    eventually(lambda: len(site.effects()) >= SLOTS, "handlers that run", PATIENCE)
    began = time.monotonic()
    code = worker.end()
    took = time.monotonic() - began

    done = {effect.id for effect in site.effects() if effect.done is not None}
    acked = {op.id for op in site.history().of("ack") if op.happened}
    waiting = site.queue.list_jobs(limit=2 * JOBS)
    print(f"ended after {took:.2f} s")  # noqa: T201 - for pytest -rP
    assert code == 0
    assert took < GRACE
    assert acked == done
    assert len(done) == len(site.effects())
    assert SLOTS <= len(done) <= 2 * SLOTS, "what ran at the signal, and what began just before it"
    left = [("pending", 0)] * (JOBS - len(done))
    assert [(job.status, job.attempts) for job in waiting] == left
    assert {violation.code for violation in site.violations()} == {"left"}
