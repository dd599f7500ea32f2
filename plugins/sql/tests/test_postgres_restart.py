"""A server that is restarted, or away, under load: nothing is lost and work goes on by itself.

GOFASTR_STRESS=1 makes it many restarts and more jobs.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Self

import pytest
from attrs import define, field, frozen
from tests.servers.postgres import Mode, Server

from gofastr_queue import BackendUnavailable, Job, Queue
from gofastr_queue_conformance.watching import eventually
from gofastr_queue_conformance_workers import environment
from gofastr_queue_conformance_workers.ledger import Entry, Ledger

STRESS = "GOFASTR_STRESS" in os.environ
JOBS = 10_000 if STRESS else 2_000
RESTARTS = 12 if STRESS else 1
RESUMED_SECONDS = 5.0
MARGIN = 3
LINES_PER_SECOND = 5
AWAY_SECONDS = 5.0
LEASE = 4
PATIENCE = 600.0 if STRESS else 40.0

WORKER = """
import logging
from gofastr_queue_conformance_workers import drain

logging.basicConfig(level="WARNING", format="%(created)f %(name)s %(levelname)s %(message)s")
drain.main()
"""


@frozen
class Worker:
    """A process that works until SIGTERM, and the file of what it says."""

    process: subprocess.Popen[bytes]
    said: Path

    @classmethod
    def start(cls, url: str, ledger: Ledger, said: Path) -> Worker:
        """Start an interpreter with the kit's worker, which tells of warnings and errors."""
        command = [sys.executable, "-c", WORKER, str(ledger.path), f"--lease={LEASE}"]
        with said.open("wb") as file:
            return cls(subprocess.Popen(command, stderr=file, env=environment(url)), said)

    @property
    def pid(self) -> int:
        return self.process.pid

    def said_at(self) -> list[float]:
        """Return when it said each line; lines without a time of their own go with their record."""
        at: list[float] = []
        for line in self.said.read_text("utf-8").splitlines():
            given = re.match(r"\d+\.\d+ ", line)
            at.append(float(given[0]) if given else at[-1])
        return at

    def end(self) -> int:
        """Let it finish, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End it at once if it still runs."""
        self.process.kill()
        self.process.wait()


@define
class Producer:
    """A thread that enqueues jobs all the time, and remembers which were accepted."""

    queue: Queue
    accepted: set[str] = field(factory=set)
    unknown: set[str] = field(factory=set)
    _ended: threading.Event = field(factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def enqueue(self, count: int) -> None:
        """Enqueue so many jobs at once; an unavailable store may have taken them or not."""
        ids = {str(uuid.uuid4()) for _ in range(count)}
        try:
            self.queue.enqueue_many(
                [Job(type="work", id=id, payload=0.01, max_attempts=50) for id in ids]
            )
        except BackendUnavailable:
            self.unknown |= ids
        else:
            self.accepted |= ids

    def _run(self) -> None:
        while not self._ended.wait(0.02):
            self.enqueue(1)


@frozen
class Site:
    """A server, a queue on it, and processes that work on it."""

    server: Server
    queue: Queue
    ledger: Ledger
    workers: list[Worker]


_numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(fsync="off") as server:
        yield server


@pytest.fixture
def site(server: Server, tmp_path: Path) -> Iterator[Site]:
    url = f"{server.url()}?schema=queue_{next(_numbers)}"
    ledger = Ledger(tmp_path / "ledger")
    with Queue.open(url) as queue, ExitStack() as started:
        workers = [Worker.start(url, ledger, tmp_path / f"said-{n}") for n in range(2)]
        for worker in workers:
            started.callback(worker.kill)
        eventually(lambda: len(_processes(ledger.read("ready"))) == 2, "both workers", PATIENCE)
        yield Site(server, queue, ledger, workers)


@pytest.mark.parametrize("outage", ["fast", "immediate", "immediate, then away"])
@pytest.mark.timeout(PATIENCE * 5)
def test_a_restart_under_load_loses_nothing_and_workers_go_on(
    site: Site, outage: str, record_property: Any
) -> None:
    producer = Producer(site.queue)
    producer.enqueue(JOBS)
    with producer:
        for _ in range(RESTARTS):
            count = len(site.ledger.read("done")) + 100
            eventually(partial(_has_done, site, count), "work", PATIENCE)
            _restart(site, outage, record_property)
    wanted = producer.accepted
    eventually(lambda: wanted <= _ids(site.ledger.read("done")), "every effect", PATIENCE)
    eventually(lambda: not sum(site.queue.stats().values()), "every settlement", PATIENCE)
    codes = [worker.end() for worker in site.workers]

    assert codes == [0, 0]
    assert _ids(site.ledger.read("start")) <= producer.accepted | producer.unknown
    again = _repeated(site.ledger.read("done"))
    record_property("effects that came twice", len(again))
    assert all(count == 1 for count in _attempts(site.ledger.read("start")).values())
    assert all(attempt >= 2 for attempt in again.values()), "twice, though no attempt was cut"


@pytest.mark.timeout(PATIENCE * 5)
def test_idle_workers_say_little_while_the_server_is_away_and_go_on(
    site: Site, record_property: Any
) -> None:
    _restart(site, "fast, then away", record_property)

    eventually(lambda: not sum(site.queue.stats().values()), "every settlement", PATIENCE)
    assert [worker.end() for worker in site.workers] == [0, 0]


def _restart(site: Site, outage: str, record_property: Any) -> None:
    """Restart the server; measure how soon both workers are at work, and how much they said."""
    stopped = time.time()
    mode: Mode = "fast" if outage.startswith("fast") else "immediate"
    site.server.stop(mode)
    if "away" in outage:
        time.sleep(AWAY_SECONDS)
    site.server.start()
    returned = time.time()
    resumed = _resumed(site)
    until = max(returned, stopped + 1)
    lines = [[at for at in each.said_at() if stopped <= at <= until] for each in site.workers]
    record_property("seconds away", round(returned - stopped, 2))
    record_property("seconds until work", [round(at - returned, 2) for at in resumed])
    record_property("lines", [len(each) for each in lines])
    record_property("lines in the worst second", [_most_in_a_second(each) for each in lines])

    assert max(resumed) - returned <= MARGIN * RESUMED_SECONDS
    assert all(lines) or "away" not in outage, "an outage is worth a word"
    assert max(map(_most_in_a_second, lines)) <= LINES_PER_SECOND


def _resumed(site: Site) -> list[float]:
    """Return when each worker had its first effect of a job that was enqueued after the return."""
    new: set[str] = set()
    at: dict[int, float] = {}
    deadline = time.monotonic() + 2 * MARGIN * RESUMED_SECONDS
    while len(at) < len(site.workers) and time.monotonic() < deadline:
        try:
            jobs = [Job(type="note", priority=9) for _ in range(20)]
            new |= {job.id for job in site.queue.enqueue_many(jobs)}
        except BackendUnavailable:
            time.sleep(0.01)
        for entry in site.ledger.read("done"):
            if entry.id in new:
                at.setdefault(entry.process, time.time())
        time.sleep(0.02)
    assert len(at) == len(site.workers), "a worker did not go on"
    return sorted(at.values())


def _has_done(site: Site, count: int) -> bool:
    return len(site.ledger.read("done")) >= count


def _ids(entries: list[Entry]) -> set[str]:
    return {entry.id for entry in entries}


def _processes(entries: list[Entry]) -> set[int]:
    return {entry.process for entry in entries}


def _attempts(entries: list[Entry]) -> Counter[tuple[str, int]]:
    return Counter((entry.id, entry.attempt) for entry in entries)


def _repeated(effects: list[Entry]) -> dict[str, int]:
    """Return the last attempt of each job that had more than one effect."""
    count = Counter(effect.id for effect in effects)
    return {effect.id: effect.attempt for effect in effects if count[effect.id] > 1}


def _most_in_a_second(times: list[float]) -> int:
    return max((sum(begin <= at < begin + 1 for at in times) for begin in times), default=0)
