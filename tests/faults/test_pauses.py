"""A worker that is stopped for longer than its lease, as a paused machine is, and then goes on."""

from __future__ import annotations

import time

from tests.faults.crew import PATIENCE
from tests.faults.effects import Effect
from tests.faults.history import pid_of
from tests.faults.site import MARGIN, Site

from gofastr_queue import Job
from gofastr_queue_conformance.watching import eventually

SLOTS, OTHERS = 4, 12
LEASE, RECLAIM, SLACK = 3.0, 0.3, 0.5
JOB_SECONDS, AGAIN_SECONDS = 2.5, 2.0
NANOS = 1e9


def test_late_acks_are_refused_and_the_jobs_start_again_in_time(site: Site) -> None:
    options = [f"--reclaim-interval={RECLAIM}s"]
    other = site.start(*options, lease=LEASE, workers=OTHERS)
    victim = site.start(*options, lease=LEASE, workers=SLOTS)
    jobs = [Job(type="work", payload=[JOB_SECONDS, AGAIN_SECONDS])] * (SLOTS + OTHERS)
    site.queue.enqueue_many(jobs)
    eventually(lambda: len(site.effects()) == len(jobs), "every slot at work", PATIENCE)
    victim.pause()
    paused = time.monotonic_ns()
    cut = {one.id for one in site.effects() if pid_of(one.process) == victim.pid and not one.done}
    eventually(lambda: len(again(site)) == len(cut), "the second attempts", PATIENCE, 0.02)
    victim.go_on()
    eventually(lambda: late(site, victim.pid) >= len(cut), "the late acks", PATIENCE, 0.02)
    site.drained()
    assert [victim.end(), other.end()] == [0, 0]

    history = site.history()
    mine = [op for op in history.of("ack") if pid_of(op.process) == victim.pid]
    restarted = max(effect.began - paused for effect in again(site)) / NANOS
    print(f"started again after {restarted:.2f} s")  # noqa: T201 - for pytest -rP
    assert len(cut) == SLOTS
    assert {effect.id for effect in again(site)} == cut
    last = min(effect.done for effect in again(site) if effect.done)
    assert {op.value for op in mine} == {False}
    assert any(op.ended < last for op in mine), "refused while another holds the claim"
    assert {op.id for op in mine} == cut
    assert restarted <= LEASE + RECLAIM + MARGIN * SLACK
    assert site.violations() == []
    assert site.queue.stats() == {"pending": 0, "claimed": 0, "failed": 0}


def again(site: Site) -> list[Effect]:
    """Return the second attempts."""
    return [effect for effect in site.effects() if effect.attempt == 2]


def late(site: Site, pid: int) -> int:
    """Return how many acks a process has had an answer to."""
    acks = site.history().of("ack")
    return sum(pid_of(op.process) == pid and op.phase == "ok" for op in acks)
