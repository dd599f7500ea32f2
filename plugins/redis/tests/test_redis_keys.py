"""The keys of a queue: which there are, what stands there of somebody else, and whose they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from plugins.redis.tests.audit import audit, names
from redis import Redis
from tests.servers.redis import Server
from tests.servers.redis_tools import connected

from gofastr_queue import BackendUnavailable, Claim, Job, Queue, Scheduler
from gofastr_queue.errors import InvalidOption
from gofastr_queue.records import EVERYTHING
from gofastr_queue_conformance.harness import everything, ids
from gofastr_queue_redis import RedisBackend, rows
from gofastr_queue_redis.scripts import KINDS, OF_JOBS, key, script

NAME = "keys"
HOUR = timedelta(hours=1)
SHORT = timedelta(microseconds=1)

FOREIGN: dict[str, tuple[object, ...]] = {
    "a text": ("SET", "no queue's"),
    "a list": ("LPUSH", "no queue's"),
    "a set": ("SADD", "no queue's"),
}

HOSTILE = [
    "'); return redis.call('FLUSHALL') --",
    '"]] .. error("x") .. [[',
    "]]",
    "*",
    "[a-z]?",
    "{other}:jobs",
    "%z%d%(",
    "-1",
    "=",
    "(",
    "\\",
    "\N{EURO SIGN}\N{GRINNING FACE}\u2028",
    "EVAL 'x' 0",
]
"""None has a control character, which core refuses in ids, types and lanes."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[Redis]:
    with connected(server) as client:
        yield client
        client.flushdb()


@pytest.fixture
def queue(server: Server, client: Redis) -> Iterator[Queue]:
    """A queue with jobs in every state, so that each of its keys is there."""
    assert client.dbsize() == 0
    with Queue.open(server.url(), name=NAME, lease=HOUR) as queue:
        fill(queue)
        yield queue


def fill(queue: Queue) -> list[Claim]:
    """Put a job in each state; return the claims of two."""
    queue.enqueue("t", id="failed", max_attempts=1)
    queue.nack(queue.dequeue(), "broken")
    queue.enqueue_many([Job(type="t", id="claimed"), Job(type="t", id="held")])
    claims = queue.claim(2)
    queue.enqueue("t", id="later", delay=HOUR)
    queue.enqueue_many([Job(type="t", id="ready"), Job(type="t", id="urgent", priority=5)])
    return claims


def test_after_a_wild_mixture_there_are_only_the_known_keys_and_none_ever_expires(
    server: Server, client: Redis
) -> None:
    with Queue.open(server.url(), name=NAME, lease=SHORT) as queue:
        scheduler = Scheduler(queue)
        scheduler.every(HOUR, "tick", start_at=datetime.now(UTC) - 3 * HOUR)
        scheduler.run_once()
        for lane in ("", "x", "y"):
            fill(queue)
            queue.enqueue_many([Job(type=f"{n}", lane=lane, priority=n % 3) for n in range(60)])
            claims = queue.claim(30)
            queue.ack_many(claims[:5])
            queue.nack_many(claims[5:9], "broken", HOUR)
            queue.reclaim()
            queue.replay_many()
            queue.extend(queue.claim(1)[0], HOUR)
            queue.browse()
            queue.purge("pending", type="7")
            for id in ("failed", "claimed", "held", "later", "ready", "urgent"):
                queue.cancel(id)
            queue.reclaim()
            queue.purge("")
            assert set(client.keys()) <= names(NAME)
        fill(queue)

        keys = set(client.keys())
        assert keys == {key(NAME, kind) for kind in (*KINDS, "layout")}
        assert all(rows.text(each).startswith(f"{{{NAME}}}:") for each in keys)
        assert {client.ttl(each) for each in keys} == {-1}
        assert audit(client, NAME) == []


OPERATIONS: dict[str, Callable[[Queue, list[Claim]], object]] = {
    "enqueue": lambda queue, _: queue.enqueue("t"),
    "enqueue one that is not due": lambda queue, _: queue.enqueue("t", delay=HOUR),
    "enqueue a bulk": lambda queue, _: queue.enqueue_many([Job(type="t")] * 30),
    "claim": lambda queue, _: queue.claim(2),
    "ack": lambda queue, claims: queue.ack(claims[0]),
    "nack": lambda queue, claims: queue.nack(claims[0], "broken"),
    "bury": lambda queue, claims: queue.nack_many(claims, "broken", HOUR),
    "release": lambda queue, claims: queue.release(claims[0]),
    "extend": lambda queue, claims: queue.extend(claims[0], 2 * HOUR),
    "reclaim": lambda queue, _: queue.reclaim(),
    "browse": lambda queue, _: queue.browse(),
    "get": lambda queue, _: queue.get("ready"),
    "stats": lambda queue, _: queue.stats(),
    "replay": lambda queue, _: queue.replay("failed"),
    "replay all": lambda queue, _: queue.replay_many(),
    "cancel": lambda queue, _: queue.cancel("urgent"),
    "purge": lambda queue, _: queue.purge(""),
    "wait": lambda queue, _: queue._calls.hooks.queue_wait(
        want=EVERYTHING, timeout=timedelta(seconds=0.1)
    ),
}


@pytest.mark.parametrize("foreign", FOREIGN)
@pytest.mark.parametrize("kind", OF_JOBS)
def test_where_something_else_stands_every_operation_names_the_key_and_changes_nothing(
    server: Server, client: Redis, kind: str, foreign: str
) -> None:
    taken = key(NAME, kind)
    with Queue.open(server.url(), name=NAME, lease=HOUR) as queue:
        claims = fill(queue)
        own: Any = client.dump(taken)
        command, value = FOREIGN[foreign]
        if kind == "seq" and foreign == "a text":
            client.set(taken, "no number")
        else:
            client.delete(taken)
            execute: Any = client.execute_command
            execute(command, taken, value)
        before = dumped(server)

        for name, operation in OPERATIONS.items():
            with pytest.raises(BackendUnavailable, match=re.escape(taken)) as caught:
                operation(queue, claims)
            assert "give the queue another name=" in str(caught.value)
            assert dumped(server) == before, name

        client.restore(taken, 0, own, replace=True)
        assert audit(client, NAME) == []
        assert queue.ack_many(claims) == claims
        assert ids(queue.list_jobs()) == ["urgent", "ready", "later", "failed"]


def dumped(server: Server) -> dict[str, object]:
    """Return every key with what the server says that it holds, byte by byte."""
    with Redis.from_url(server.url()) as client:
        return {rows.text(name): client.dump(name) for name in sorted(client.keys())}


@pytest.mark.parametrize("foreign", FOREIGN)
def test_what_is_no_mark_of_a_layout_is_named_at_open_and_left(
    server: Server, client: Redis, foreign: str
) -> None:
    execute: Any = client.execute_command
    command, value = FOREIGN[foreign]
    execute(command, key(NAME, "layout"), value)
    before = dumped(server)

    with pytest.raises(BackendUnavailable, match=re.escape(key(NAME, "layout"))):
        Queue.open(server.url(), name=NAME)

    assert dumped(server) == before


def test_queues_whose_names_look_alike_never_see_each_other(server: Server, client: Redis) -> None:
    alike = ("a", "a:dead", "ab", "a:jobs")
    queues = {name: Queue.open(server.url(), name=name, lease=SHORT) for name in alike}
    for name, queue in queues.items():
        queue.enqueue("t", id=f"{name} failed", max_attempts=1)
        queue.nack(queue.dequeue())
        queue.enqueue("t", id=name)

    for name, queue in queues.items():
        assert ids(everything(queue)) == [name, f"{name} failed"]
        assert queue.stats() == {"pending": 1, "claimed": 0, "failed": 1}
    others = {each: value for each, value in dumped(server).items() if "{a}" not in each}
    assert queues["a"].dequeue().job.id == "a"
    queues["a"].reclaim()
    assert queues["a"].replay_many() == 1
    assert queues["a"].purge("") == 2
    queues["a"].close()

    left = {each: value for each, value in dumped(server).items() if "{a}" not in each}
    assert left == others
    for name in alike[1:]:
        assert queues[name].dequeue().job.id == name
        queues[name].close()
        assert audit(client, name) == []


@pytest.mark.parametrize(
    "name", ["{", "}", "{a}", "a*", "a b", "a\nb", "a\0", "", "a" * 65, "\N{EURO SIGN}", "a\n"]
)
def test_a_name_that_is_no_part_of_a_key_is_refused_before_anything_is_sent(name: str) -> None:
    class Silent:
        def execute_command(self, *args: Any) -> Any:
            pytest.fail(f"sent {args}")

    with pytest.raises(InvalidOption, match=r"1 to 64 letters"):
        Queue.open("redis://127.0.0.1:1", name=name)
    with pytest.raises(InvalidOption, match=r"1 to 64 letters"):
        RedisBackend(Silent(), name)


def test_hostile_texts_are_stored_as_they_are_and_no_part_of_a_script(
    server: Server, client: Redis
) -> None:
    payload = {text: [text, f"{text}\0\n\r\x01"] for text in HOSTILE}
    client.script_flush()
    with Queue.open(server.url(), name="other", lease=HOUR) as queue:
        claims = fill(queue)
        for operation in OPERATIONS.values():
            operation(queue, claims)
        assert audit(client, "other") == []
    others = {each: value for each, value in dumped(server).items() if "{other}" in each}
    with Queue.open(server.url(), name=NAME, lease=HOUR) as queue:
        scripts = client.info("memory")["number_of_cached_scripts"]
        for count in (1, 30):
            jobs = [
                Job(type=text, id=f"{text}{n}", lane=text, payload=payload)
                for text in HOSTILE
                for n in range(count)
            ]
            stored = queue.enqueue_many(jobs[: len(HOSTILE) * count])
            assert sorted(ids(everything(queue))) == sorted(ids(stored))
            for text in HOSTILE:
                assert queue.get(f"{text}0") is not None
                assert len(queue.list_jobs(type=text, lane=text)) == count
                (claim,) = queue.claim(1, types=[text], lanes=[text])
                assert (claim.job.type, claim.job.lane) == (text, text)
                assert claim.job.payload == payload
                assert queue.nack(claim, text)
                again = queue.get(claim.job.id)
                assert again is not None
                assert again.errors[0].message == text
                assert queue.purge("pending", type=text) == count
            assert audit(client, NAME) == []

        assert client.info("memory")["number_of_cached_scripts"] == scripts
        assert set(client.keys()) <= names(NAME) | names("other")
        assert {each: dumped(server)[each] for each in others} == others


def test_a_script_is_the_same_for_every_queue() -> None:
    assert script("put") is script("put")
    assert "{" + NAME not in script("put").text
