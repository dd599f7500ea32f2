from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from redis import Redis
from tests.servers.redis import Address, any_server

from gofastr_queue.backends import connect
from gofastr_queue_conformance import Harness

numbers = itertools.count(1)


@contextmanager
def redis_harness(address: Address, *, lossy: bool = False, options: str = "") -> Iterator[Harness]:
    """Give the kit a queue of its own on a server."""
    name = f"kit:{next(numbers)}"
    url = f"{address.url()}?name={name}{options}"
    parts = urlsplit(address.url())
    with Redis.from_url(address.url()) as keeper:

        def through(host: str, port: int) -> str:
            credentials = parts.netloc.rpartition("@")[0]
            return parts._replace(netloc=f"{credentials}@{host}:{port}").geturl()

        yield Harness(
            open=lambda: connect(url),
            url=url,
            address=(parts.hostname or "", parts.port or 0) if lossy else None,
            through=(
                (lambda host, port: connect(f"{through(host, port)}?name={name}{options}"))
                if lossy
                else None
            ),
        )
        keeper.delete(*keeper.keys(f"{{{name}}}:*"), "nothing")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Address]:
    """Give the embedded Redis, or the one of GOFASTR_TEST_REDIS."""
    with any_server(appendfsync="everysec") as address:
        yield address


@pytest.fixture
def redis(redis_server: Address) -> Iterator[Harness]:
    """Give the kit the embedded Redis."""
    with redis_harness(redis_server, lossy=True) as harness:
        yield harness
