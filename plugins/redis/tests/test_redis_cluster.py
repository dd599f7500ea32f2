"""Several servers as one store: a queue's keys stay together, and workers follow them."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from redis import RedisCluster
from redis.sentinel import Sentinel as SentinelClient
from tests.servers.redis import Server
from tests.servers.redis_cluster import Cluster, Sentinel
from tests.servers.redis_tools import connected

from gofastr_queue import BackendUnavailable, Job, Queue
from gofastr_queue_conformance.watching import eventually
from gofastr_queue_redis import RedisBackend
from gofastr_queue_redis.scripts import KINDS, key

PATIENCE = 30.0


@pytest.fixture
def client(cluster: Cluster) -> Iterator[Any]:
    with RedisCluster.from_url(cluster.url) as client:
        yield client


def names(client: Any) -> list[str]:
    """Return names of queues, one on each node."""
    found: dict[str, str] = {}
    for number in itertools.count():
        found.setdefault(client.get_node_from_key(f"{{spread:{number}}}").name, f"spread:{number}")
        if len(found) == 3:
            return list(found.values())
    raise AssertionError


def test_queues_spread_and_each_keeps_its_keys_in_one_slot(cluster: Cluster, client: Any) -> None:
    own = names(client)
    for name in own:
        with Queue(RedisBackend(client, name)) as queue:
            queue.enqueue_many([Job(type="mail", priority=n % 3) for n in range(100)])
            queue.enqueue("mail", id="later", delay=queue.lease)
            queue.nack(queue.dequeue(), "no")
            queue.enqueue("sms", id="failed", max_attempts=1)
            queue.nack(queue.dequeue("sms"), "no")
            queue.ack_many(queue.claim(5))

    expected = {name: {key(name, kind) for kind in (*KINDS, "layout")} for name in own}
    homes = []
    for node in cluster.nodes:
        with connected(node) as one:
            stored = set(one.scan_iter("*spread:*"))
        homes += [name for name in own if stored and stored <= expected[name]]
        assert any(stored <= keys for keys in expected.values())
    assert sorted(homes) == sorted(own)
    for name in own:
        assert len({client.keyslot(found) for found in expected[name]}) == 1
        client.delete(*expected[name])


def move(cluster: Cluster, client: Any, name: str) -> None:
    """Move a queue's slot, keys and all, to the next node."""
    slot = client.keyslot(key(name, "jobs"))
    ports = [node.port for node in cluster.nodes]
    source = ports.index(client.get_node_from_key(key(name, "jobs")).port)
    target = (source + 1) % len(ports)
    with connected(cluster.nodes[source]) as old, connected(cluster.nodes[target]) as new:
        ask: Any = old.execute_command
        tell: Any = new.execute_command
        tell("CLUSTER", "SETSLOT", slot, "IMPORTING", ask("CLUSTER", "MYID"))
        ask("CLUSTER", "SETSLOT", slot, "MIGRATING", tell("CLUSTER", "MYID"))
        kept = ask("CLUSTER", "GETKEYSINSLOT", slot, 99)
        password = cluster.nodes[target].password
        place = ("127.0.0.1", ports[target], "", 0, 5_000, "AUTH", password, "KEYS")
        ask("MIGRATE", *place, *kept)
        owner = tell("CLUSTER", "MYID")
    for number in (target, source, 3 - source - target):
        with connected(cluster.nodes[number]) as one:
            act: Any = one.execute_command
            act("CLUSTER", "SETSLOT", slot, "NODE", owner)


def test_a_queue_follows_its_slot_to_another_node(cluster: Cluster, client: Any) -> None:
    name = "moving"
    done: list[str] = []
    with Queue(RedisBackend(client, name)) as queue, Queue(RedisBackend(client, name)) as worker:
        queue.enqueue_many([Job(type="mail", id=str(number)) for number in range(20)])
        claim = queue.dequeue()

        move(cluster, client, name)

        assert queue.ack(claim)
        assert queue.enqueue("mail", id="new").id == "new"
        worker.register_handler("mail", lambda job: done.append(job.id))
        worker.start(workers=2)
        eventually(lambda: len(done) == 20, "the jobs that were moved", within=PATIENCE)
        move(cluster, client, name)
        queue.enqueue("mail", id="newest")
        eventually(lambda: "newest" in done, "the job behind the second move", within=PATIENCE)

    assert len(done) == len(set(done)) == 21
    client.delete(*(key(name, kind) for kind in (*KINDS, "layout")))


def test_workers_go_on_with_the_master_that_sentinel_chose() -> None:
    shared = {"requirepass": "secret", "masterauth": "secret"}
    done: set[str] = set()
    working = threading.Event()
    with (
        Server(None, **shared) as master,
        Server(None, **shared, replicaof=f"127.0.0.1 {master.port}") as replica,
        Sentinel(master) as sentinel,
        connected(sentinel) as guard,
    ):

        def is_followed() -> bool:
            replicas: Any = guard.sentinel_slaves(sentinel.name)
            return [each["master-link-status"] for each in replicas] == ["ok"]

        eventually(is_followed, "the replica", within=PATIENCE)
        asked: Any = SentinelClient(  # type: ignore[no-untyped-call]
            [("127.0.0.1", sentinel.port)], sentinel_kwargs={"password": sentinel.password}
        )
        client = asked.master_for(sentinel.name, password="secret")  # noqa: S106 - the test's
        with Queue(RedisBackend(client)) as queue, connected(replica) as copy:

            def note(job: Job) -> None:
                done.add(job.id)
                working.set()

            queue.register_handler("mail", note)
            queue.start(workers=2)
            queue.enqueue("mail", id="before")
            assert working.wait(PATIENCE)
            eventually(lambda: copy.exists(key("queue_jobs", "seq")), "the copy", within=PATIENCE)

            master.stop("kill")

            def enqueued() -> bool:
                try:
                    return queue.enqueue("mail", id="after", on_conflict="ignore").id == "after"
                except BackendUnavailable:
                    return False

            eventually(enqueued, "an enqueue at the new master", within=PATIENCE, every=0.1)
            eventually(lambda: "after" in done, "a job at the new master", within=PATIENCE)
        client.close()
        for one in asked.sentinels:
            one.close()
