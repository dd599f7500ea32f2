"""The doctor's findings on Redis, each from what a server says of itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.servers.redis import Address, Server
from tests.servers.redis_cluster import Cluster
from tests.servers.redis_tools import acl_user, connected

from gofastr_queue import Capability, Queue, UnsupportedOperation
from gofastr_queue.records import Finding, Level
from gofastr_queue_redis import diagnosis

Info = dict[str, str]


@pytest.mark.parametrize(
    ("said", "level", "text"),
    [
        ({"redis_version": "6.2.14"}, Level.OK, "Redis 6.2.14"),
        ({"redis_version": "8.4.0"}, Level.OK, "Redis 8.4.0"),
        ({"redis_version": "6.0.20"}, Level.BROKEN, "Redis 6.0.20 is too old"),
        ({"redis_version": "7.2.4", "valkey_version": "8.1.0"}, Level.OK, "Valkey 8.1.0"),
        ({"redis_version": "7.2.4", "valkey_version": "7.0.0"}, Level.BROKEN, "Valkey 7.0.0 is"),
        ({}, Level.OK, "Redis of an unknown version"),
    ],
)
def test_an_old_server_is_broken(said: Info, level: Level, text: str) -> None:
    found = diagnosis.version(said)

    assert found.level is level
    assert found.text.startswith(text)
    assert diagnosis.supported(said) is (level is Level.OK)


@pytest.mark.parametrize(
    ("aof", "fsync", "level", "text"),
    [
        ("0", "", Level.BROKEN, "appendonly"),
        ("1", "no", Level.WARNING, "the last half minute may be lost"),
        ("1", "everysec", Level.WARNING, "the last two seconds may be lost"),
        ("1", "always", Level.OK, ""),
        ("1", "", Level.NOTE, ""),
    ],
)
def test_what_may_be_lost_hangs_on_how_it_is_written(
    aof: str, fsync: str, level: Level, text: str
) -> None:
    found = diagnosis.durability({"aof_enabled": aof}, fsync)

    assert found.level is level
    assert text in found.text
    assert found.remedy or level is Level.OK


@pytest.mark.parametrize(
    ("policy", "level"),
    [
        ("noeviction", Level.OK),
        ("volatile-lru", Level.OK),
        ("allkeys-lru", Level.BROKEN),
        ("allkeys-random", Level.BROKEN),
    ],
)
def test_a_server_that_drops_what_never_expires_is_broken(policy: str, level: Level) -> None:
    said = {"maxmemory_policy": policy, "aof_enabled": "1"}

    assert diagnosis.eviction(said).level is level
    assert diagnosis.durable(said) is (level is Level.OK)


@pytest.mark.parametrize(
    ("used", "most", "levels"),
    [("10", "0", []), ("10", "100", [Level.OK]), ("95", "100", [Level.WARNING])],
)
def test_little_room_is_warned_of_where_there_is_a_limit(
    used: str, most: str, levels: list[Level]
) -> None:
    found = list(diagnosis.memory({"used_memory": used, "maxmemory": most}))

    assert [one.level for one in found] == levels


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ({"role": "master"}, Level.OK),
        ({"role": "master", "connected_slaves": "2"}, Level.NOTE),
        ({"role": "slave"}, Level.BROKEN),
    ],
)
def test_a_replica_takes_no_jobs(said: Info, level: Level) -> None:
    assert diagnosis.writing(said).level is level


class Clock:
    """A server of which only the time is known."""

    patience = 0.0

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def call(self, *_: Any) -> Any:
        at = (datetime.now(UTC) + self._ahead).timestamp()
        return [str(int(at)).encode(), str(int(at % 1 * 1_000_000)).encode()]

    wait = call

    def close(self) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("seconds", "level", "text"),
    [
        (0, Level.OK, "agrees"),
        (10, Level.NOTE, "behind the server's, which decides"),
        (-100, Level.WARNING, "ahead of the server's, which decides"),
    ],
)
def test_a_clock_far_from_the_servers_is_told(seconds: int, level: Level, text: str) -> None:
    found = diagnosis.clock(Clock(timedelta(seconds=seconds)), None)

    assert found.level is level
    assert text in found.text


def test_a_given_clock_is_compared_in_its_place() -> None:
    found = diagnosis.clock(Clock(timedelta(0)), datetime.now(UTC) - timedelta(hours=1))

    assert found.text.startswith("the clock given to the queue is 3,600")


def found_at(url: str, **options: Any) -> dict[str, Finding]:
    with Queue.open(url, **options) as queue:
        return {one.subject: one for one in queue.diagnose()}


LOOKED_AT = {"encryption", "leases", "backlog"}

SUBJECTS = {"version", "durability", "eviction", "writing", "clock", *LOOKED_AT}


def test_a_server_as_it_should_be_is_in_order() -> None:
    with Server() as server:
        found = found_at(server.url())

    assert found.keys() == SUBJECTS
    assert {one.level for one in found.values()} == {Level.OK}


def test_a_server_as_it_should_not_be_is_told_of() -> None:
    with Server(appendonly="no", maxmemory="100mb", maxmemory_policy="allkeys-lru") as server:
        found = found_at(server.url())
        with Queue.open(server.url()) as queue:
            assert Capability.DURABLE not in queue.capabilities
        with pytest.raises(UnsupportedOperation, match=r"DURABLE|durable"):
            Queue.open(server.url(), requires={Capability.DURABLE})

    assert found.keys() == SUBJECTS | {"memory"}
    assert found["durability"].level is Level.BROKEN
    assert found["eviction"].level is Level.BROKEN


def test_a_node_of_a_cluster_is_examined_as_a_server(cluster: Cluster) -> None:
    found = found_at(cluster.url, cluster=True)

    assert found.keys() == SUBJECTS
    assert not [one for one in found.values() if one.level is Level.BROKEN]


def test_a_replica_is_found_to_be_one() -> None:
    with Server() as server:
        Queue.open(server.url()).close()
        with connected(server) as client:
            client.replicaof("127.0.0.1", 1)
        found = found_at(server.url())

    assert found["writing"].level is Level.BROKEN


@pytest.fixture
def user(redis_server: Address, name: str) -> Callable[..., str]:
    def make(*rules: str) -> str:
        url = acl_user(redis_server, "patient", "any", f"~{{{name}}}:*", "+@all", *rules)
        return f"{url}?name={name}"

    return make


def test_a_user_without_info_is_told_what_is_not_known(user: Callable[..., str]) -> None:
    found = found_at(user("-info"))

    assert found.keys() == {"durability", "clock", *LOOKED_AT}
    assert found["durability"].level is Level.NOTE
    assert "allow it: ACL SETUSER … +info" in found["durability"].remedy


def test_a_user_without_config_is_told_that_appendfsync_is_not_known(
    user: Callable[..., str],
) -> None:
    found = found_at(user("-config"))

    assert found["durability"].level is Level.NOTE
    assert found["durability"].remedy


def test_a_user_without_a_command_is_told_what_to_do(user: Callable[..., str]) -> None:
    with pytest.raises(Exception, match="allow it to this user by ACL SETUSER; the docs list"):
        Queue.open(user("-evalsha", "-eval"))
