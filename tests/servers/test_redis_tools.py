"""Tests can reach a server by any URL, trouble it, and have several."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis import AuthenticationError, Redis, RedisCluster
from redis.exceptions import NoPermissionError
from tests.servers.redis import GIVEN, Address, Server, any_server
from tests.servers.redis_cluster import SLOTS, Cluster, Sentinel
from tests.servers.redis_tools import acl_user, connected, script_flushing, slowlog

SECONDS = 15


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_for_a_flush(server: Server) -> None:
    with connected(server) as client:
        script = client.script_load("return 1")
        wait_until(lambda: client.script_exists(script) == [False])


def test_a_given_server_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GIVEN, "rediss://me@redis.example:6380/7?ssl_cert_reqs=none")

    with any_server(maxmemory="50mb") as address:
        assert address == Address("rediss://me@redis.example:6380/7?ssl_cert_reqs=none")


def test_without_a_given_one_a_server_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(GIVEN, raising=False)

    with any_server(maxmemory=0, databases=3) as address, connected(address) as client:
        databases: Any = client.config_get("databases")
        assert databases == {"databases": "3"}


def test_each_part_of_an_address_can_be_another() -> None:
    address = Address("redis://me:a%40b@redis.example:6380/7?protocol=3")

    assert address.url() == address.base
    assert address.url(0, "you", "p/w") == "redis://you:p%2Fw@redis.example:6380/0?protocol=3"
    assert Address("redis://:secret@[::1]/0").url(1) == "redis://:secret@[::1]/1"
    assert Address("redis://redis.example").url() == "redis://redis.example"


def test_each_database_is_another(server: Server) -> None:
    with Redis.from_url(server.url(3)) as third, Redis.from_url(server.url()) as first:
        third.set("where", "third")

        assert first.get("where") is None


def test_a_user_may_do_what_its_rules_say(server: Server) -> None:
    url = acl_user(server, "reader", "p@ss/word", "~jobs:*", "+get")

    with Redis.from_url(url) as reader:
        assert reader.get("jobs:1") is None
        with pytest.raises(NoPermissionError):
            reader.get("other")
        with pytest.raises(NoPermissionError):
            reader.set("jobs:1", "value")


def test_a_user_keeps_no_rule_of_before(server: Server) -> None:
    acl_user(server, "changed", "before", "~*", "+@all")
    url = acl_user(server, "changed", "after", "+ping")

    with Redis.from_url(url) as changed:
        assert changed.ping()
        with pytest.raises(NoPermissionError):
            changed.get("jobs:1")
    old = server.url(0, "changed", "before")
    with Redis.from_url(old) as changed, pytest.raises(AuthenticationError):
        changed.ping()


def test_scripts_are_flushed_again_and_again_even_after_a_restart() -> None:
    with Server() as server, script_flushing(server, every=0.02):
        wait_for_a_flush(server)
        wait_for_a_flush(server)
        server.restart("kill")
        wait_for_a_flush(server)


def test_the_slowlog_tells_each_command_from_now_on(server: Server) -> None:
    with connected(server) as client:
        client.set("before", 1)
        with slowlog(server) as slow:
            client.set("after", 1)
            client.eval("return redis.call('GET', KEYS[1])", 1, "after")
            first, second = slow(), slow()
        client.set("after", 2)
        default: Any = client.config_get("slowlog-log-slower-than")

    assert [each.command for each in first] == ["SET", "GET", "EVAL"]
    assert all(0 <= each.microseconds < SECONDS * 10**6 for each in first)
    assert second == first
    assert default == {"slowlog-log-slower-than": "10000"}


def test_a_cluster_spreads_its_slots_and_survives_a_crash() -> None:
    with Cluster() as cluster:
        with RedisCluster.from_url(cluster.url) as client:
            for number in range(30):
                client.set(f"key {number}", number)
        sizes = []
        for node in cluster.nodes:
            with connected(node) as client_of_one:
                sizes.append(client_of_one.dbsize())
                slots = client_of_one.cluster("INFO")["cluster_slots_assigned"]
                assert slots == str(SLOTS)
        assert sum(sizes) == 30
        assert all(sizes)

        cluster.nodes[1].restart("kill")
        cluster.wait()

        with RedisCluster.from_url(cluster.url) as client:
            assert [client.get(f"key {n}") for n in range(30)] == [b"%d" % n for n in range(30)]

    assert not any(node.folder.exists() for node in cluster.nodes)


def current_master(sentinel: Redis) -> int:
    address: Any = sentinel.sentinel_get_master_addr_by_name("jobs")
    return int(address[1])


def knows_a_replica(sentinel: Redis) -> bool:
    replicas: Any = sentinel.sentinel_slaves("jobs")
    return [each["master-link-status"] for each in replicas] == ["ok"]


def test_a_sentinel_lets_a_replica_follow_a_dead_master() -> None:
    shared = {"requirepass": "secret", "masterauth": "secret"}
    with (
        Server(None, **shared) as master,
        Server(None, **shared, replicaof=f"127.0.0.1 {master.port}") as replica,
        Sentinel(master) as sentinel,
        connected(sentinel) as client,
    ):
        assert current_master(client) == master.port
        wait_until(lambda: knows_a_replica(client))

        master.stop("kill")

        wait_until(lambda: current_master(client) == replica.port)
