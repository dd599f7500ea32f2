"""The memory that a server needs for a pending job, ours and the peers' side by side."""

from __future__ import annotations

import importlib.util
import json
import random
from collections.abc import Callable, Iterator
from importlib import import_module

from bench.redis import RedisStore
from bench.report import Row, say
from bench.sizes import Sizes
from bench.stores import Store
from redis import Redis

from gofastr_queue import Queue

JOBS = 20_000
PAYLOAD = {"to": "user@example.com", "subject": "x" * 62}
PEERS = ("dramatiq", "rq")
INSTALL = "pip install -r bench/requirements.txt"


def measure(store: Store, sizes: Sizes, chance: random.Random) -> Iterator[Row]:  # noqa: ARG001 - nothing is drawn, nothing is sized
    """Enqueue the same jobs by each, one at a time, with nothing beside them on the server."""
    assert len(json.dumps(PAYLOAD, separators=(",", ":"))) == 100  # noqa: PLR2004 - the goal's
    peers = [peer for peer in PEERS if importlib.util.find_spec(peer) is not None]
    for missing in set(PEERS) - set(peers):
        say(f"{store.name}: {missing} is not installed: {INSTALL}")
    assert isinstance(store, RedisStore)
    theirs = {peer: _grown(store.url, ENQUEUE[peer]) for peer in peers}
    ours = _grown(store.url, _ours)
    beside = ", ".join(f"{peer} {size:.0f}" for peer, size in theirs.items())
    yield Row(
        "weight",
        store.name,
        "a pending job with a payload of 100 bytes",
        f"{ours:.0f} bytes; {beside}",
        "less than each peer",
        all(ours < size for size in theirs.values()) if len(peers) == len(PEERS) else None,
        numbers={"bytes": {"ours": ours} | theirs},
    )


def _grown(url: str, enqueue: Callable[[str], int]) -> float:
    """Return by how much a job makes the server's memory grow."""
    with Redis.from_url(url) as client:
        client.flushall()
        before = int(client.info("memory")["used_memory"])
        stored = enqueue(url)
        after = int(client.info("memory")["used_memory"])
        client.flushall()
    return (after - before) / stored


def _ours(url: str) -> int:
    with Queue.open(url) as queue:
        for _ in range(JOBS):
            queue.enqueue("noop", PAYLOAD)
        return queue.stats()["pending"]


def _dramatiq(url: str) -> int:
    dramatiq, brokers = import_module("dramatiq"), import_module("dramatiq.brokers.redis")
    broker = brokers.RedisBroker(url=url)
    noop = dramatiq.actor(lambda payload: payload, actor_name="noop", broker=broker)
    for _ in range(JOBS):
        noop.send(PAYLOAD)
    return int(broker.client.hlen("dramatiq:default.msgs"))


def _rq(url: str) -> int:
    with Redis.from_url(url) as client:
        queue = import_module("rq").Queue(connection=client)
        for _ in range(JOBS):
            queue.enqueue("bench.noop", PAYLOAD)
        return len(queue)


ENQUEUE: dict[str, Callable[[str], int]] = {"dramatiq": _dramatiq, "rq": _rq}
