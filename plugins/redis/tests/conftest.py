from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis, RedisCluster
from tests.servers.redis import Address, Server, any_server, installations
from tests.servers.redis_cluster import Cluster
from tests.servers.redis_tools import acl_user, connected

from gofastr_queue.backends import connect
from gofastr_queue_conformance import Harness
from gofastr_queue_redis.scripts import KINDS, key

DOCS = Path(__file__).parents[3] / "docs" / "redis.md"

numbers = itertools.count(1)


def keys_of(name: str) -> list[str]:
    """Return every key that a queue has."""
    return [key(name, kind) for kind in (*KINDS, "layout")]


def harness_at(url: str, name: str, *, lossy: bool = False, options: str = "") -> Harness:
    """Give the kit the queue of a name; ``lossy`` lets it lose replies on the way."""
    parts = urlsplit(url)
    query = f"name={name}{options}"

    def through(host: str, port: int) -> str:
        credentials = parts.netloc.rpartition("@")[0]
        return parts._replace(netloc=f"{credentials}@{host}:{port}", query=query).geturl()

    here = (parts.hostname or "", parts.port or 0)
    return Harness(
        open=lambda: connect(through(*here)),
        url=through(*here),
        address=here if lossy else None,
        through=(lambda host, port: connect(through(host, port))) if lossy else None,
    )


@contextmanager
def new_queue(address: Address) -> Iterator[str]:
    """Give the name of a queue that nobody has used, and remove it at the end."""
    name = f"kit:{next(numbers)}:{secrets.token_hex(4)}"
    yield name
    with connected(address) as keeper:
        keeper.delete(*keys_of(name))


def documented_rules(name: str) -> list[str]:
    """Return what ``docs/redis.md`` says that a user must be allowed, for the queue of a name."""
    found = re.search(r"ACL SETUSER worker on >password ([^`]+)", DOCS.read_text("utf-8"))
    assert found is not None, f"{DOCS} names no commands"
    return found[1].replace("{myapp:jobs}", f"{{{name}}}").split()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Address]:
    """Give the embedded Redis, or the one of GOFASTR_TEST_REDIS."""
    with any_server(appendfsync="everysec") as address:
        yield address


@pytest.fixture(scope="session")
def lonely_server() -> Iterator[Server]:
    """Give a server whose counters and keys no other test touches meanwhile."""
    with Server(appendfsync="everysec") as server:
        yield server


@pytest.fixture
def alone(lonely_server: Server) -> Iterator[Redis]:
    """Give a client of such a server, which holds nothing."""
    with connected(lonely_server) as client:
        client.flushall()
        yield client


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Give a cluster of three masters."""
    with Cluster(appendfsync="everysec") as cluster:
        yield cluster


@pytest.fixture
def name(redis_server: Address) -> Iterator[str]:
    """Give the name of a new queue on the embedded Redis."""
    with new_queue(redis_server) as name:
        yield name


@pytest.fixture
def redis(redis_server: Address) -> Iterator[Harness]:
    """Give the kit the embedded Redis."""
    with new_queue(redis_server) as name:
        yield harness_at(redis_server.url(), name, lossy=True)


@pytest.fixture
def redis_as_user(redis_server: Address) -> Iterator[Harness]:
    """Give the kit a user who may do what the docs say, to the keys of one queue."""
    with new_queue(redis_server) as name:
        user = name.replace(":", "-")
        url = acl_user(redis_server, user, secrets.token_hex(8), *documented_rules(name))
        yield harness_at(url, name)
        with connected(redis_server) as keeper:
            keeper.acl_deluser(user)


@pytest.fixture
def redis_clustered(cluster: Cluster) -> Iterator[Harness]:
    """Give the kit a cluster; each queue is on one of its nodes."""
    name = f"kit:{next(numbers)}"
    yield harness_at(cluster.url, name, options="&cluster=on")
    with RedisCluster.from_url(cluster.url) as keeper:
        keeper.delete(*keys_of(name))


@pytest.fixture(scope="session")
def other_server() -> Iterator[Address]:
    """Give a server of this machine that is another than the embedded one."""
    embedded, *others = installations()
    if not others:
        pytest.skip(f"no redis-server or valkey-server but {embedded.name} is on the PATH")
    with Server(others[0], appendfsync="everysec") as server:
        yield server.address


@pytest.fixture
def redis_other(other_server: Address) -> Iterator[Harness]:
    """Give the kit that other server."""
    with new_queue(other_server) as name:
        yield harness_at(other_server.url(), name)
