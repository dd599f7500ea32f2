"""A client that repeats by itself does not: what is not known to be done is told, never redone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from redis import Redis, RedisCluster
from tests.servers.redis import Address
from tests.servers.redis_cluster import Cluster

from gofastr_queue import BackendUnavailable, Job, Queue
from gofastr_queue_conformance.proxy import Proxy
from gofastr_queue_redis import RedisBackend

UNKNOWN = "went away before it said whether it had done it: look, or repeat what is idempotent"


@pytest.fixture
def proxy(redis_server: Address) -> Iterator[Proxy]:
    parts = urlsplit(redis_server.url())
    with Proxy(parts.hostname or "", parts.port or 0) as proxy:
        yield proxy


def through(proxy: Proxy, server: Address, **options: Any) -> Redis:
    host, port = proxy.address
    password = unquote(urlsplit(server.url()).password or "") or None
    return Redis(host, port, password=password, **options)


@pytest.fixture
def node(cluster: Cluster, name: str) -> Iterator[tuple[Proxy, int]]:
    """Give a proxy before the node that has the queue, and that node's own port."""
    with RedisCluster.from_url(cluster.url) as client:
        port = client.get_node_from_key(f"{{{name}}}:jobs").port
    with Proxy("127.0.0.1", port) as proxy:
        yield proxy, port


@pytest.fixture(params=["default", "single", "cluster"])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Give a client as a caller makes it, who gives no thought to what it repeats."""
    if request.param == "cluster":
        cluster: Cluster = request.getfixturevalue("cluster")
        node, port = request.getfixturevalue("node")
        made: Any = RedisCluster.from_url(
            cluster.url,
            address_remap=lambda at: node.address if at[1] == port else at,
        )
    else:
        server: Address = request.getfixturevalue("redis_server")
        proxy: Proxy = request.getfixturevalue("proxy")
        made = through(proxy, server, single_connection_client=request.param == "single")
    yield made
    made.close()
    if isinstance(made, RedisCluster):  # what it has learnt from may be no node of the cluster's
        for one in made.nodes_manager.startup_nodes.values():
            if one.redis_connection is not None:
                one.redis_connection.close()


@pytest.fixture
def lose(request: pytest.FixtureRequest, client: Any) -> Callable[[], None]:
    """Return what loses the next reply."""
    if isinstance(client, RedisCluster):
        proxy: Proxy = request.getfixturevalue("node")[0]
    else:
        proxy = request.getfixturevalue("proxy")
    return proxy.drop_next_reply


@pytest.fixture
def queue(client: Any, name: str) -> Iterator[Queue]:
    """Give a queue whose every operation was done once, so that the server knows the scripts."""
    with Queue(RedisBackend(client, name)) as queue:
        queue.enqueue("warm", id="warm", max_attempts=1)
        queue.enqueue_many([Job(type="warm") for _ in range(50)])
        queue.nack(queue.dequeue())
        queue.extend(queue.dequeue(), queue.lease)
        queue.replay("warm")
        assert queue.ack_many(queue.claim(99))
        queue.purge("failed")
        yield queue


def test_an_enqueue_without_a_reply_is_stored_once_and_told_as_unknown(
    queue: Queue, lose: Callable[[], None]
) -> None:
    lose()
    with pytest.raises(BackendUnavailable, match=UNKNOWN):
        queue.enqueue("mail", id="one")

    assert [job.id for job in queue.list_jobs("pending", type="mail")] == ["one"]
    assert queue.enqueue("mail", id="one", on_conflict="ignore").id == "one"


def test_a_bulk_without_a_reply_is_never_a_duplicate_of_itself(
    queue: Queue, lose: Callable[[], None]
) -> None:
    bulk = [Job(type="mail", id=str(number)) for number in range(50)]

    lose()
    with pytest.raises(BackendUnavailable, match=UNKNOWN):
        queue.enqueue_many(bulk)

    assert len(queue.enqueue_many(bulk, on_conflict="ignore")) == 50
    assert queue.stats()["pending"] == 50


def test_a_claim_without_a_reply_takes_one_job_not_two(
    queue: Queue, lose: Callable[[], None]
) -> None:
    for _ in range(3):
        queue.enqueue("mail")

    lose()
    with pytest.raises(BackendUnavailable, match=UNKNOWN):
        queue.claim(1, types=["mail"])

    assert len(queue.list_jobs("pending", type="mail")) == 2


@pytest.mark.parametrize("verb", ["ack", "nack", "release"])
def test_a_settlement_without_a_reply_is_told_as_unknown_not_as_late(
    queue: Queue, lose: Callable[[], None], verb: str
) -> None:
    queue.enqueue("mail", id="one")
    claim = queue.dequeue("mail")

    lose()
    with pytest.raises(BackendUnavailable, match=UNKNOWN):
        getattr(queue, verb)(claim)

    left = queue.get("one")
    assert (left is None) == (verb == "ack")
    if left is not None:
        assert (left.status, left.attempts) == ("pending", int(verb == "nack"))


def test_a_replay_without_a_reply_is_told_as_unknown(
    queue: Queue, lose: Callable[[], None]
) -> None:
    queue.enqueue("mail", id="one", max_attempts=1)
    queue.nack(queue.dequeue("mail"))

    lose()
    with pytest.raises(BackendUnavailable, match=UNKNOWN):
        queue.replay("one")

    left = queue.get("one")
    assert left is not None
    assert left.status in ("failed", "pending")  # it looks first, and that reply was lost


def test_the_same_client_repeats_what_its_owner_sends(
    redis_server: Address, proxy: Proxy, name: str
) -> None:
    with through(proxy, redis_server) as client:
        client.set(f"{name}:count", 0)
        proxy.drop_next_reply()
        assert client.incr(f"{name}:count") == 2
        client.delete(f"{name}:count")
