"""A server that is restarted, or away, under load: nothing is lost and work goes on by itself.

GOFASTR_STRESS=1 makes it many restarts and more jobs.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Self

import pytest
from attrs import define, field, frozen
from plugins.redis.tests.audit import audit
from plugins.sql.tests.test_postgres_restart import (
    AWAY_SECONDS,
    LINES_PER_SECOND,
    MARGIN,
    PATIENCE,
    RESTARTS,
    RESUMED_SECONDS,
    STRESS,
    Producer,
    Worker,
)
from redis import BusyLoadingError
from tests.servers.redis import Mode, Server
from tests.servers.redis_tools import connected

from gofastr_queue import BackendUnavailable, Job, Queue
from gofastr_queue.backends import connect
from gofastr_queue.calls import resolve
from gofastr_queue.records import EVERYTHING
from gofastr_queue_conformance.watching import eventually
from gofastr_queue_conformance_workers.ledger import Entry, Ledger
from gofastr_queue_redis.errors import translate

JOBS = 10_000 if STRESS else 1_000
MINE = 100
LOSS_SECONDS = 2.0

numbers = itertools.count()


@define
class Consumer:
    """A thread that claims and acks notes before the workers can; it remembers what was acked."""

    queue: Queue
    acked: set[str] = field(factory=set)
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

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self.queue.enqueue_many([Job(type="note", lane="mine")] * 5)
                claims = self.queue.claim(5, lanes=["mine"])
                self.acked |= {claim.job.id for claim in self.queue.ack_many(claims)}
            except BackendUnavailable:
                self._ended.wait(0.02)


@frozen
class Site:
    """A server, a queue on it, and processes that work on it."""

    server: Server
    name: str
    queue: Queue
    ledger: Ledger
    workers: list[Worker]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(appendfsync="always") as server:
        yield server


@pytest.fixture
def site(server: Server, tmp_path: Path) -> Iterator[Site]:
    name = f"restart:{next(numbers)}"
    url = f"{server.url()}?name={name}"
    ledger = Ledger(tmp_path / "ledger")
    with Queue.open(url) as queue, ExitStack() as started:
        workers = [Worker.start(url, ledger, tmp_path / f"said-{n}") for n in range(2)]
        for worker in workers:
            started.callback(worker.kill)
        eventually(lambda: len(processes(ledger.read("ready"))) == 2, "both workers", PATIENCE)
        yield Site(server, name, queue, ledger, workers)


@pytest.mark.parametrize("mode", ["shutdown", "kill"])
@pytest.mark.timeout(PATIENCE * 5)
def test_a_restart_under_load_loses_nothing_and_workers_go_on(site: Site, mode: Mode) -> None:
    producer, consumer = Producer(site.queue), Consumer(site.queue)
    producer.enqueue(JOBS)
    with producer, consumer:
        for _ in range(RESTARTS):
            count = len(site.ledger.read("done")) + 100
            eventually(partial(has_done, site, count), "work", PATIENCE)
            eventually(partial(has_acked, consumer, len(consumer.acked) + MINE), "acks", PATIENCE)
            restart(site, mode)
    wanted = producer.accepted
    eventually(lambda: wanted <= ids(site.ledger.read("done")), "every effect", PATIENCE)
    eventually(lambda: not sum(site.queue.stats().values()), "every settlement", PATIENCE)
    codes = [worker.end() for worker in site.workers]

    assert codes == [0, 0]
    started, done = site.ledger.read("start"), site.ledger.read("done")
    assert ids(started) <= producer.accepted | producer.unknown
    assert consumer.acked.isdisjoint(ids(done)), "what was acked came back"
    effects = Counter(one.id for one in done if one.id in ids(started))
    again = {one.id: one.attempt for one in done if effects[one.id] > 1}
    print("effects that came twice:", len(again))  # noqa: T201 - for pytest -rP
    assert max(Counter((one.id, one.attempt) for one in started).values()) == 1
    assert all(attempt >= 2 for attempt in again.values()), "twice, though no attempt was cut"
    with connected(site.server) as client:
        assert audit(client, site.name) == []


@pytest.mark.timeout(PATIENCE * 5)
def test_idle_workers_say_little_while_the_server_is_away_and_go_on(site: Site) -> None:
    restart(site, "kill", AWAY_SECONDS)

    eventually(lambda: not sum(site.queue.stats().values()), "every settlement", PATIENCE)
    assert [worker.end() for worker in site.workers] == [0, 0]


def test_a_wait_whose_server_dies_says_so_in_the_queues_words(server: Server) -> None:
    hooks = resolve(connect(f"{server.url()}?name=waiting")).hooks
    raised: list[Exception] = []

    def wait() -> None:
        try:
            hooks.queue_wait(want=EVERYTHING, timeout=timedelta(seconds=60))
        except Exception as error:  # noqa: BLE001 - which, is the question
            raised.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    with connected(server) as client:
        eventually(lambda: client.info("clients")["blocked_clients"], "a wait")
    server.restart("kill")
    waiting.join(10)
    hooks.queue_close()

    assert [type(error) for error in raised] == [BackendUnavailable]


def test_a_server_that_is_loading_its_data_has_refused() -> None:
    error = BusyLoadingError("Redis is loading the dataset in memory")

    said = str(translate("the queue 'q' in Redis", error))

    assert said.startswith("the queue 'q' in Redis refuses: wait until it has loaded its data")


@pytest.mark.parametrize("mode", ["shutdown", "kill"])
def test_with_fsync_every_second_only_the_last_two_seconds_can_be_lost(mode: Mode) -> None:
    accepted: dict[str, float] = {}
    with Server(appendfsync="everysec") as server, Queue.open(server.url()) as queue:
        began = time.monotonic()
        while time.monotonic() < began + LOSS_SECONDS + 1:
            for job in queue.enqueue_many([Job(type="t")] * 10):
                accepted[job.id] = time.monotonic()
        server.stop(mode)
        stopped = time.monotonic()
        server.start()
        with connected(server) as client:
            assert audit(client, "queue_jobs") == []
            kept = set(client.hkeys("{queue_jobs}:jobs"))
    lost = {id: stopped - at for id, at in accepted.items() if id not in kept}

    print(f"{len(lost)} of {len(accepted)} lost")  # noqa: T201 - for pytest -rP
    assert max(lost.values(), default=0.0) <= LOSS_SECONDS
    assert mode == "kill" or not lost


def restart(site: Site, mode: Mode, away: float = 0) -> None:
    """Restart the server; measure how soon both workers are at work, and how much they said."""
    stopped = time.time()
    site.server.stop(mode)
    if away:
        time.sleep(away)
    site.server.start()
    returned = time.time()
    soon = resumed(site)
    until = max(returned, stopped + 1)
    lines = [[at for at in each.said_at() if stopped <= at <= until] for each in site.workers]
    worst = [most_in_a_second(each) for each in lines]
    print(  # noqa: T201 - for pytest -rP
        f"away {returned - stopped:.2f} s, at work after {[round(at - returned, 2) for at in soon]}"
        f" s, {[len(each) for each in lines]} lines, at most {worst} a second"
    )

    assert max(soon) - returned <= MARGIN * RESUMED_SECONDS
    assert all(lines) or not away, "an outage is worth a word"
    assert max(worst) <= LINES_PER_SECOND


def resumed(site: Site) -> list[float]:
    """Return when each worker had its first effect of a job that was enqueued after the return."""
    new: set[str] = set()
    at: dict[int, float] = {}

    def both_at_work() -> bool:
        jobs = [Job(type="note", priority=9) for _ in range(20)]
        try:
            new.update(job.id for job in site.queue.enqueue_many(jobs))
        except BackendUnavailable:
            return False
        for entry in site.ledger.read("done"):
            if entry.id in new:
                at.setdefault(entry.process, time.time())
        return len(at) == len(site.workers)

    eventually(both_at_work, "both at work again", 2 * MARGIN * RESUMED_SECONDS, every=0.02)
    return sorted(at.values())


def has_done(site: Site, count: int) -> bool:
    return len(site.ledger.read("done")) >= count


def has_acked(consumer: Consumer, count: int) -> bool:
    return len(consumer.acked) >= count


def ids(entries: list[Entry]) -> set[str]:
    return {entry.id for entry in entries}


def processes(entries: list[Entry]) -> set[int]:
    return {entry.process for entry in entries}


def most_in_a_second(times: list[float]) -> int:
    return max((sum(begin <= at < begin + 1 for at in times) for begin in times), default=0)
