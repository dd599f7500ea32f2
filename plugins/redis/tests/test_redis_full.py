"""A full server refuses new jobs whole and works off what it has; one that drops jobs is named."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from plugins.redis.tests.audit import audit, read
from redis import Redis
from tests.servers.redis import Server
from tests.servers.redis_tools import connected

from gofastr_queue import Job, Queue, StoreFull
from gofastr_queue.cli.app import app
from gofastr_queue.testing import FakeClock

NAME = "full"
KILOBYTE = "x" * 1_000
MINUTE = timedelta(minutes=1)

ENQUEUES: dict[str, Callable[[Queue], object]] = {
    "one": lambda queue: queue.enqueue("t"),
    "one that is not due": lambda queue: queue.enqueue("t", delay=MINUTE, priority=3),
    "one of a new lane": lambda queue: queue.enqueue("other", lane="other"),
    "a few": lambda queue: queue.enqueue_many([Job(type="t")] * 5),
    "a bulk": lambda queue: queue.enqueue_many([Job(type="t")] * 2_000),
    "a bulk, some of which are there": lambda queue: queue.enqueue_many(
        [Job(type="t"), Job(type="t", id="claimed")] * 2, on_conflict="ignore"
    ),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(maxmemory_policy="noeviction") as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[Redis]:
    with connected(server) as client:
        yield client


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def queue(server: Server, client: Redis, clock: FakeClock) -> Iterator[Queue]:
    """A queue with jobs in every state, on a server that is full."""
    with Queue.open(server.url(), name=NAME, clock=clock, lease=MINUTE) as queue:
        for id in ("failed", "purged"):
            queue.enqueue("t", id=id, max_attempts=1)
            queue.nack(queue.dequeue(), "broken")
        queue.enqueue("t", id="claimed")
        queue.dequeue()
        queue.enqueue("t", id="later", delay=2 * MINUTE)
        queue.enqueue_many([Job(type="t", payload=KILOBYTE)] * 3_000)
        used = client.info("memory")["used_memory"]
        client.config_set("maxmemory", used - 1_000_000)
        yield queue
        client.config_set("maxmemory", 0)
        client.flushdb()


@pytest.mark.parametrize("enqueue", ENQUEUES)
def test_an_enqueue_is_refused_with_a_remedy_and_leaves_nothing(
    queue: Queue, client: Redis, enqueue: str
) -> None:
    before, counts = stored(client), queue.counts()

    with pytest.raises(StoreFull, match="free memory or raise maxmemory"):
        ENQUEUES[enqueue](queue)

    assert stored(client) == before
    assert queue.counts() == counts
    assert audit(client, NAME) == []


def test_what_is_there_is_worked_off_and_then_there_is_room(
    queue: Queue, client: Redis, clock: FakeClock
) -> None:
    first, second, third, fourth = queue.claim(4)

    def is_full() -> None:
        assert audit(client, NAME) == []
        with pytest.raises(StoreFull):
            queue.enqueue("t")

    assert queue.ack(first)
    is_full()
    assert queue.nack(second, "broken " * 100, delay=MINUTE)
    is_full()
    assert queue.release(third)
    is_full()
    assert queue.extend(fourth, 5 * MINUTE)
    is_full()
    clock.advance(MINUTE)
    assert queue.reclaim() == 1
    is_full()
    assert queue.replay("failed")
    assert queue.purge("failed") == 1
    is_full()
    assert queue.cancel("claimed")
    clock.advance(9 * MINUTE)
    done = [claim.job.id for claim in queue.ack_many(queue.claim(10))]
    is_full()

    while claims := queue.claim(500):
        done += [claim.job.id for claim in queue.ack_many(claims)]

    assert len(done) == len(set(done)) == 3_000 + 2 - 1
    assert queue.stats() == {"pending": 0, "claimed": 0, "failed": 0}
    assert audit(client, NAME) == []
    assert len(queue.enqueue_many([Job(type="t", payload=KILOBYTE)] * 100)) == 100
    assert queue.enqueue("t").status == "pending"


def test_a_worker_works_off_what_a_full_server_has(queue: Queue, server: Server) -> None:
    done: list[str] = []
    with Queue.open(server.url(), name=NAME) as worker:
        worker.register_handler("t", lambda job: done.append(job.id))
        worker.start(2)
        assert worker.join(30)

    assert len(done) == len(set(done)) >= 3_000
    assert queue.enqueue("t").status == "pending"


@pytest.mark.parametrize(
    ("setting", "value", "subject", "said"),
    [
        ("maxmemory-policy", "allkeys-lru", "eviction", "jobs are dropped when memory is full"),
        ("maxmemory-policy", "allkeys-random", "eviction", "set maxmemory-policy to noeviction"),
        ("appendonly", "no", "durability", "set appendonly to yes"),
    ],
)
def test_who_may_lose_jobs_is_named_at_open_and_by_the_doctor(
    server: Server,
    client: Redis,
    caplog: pytest.LogCaptureFixture,
    setting: str,
    value: str,
    subject: str,
    said: str,
) -> None:
    before: Any = client.config_get(setting)
    client.config_set(setting, value)
    try:
        Queue.open(server.url(), name="named").close()
        result = CliRunner().invoke(app, ["doctor", f"{server.url()}?name=named"])
    finally:
        client.config_set(setting, before[setting])

    warnings = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert len(warnings) == 2, "one of this opening, one of the doctor's"
    assert all("'named'" in each and said in each for each in warnings)
    assert result.exit_code == 1
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("broken")]
    assert subject in line
    assert said in line
    assert server.password not in result.output + caplog.text


def test_a_server_that_keeps_what_it_accepts_is_opened_in_silence(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    Queue.open(server.url(), name="named").close()
    result = CliRunner().invoke(app, ["doctor", f"{server.url()}?name=named"])

    assert caplog.records == []
    assert result.exit_code == 0
    assert "broken" not in result.stdout


def stored(client: Redis) -> dict[str, Any]:
    """Return what is stored; a place that nobody took is no harm."""
    return read(client, NAME) | {"seq": None}
