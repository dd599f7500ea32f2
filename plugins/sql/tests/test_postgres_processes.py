"""Four processes with four workers each drain 20 000 jobs, and every count meanwhile is exact."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from attrs import frozen

from gofastr_queue import Job, Queue
from gofastr_queue_conformance import Harness
from gofastr_queue_conformance.processes import Crew
from gofastr_queue_conformance.watching import eventually
from gofastr_queue_conformance_workers.ledger import Ledger

JOBS = 20_000
PROCESSES = 4
SLOTS = 4
PATIENCE = 90.0


@frozen
class Sample:
    """Counts, and how many jobs had had their effect before and after they were taken."""

    before: int
    stats: dict[str, int]
    after: int

    @property
    def total(self) -> int:
        return sum(self.stats.values())


@pytest.fixture
def crew(postgres: Harness, tmp_path: Path) -> Iterator[Crew]:
    crew = Crew(postgres.url, Ledger(tmp_path / "ledger"))
    yield crew
    crew.end()


@pytest.fixture
def queue(postgres: Harness) -> Iterator[Queue]:
    with Queue(postgres.open()) as queue:
        yield queue


def effects(crew: Crew) -> int:
    """Return how many effects were written so far."""
    path = crew.ledger.path
    return path.read_bytes().count(b"done ") if path.exists() else 0


def ready(crew: Crew) -> set[int]:
    """Return the processes that work by now."""
    return {one.process for one in crew.ledger.read("ready")}


def sample(queue: Queue, crew: Crew) -> Sample:
    before = effects(crew)
    stats = queue.stats()
    return Sample(before, stats, effects(crew))


@pytest.mark.timeout(240)
def test_sixteen_workers_do_each_job_once_and_every_count_is_conserved(
    queue: Queue, crew: Crew
) -> None:
    processes = [crew.start(workers=SLOTS) for _ in range(PROCESSES)]
    eventually(lambda: len(ready(crew)) == PROCESSES, "every process", PATIENCE)
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    ids = [job.id for job in queue.enqueue_many([Job(type="note")] * JOBS, chunk=JOBS // 2)]
    samples = [sample(queue, crew)]
    for process in processes:
        process.send_signal(signal.SIGCONT)
    began = time.monotonic()
    while samples[-1].total and time.monotonic() < began + PATIENCE:
        samples.append(sample(queue, crew))
    took = time.monotonic() - began
    for process in processes:
        process.send_signal(signal.SIGTERM)
    said = [process.communicate(timeout=PATIENCE)[1] for process in processes]
    print(f"{took:.1f} s, {len(samples)} samples")  # noqa: T201 - for pytest -rP

    assert [process.returncode for process in processes] == [0] * PROCESSES, said
    done = crew.ledger.read("done")
    assert Counter(one.id for one in done) == Counter(ids)
    assert {one.attempt for one in done} == {1}
    assert len({one.process for one in done}) == PROCESSES
    for one in samples:
        # An effect comes before its ack: what is gone has had it, what is pending has not.
        assert JOBS - one.after <= one.total <= JOBS
        assert one.stats["pending"] <= JOBS - one.before
        assert one.stats["failed"] == 0
    assert all(earlier.total >= later.total for earlier, later in pairwise(samples))
    assert sum(0 < one.before < JOBS for one in samples) > 10
    assert samples[-1].stats == {"pending": 0, "claimed": 0, "failed": 0}
