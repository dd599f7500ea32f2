"""Several processes on one store: killed, stopped, told to end, forked.

Each process is an interpreter of its own, which opens the harness's URL.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from gofastr_queue import Job, Queue
from gofastr_queue.capabilities import Capability
from gofastr_queue_conformance.harness import Harness, lacks, put
from gofastr_queue_conformance.watching import Worked, eventually, left
from gofastr_queue_conformance_workers import environment
from gofastr_queue_conformance_workers.ledger import Ledger
from gofastr_queue_conformance_workers.wrong_clock import WRONG

PATIENCE = 30.0
"""Seconds for anything that several interpreters do."""

MODULES = "gofastr_queue_conformance_workers"

Process = subprocess.Popen[str]


class Crew:
    """Worker processes on one store, with one ledger."""

    def __init__(self, url: str, ledger: Ledger) -> None:
        self.url = url
        self.ledger = ledger
        self._processes: list[Process] = []

    def start(self, **options: float) -> Process:
        """Start a worker process with options of ``workers.drain``."""
        flags = [f"--{name}={value}" for name, value in options.items()]
        command = [sys.executable, "-m", f"{MODULES}.drain", str(self.ledger.path)]
        process = subprocess.Popen(
            [*command, *flags], env=environment(self.url), stderr=subprocess.PIPE, text=True
        )
        self._processes.append(process)
        return process

    def end(self) -> None:
        """Kill and reap whatever still lives."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.communicate()


class ProcessesContract(Worked):
    """What MULTI_PROCESS promises; a backend without it keeps its jobs to its own process."""

    TOPIC = "crashing"

    @pytest.fixture
    def crew(self, harness: Harness, producer: Queue, tmp_path: Path) -> Iterator[Crew | None]:
        """Worker processes, or None where processes share nothing."""
        if lacks(producer, Capability.MULTI_PROCESS):
            yield None
            return
        if not harness.url:
            pytest.fail("MULTI_PROCESS needs a harness with a url")
        crew = Crew(harness.url, Ledger(tmp_path / "ledger"))
        yield crew
        crew.end()

    def test_a_second_process_sees_the_jobs_exactly_if_the_backend_says_so(
        self, harness: Harness, producer: Queue
    ) -> None:
        shared = Capability.MULTI_PROCESS in producer.capabilities
        put(producer, *(Job(type="note") for _ in range(3)))
        if not harness.url:
            assert not shared, "MULTI_PROCESS needs a harness with a url"
            return

        assert _output("look", harness.url) == ("3" if shared else "0")

    def test_a_workers_wrong_clock_matters_exactly_if_the_backend_says_so(
        self, producer: Queue, crew: Crew | None
    ) -> None:
        if crew is None:
            return
        producer.enqueue("note")

        ahead = float(_output("wrong_clock", crew.url))

        expected = 0 if Capability.SERVER_CLOCK in producer.capabilities else WRONG
        assert abs(ahead - expected) < PATIENCE

    def test_several_processes_have_every_effect_exactly_once(
        self, producer: Queue, crew: Crew | None
    ) -> None:
        if crew is None:
            return
        processes = [crew.start() for _ in range(3)]
        _eventually(lambda: len({one.process for one in crew.ledger.read("ready")}) == 3, "three")
        ids = [job.id for job in put(producer, *(Job(type="note") for _ in range(2_000)))]
        _eventually(lambda: len(crew.ledger.read("done")) >= 2_000, "2 000 effects")
        codes = [_ended(process) for process in processes]

        effects = crew.ledger.read("done")
        assert Counter(effect.id for effect in effects) == Counter(ids)
        assert {effect.attempt for effect in effects} == {1}
        assert codes == [0, 0, 0]
        assert left(producer) == {}

    def test_jobs_of_a_killed_process_run_again_after_its_lease(
        self, producer: Queue, crew: Crew | None
    ) -> None:
        if crew is None:
            return
        victim, other = (crew.start(lease=0.6) for _ in range(2))
        _eventually(lambda: len({one.process for one in crew.ledger.read("ready")}) == 2, "two")
        jobs = [Job(type="work", payload=0.02, max_attempts=5) for _ in range(150)]
        ids = {job.id for job in put(producer, *jobs)}
        for process in (victim, other):
            _eventually(partial(_has_done, crew, process.pid, 5), "both at work")
        victim.kill()
        victim.wait(PATIENCE)
        _eventually(lambda: {one.id for one in crew.ledger.read("done")} == ids, "all effects")
        _eventually(lambda: not _alive(producer), "what was done but not acked, done again")
        code = _ended(other)

        entries = crew.ledger.read()
        starts = [one for one in entries if one.what == "start"]
        done = {(one.id, one.process) for one in entries if one.what == "done"}
        cut = {one.id for one in starts if one.process == victim.pid} - {
            id for id, process in done if process == victim.pid
        }
        again = {one.id: one.attempt for one in starts if one.process == other.pid}
        assert code == 0
        assert all(again[id] == 2 for id in cut), "a cut attempt counts"
        assert max(Counter(one.id for one in starts).values()) <= 2
        assert all(1 <= one.attempt <= 2 for one in starts)
        assert left(producer) == {}

    def test_sigterm_finishes_what_runs_and_gives_the_rest_back_uncounted(
        self, producer: Queue, crew: Crew | None
    ) -> None:
        if crew is None:
            return
        jobs = put(producer, *(Job(type="work", payload=0.5) for _ in range(100)))
        worker = crew.start(workers=4)
        _eventually(lambda: len(crew.ledger.read("start")) == 4, "four running handlers")
        code = _ended(worker)

        done = {effect.id for effect in crew.ledger.read("done")}
        assert code == 0
        assert len(done) == len(crew.ledger.read("start")) == 4
        assert left(producer) == {job.id: 0 for job in jobs if job.id not in done}

    def test_a_process_stopped_beyond_its_lease_changes_nothing_when_it_goes_on(
        self, producer: Queue, crew: Crew | None
    ) -> None:
        if crew is None:
            return
        job = producer.enqueue("work", 0.2, max_attempts=5)
        worker = crew.start(workers=1, lease=1)
        eventually(lambda: crew.ledger.read("start"), "the start", within=PATIENCE)
        worker.send_signal(signal.SIGSTOP)  # before it renews, or it might keep a file locked
        _eventually(producer.reclaim, "its lease is over")
        claim = producer.dequeue()
        worker.send_signal(signal.SIGCONT)
        _eventually(lambda: crew.ledger.read("done"), "its late end")
        time.sleep(0.2)  # time for an ack that must not count
        worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=PATIENCE)

        assert worker.returncode == 0, said
        assert claim.job.id == job.id
        assert claim.job.attempts == 2
        assert "stale" in said
        assert producer.ack(claim)
        assert left(producer) == {}

    def test_a_job_that_kills_its_process_is_failed_after_max_attempts(
        self, producer: Queue, crew: Crew | None
    ) -> None:
        if crew is None:
            return
        jobs = [Job(type="work", payload=0.0, max_attempts=20) for _ in range(20)]
        poison = producer.enqueue("poison", max_attempts=3)
        others = {job.id for job in put(producer, *jobs)}
        deaths = 0
        while deaths < 6:
            worker = crew.start(workers=2, lease=0.3)
            _eventually(
                partial(_died_or_over, worker, producer, crew, others),
                "the worker's death, or the end of all work",
            )
            if worker.poll() is None:
                break
            deaths += 1
        code = _ended(worker)

        starts = [one for one in crew.ledger.read("start") if one.id == poison.id]
        assert [one.attempt for one in starts] == [1, 2, 3]
        assert len({one.process for one in starts}) == deaths == 3
        assert code == 0
        assert {one.id for one in crew.ledger.read("done")} == others
        assert left(producer) == {}
        if Capability.BROWSE in producer.capabilities:
            stored = producer.get(poison.id)
            assert stored is not None
            assert (stored.status, stored.attempts) == ("failed", 3)
            assert [error.kind for error in stored.errors] == ["LeaseExpired"] * 3

    def test_an_idle_process_starts_what_another_enqueues(
        self, producer: Queue, crew: Crew | None
    ) -> None:
        if crew is None:
            return
        woken = Capability.WAKE in producer.capabilities
        worker = crew.start(poll=PATIENCE if woken else 0.05)
        _eventually(lambda: crew.ledger.read("ready"), "the worker's start")
        waited: list[float] = []
        for count in range(1, 6):
            time.sleep(0.07)  # the worker is idle again
            began = time.monotonic()
            producer.enqueue("note")
            _eventually(partial(_has_done, crew, worker.pid, count), "the new job")
            waited.append(time.monotonic() - began)

        assert sorted(waited)[2] <= 0.3, f"seconds waited: {waited}"
        assert _ended(worker) == 0

    def test_a_queue_opened_before_a_fork_is_usable_in_the_child_and_the_parent(
        self, producer: Queue, crew: Crew | None
    ) -> None:
        if crew is None or not hasattr(os, "fork"):
            return

        assert _output("fork", crew.url) == "ok"
        assert left(producer) == {}


def _eventually(happened: Callable[[], object], what: str) -> None:
    eventually(happened, what, within=PATIENCE, every=0.02)


def _has_done(crew: Crew, process: int, jobs: int) -> bool:
    return sum(one.process == process for one in crew.ledger.read("done")) >= jobs


def _died_or_over(worker: Process, queue: Queue, crew: Crew, others: set[str]) -> bool:
    """Tell whether the process is dead, or the other jobs are done and nothing is left."""
    if worker.poll() is not None:
        return True
    return {one.id for one in crew.ledger.read("done")} == others and not _alive(queue)


def _alive(queue: Queue) -> bool:
    if Capability.BROWSE not in queue.capabilities:
        return False
    stats = queue.stats()
    return bool(stats["pending"] or stats["claimed"])


def _ended(process: Process) -> int:
    """End a process by SIGTERM and return its exit code, failing with what it said."""
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=PATIENCE)
    if "Traceback" in said:
        pytest.fail(f"a worker process said:\n{said}")
    return process.returncode


def _output(module: str, url: str) -> str:
    """Run one of the kit's scripts to its end and return its last line."""
    run = subprocess.run(
        [sys.executable, "-m", f"{MODULES}.{module}"],
        env=environment(url),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()
