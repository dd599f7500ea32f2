"""Fixtures: a harness of each store, for tests that are not of one backend alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from redis import Redis
from tests.servers import postgres as postgres_servers
from tests.servers import redis as redis_servers

from gofastr_queue.backends import connect
from gofastr_queue_conformance import Harness
from gofastr_queue_memory import MemoryBackend


@pytest.fixture
def memory() -> Iterator[Harness]:
    keeper = MemoryBackend(10_000, name=f"{uuid4()}")
    yield harness(f"memory://{keeper._shared_name}")
    keeper.queue_close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Harness:
    return harness(f"sqlite:///{tmp_path / 'jobs.db'}")


@pytest.fixture(scope="module")
def postgres_address() -> Iterator[postgres_servers.Address]:
    with postgres_servers.any_server(fsync="off") as address:
        yield address


@pytest.fixture
def postgres(postgres_address: postgres_servers.Address) -> Iterator[Harness]:
    schema = f"agreement_{uuid4().hex[:12]}"
    yield harness(f"{postgres_address.url()}?schema={schema}")
    with psycopg.connect(postgres_address.url()) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE".encode())


@pytest.fixture(scope="module")
def redis_address() -> Iterator[redis_servers.Address]:
    with redis_servers.any_server(appendfsync="everysec") as address:
        yield address


@pytest.fixture
def redis(redis_address: redis_servers.Address) -> Iterator[Harness]:
    name = f"agreement:{uuid4().hex[:12]}"
    yield harness(f"{redis_address.url()}?name={name}")
    with Redis.from_url(redis_address.url()) as client:
        client.delete("nothing", *client.keys(f"{{{name}}}:*"))


def harness(url: str) -> Harness:
    return Harness(open=lambda: connect(url), url=url)
