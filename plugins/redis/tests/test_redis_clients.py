"""Any synchronous client will do, is used alike, and stays its owner's."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from redis import BlockingConnectionPool, ConnectionPool, Redis, RedisCluster, asyncio
from redis._parsers import _RESP2Parser, _RESP3Parser
from redis.sentinel import Sentinel as SentinelClient
from tests.servers.redis import Address, Server
from tests.servers.redis_cluster import Cluster, Sentinel
from tests.servers.redis_speaker import Speaker

from gofastr_queue import BackendUnavailable, Capability, InvalidOption, Job, Queue
from gofastr_queue.records import EVERYTHING, Level
from gofastr_queue_conformance import (
    BrowsingContract,
    ClaimingContract,
    FencingContract,
    Harness,
    ReplayingContract,
    WakingContract,
)
from gofastr_queue_conformance.watching import eventually
from gofastr_queue_redis import RedisBackend

Make = Callable[[str], Any]
"""From a server's URL to a client of it."""

LONG = timedelta(seconds=30)


def pooled(**options: Any) -> Make:
    return lambda url: Redis.from_url(url, **options)


def crowded(url: str) -> Any:
    return Redis(connection_pool=BlockingConnectionPool.from_url(url, max_connections=1))


def valkey(url: str) -> Any:
    client = pytest.importorskip("valkey", reason="valkey-py is not installed").Valkey
    return client.from_url(url, decode_responses=True)


MAKERS: dict[str, Make] = {
    "decoded": pooled(decode_responses=True, protocol=2),
    "without-hiredis": pooled(protocol=2, parser_class=_RESP2Parser),
    "decoded-without-hiredis": pooled(decode_responses=True, protocol=3, parser_class=_RESP3Parser),
    "single": lambda url: Redis(
        connection_pool=ConnectionPool.from_url(url), single_connection_client=True
    ),
    "one-connection": crowded,
    "valkey-py": valkey,
    "speaker": lambda url: Speaker(url, decode=False),
    "decoded-speaker": lambda url: Speaker(url, decode=True),
}


THOROUGH = ("decoded-without-hiredis", "decoded-speaker")
"""Those that differ most from the client of a URL."""


def harness_of(client: Any, name: str) -> Harness:
    return Harness(open=lambda: RedisBackend(client, name))


@pytest.fixture(params=THOROUGH)
def thorough(request: pytest.FixtureRequest, redis_server: Address) -> Iterator[Any]:
    client = MAKERS[request.param](redis_server.url())
    yield client
    client.close()


class TestClients(ReplayingContract, BrowsingContract, FencingContract, ClaimingContract):
    """What differs with a client: how texts go and come."""

    @pytest.fixture
    def harness(self, thorough: Any, name: str) -> Harness:
        return harness_of(thorough, name)


@pytest.fixture(scope="module")
def watched() -> Iterator[tuple[Server, Sentinel]]:
    with Server() as server, Sentinel(server) as sentinel:
        yield server, sentinel


@pytest.fixture
def master(watched: tuple[Server, Sentinel]) -> Iterator[Any]:
    """Give the client of a master that Sentinel finds."""
    server, sentinel = watched
    asked: Any = SentinelClient(  # type: ignore[no-untyped-call]
        [("127.0.0.1", sentinel.port)], sentinel_kwargs={"password": sentinel.password}
    )
    yield asked.master_for(sentinel.name, password=server.password)
    for one in asked.sentinels:
        one.close()


@pytest.fixture(params=[*MAKERS, "cluster", "sentinel"])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "cluster":
        cluster: Cluster = request.getfixturevalue("cluster")
        made: Any = RedisCluster.from_url(cluster.url, decode_responses=True)
    elif request.param == "sentinel":
        made = request.getfixturevalue("master")
    else:
        made = MAKERS[request.param](request.getfixturevalue("redis_server").url())
    yield made
    made.close()


class TestWaits(WakingContract):
    """What differs with a client: how waits block, and end."""

    @pytest.fixture
    def harness(self, client: Any, name: str) -> Harness:
        return harness_of(client, name)


def test_every_operation_works_with_any_client(client: Any, name: str) -> None:
    with Queue(RedisBackend(client, name)) as queue:
        assert Capability.DURABLE in queue.capabilities
        bulk = [Job(type="größe", lane="\U0001f600", payload={"n": n}) for n in range(50)]
        queue.enqueue_many(bulk)
        queue.enqueue("mail", id="one", priority=9, max_attempts=1)
        queue.enqueue("mail", id="later", delay=LONG)

        claim = queue.dequeue()
        assert (claim.job.id, queue.extend(claim, LONG)) == ("one", True)
        assert queue.nack(claim, "gründlich")
        assert queue.list_jobs("failed")[0].errors[0].message == "gründlich"
        assert queue.replay("one")
        assert queue.release(queue.dequeue("mail"))
        claims = queue.claim(99, types=["größe"])
        assert [claim.job.payload for claim in claims] == [{"n": n} for n in range(50)]
        assert queue.ack_many(claims) == claims
        assert queue.stats() == {"pending": 2, "claimed": 0, "failed": 0}
        assert queue.purge("pending") == 2
        assert queue.reclaim() == 0
        assert not [one for one in queue.diagnose() if one.level is Level.BROKEN]


def test_a_wait_tells_of_a_server_that_goes_away() -> None:
    with Server() as server, Redis.from_url(server.url()) as client:
        backend = RedisBackend(client)
        stopping = threading.Timer(0.1, server.stop, ["kill"])
        stopping.start()

        with pytest.raises(BackendUnavailable, match="in Redis"):
            backend.queue_wait(EVERYTHING, LONG, None)

        stopping.join()
        backend.queue_close()


def test_those_who_wait_hold_up_nobody(client: Any, name: str) -> None:
    with Queue(RedisBackend(client, name)) as queue:
        backends = [RedisBackend(client, name) for _ in range(3)]
        threads = [
            threading.Thread(
                target=lambda backend=backend: backend.queue_wait(EVERYTHING, LONG, None)
            )
            for backend in backends
        ]
        for thread in threads:
            thread.start()

        began = time.monotonic()
        for _ in range(50):
            queue.stats()
        assert time.monotonic() - began < 10
        assert all(thread.is_alive() for thread in threads)

        for backend in backends:
            backend.queue_close()
        for thread in threads:
            thread.join(10)
        assert not any(thread.is_alive() for thread in threads)


def test_closing_a_queue_leaves_the_client_open(client: Any, name: str) -> None:
    with Queue(RedisBackend(client, name)) as queue:
        queue.enqueue("mail", id="one")

    assert client.execute_command("EXISTS", f"{{{name}}}:jobs") == 1
    with Queue(RedisBackend(client, name)) as queue:
        assert queue.get("one") is not None


def test_workers_share_a_client_with_its_owner(client: Any, name: str) -> None:
    done: list[str] = []
    with Queue(RedisBackend(client, name)) as queue:
        queue.register_handler("mail", lambda job: done.append(job.id))
        queue.start(workers=4)
        given = [queue.enqueue("mail").id for _ in range(20)]
        while len(done) < len(given):
            assert client.execute_command("PING") in (b"PONG", "PONG", True)
            time.sleep(0.001)  # a pool of one connection is not fair to who waits
        assert queue.join(10)

    assert sorted(done) == sorted(given)


def test_a_closed_queue_leaves_no_connection_of_its_own(redis_server: Address, name: str) -> None:
    with Redis.from_url(redis_server.url()) as client:

        def connections() -> int:
            return len(client.client_list())

        before = connections()
        backend = RedisBackend(client, name)
        assert not backend.queue_wait(EVERYTHING, timedelta(milliseconds=30), None)
        backend.queue_close()

        eventually(lambda: connections() == before, "the end of the waiter's connection")


@pytest.mark.parametrize("url", ["redis", "cluster"])
def test_an_asynchronous_client_is_refused_by_name(url: str) -> None:
    client: Any = asyncio.Redis() if url == "redis" else asyncio.RedisCluster("127.0.0.1", 1)

    with pytest.raises(
        InvalidOption, match=rf"redis\.asyncio\..*{type(client).__name__} is an asynchronous client"
    ):
        RedisBackend(client)


def test_whatever_has_an_asynchronous_method_is_refused_by_name() -> None:
    class Mine:
        async def execute_command(self, *args: Any) -> Any:
            return args

    with pytest.raises(InvalidOption, match=r"Mine is an asynchronous client: give a synchronous"):
        RedisBackend(Mine())


@pytest.mark.parametrize(
    "client", [None, "redis://host", 5, object()], ids=lambda one: type(one).__name__
)
def test_what_is_no_client_is_refused_with_what_it_lacks(client: Any) -> None:
    with pytest.raises(InvalidOption, match="a Redis client has a method execute_command"):
        RedisBackend(client)


def test_a_client_that_writes_no_utf_8_is_refused(redis_server: Address) -> None:
    with (
        Redis.from_url(redis_server.url(), encoding="latin-1") as client,
        pytest.raises(InvalidOption, match="encoding is latin-1: make it with encoding='utf-8'"),
    ):
        RedisBackend(client)


def test_a_socket_in_a_folder_will_do(name: str) -> None:
    with Server(unixsocket="redis.sock") as server:
        path = str(server.folder / "data" / "redis.sock")
        with (
            Redis(unix_socket_path=path, password=server.password) as client,
            Queue(RedisBackend(client, name)) as queue,
        ):
            queue.enqueue("mail", id="one")
            assert queue.dequeue().job.id == "one"


FORKED = """
import os, sys
from redis import Redis
from gofastr_queue import Queue
from gofastr_queue_redis import RedisBackend

url, name, single = sys.argv[1:]
client = Redis.from_url(url, single_connection_client=single == "True")
queue = Queue(RedisBackend(client, name))
child = os.fork()
for _ in range(100):
    queue.enqueue("child" if child == 0 else "parent")
if child == 0:
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print(sorted((count.type, count.count) for count in queue.counts()))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("single", [True, False])
def test_a_child_process_has_a_connection_of_its_own(
    redis_server: Address, name: str, *, single: bool
) -> None:
    command = [sys.executable, "-c", FORKED, redis_server.url(), name, str(single)]

    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert said.stdout == "[('child', 100), ('parent', 100)]\n", said.stderr
