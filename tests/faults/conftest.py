"""Each durable store in turn, and a crew of workers on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
from tests.faults import stores
from tests.faults.crew import Crew
from tests.faults.recorder import Recorder
from tests.faults.site import Site
from tests.faults.stores import Server, Store
from tests.servers import postgres, redis

from gofastr_queue import Queue

Servers = Callable[[str], Server | None]


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Start each kind of server once, when it is asked for, as durable as it can be."""
    with ExitStack() as started:

        @cache
        def server(kind: str) -> Server | None:
            if kind == stores.POSTGRES:
                return started.enter_context(postgres.Server())
            if kind == stores.REDIS:
                return started.enter_context(redis.Server(appendfsync="always"))
            return None

        yield server


@pytest.fixture(params=stores.KINDS)
def store(request: pytest.FixtureRequest, servers: Servers, tmp_path: Path) -> Iterator[Store]:
    """Give each durable store."""
    with stores.store(request.param, tmp_path, servers(request.param)) as store:
        yield store


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    """Give a place for worker processes, none of which outlives the test."""
    crew = Crew(tmp_path)
    yield crew
    crew.close()


@pytest.fixture
def site(store: Store, crew: Crew) -> Iterator[Site]:
    """Give a store with a crew, where everything is recorded."""
    with Queue.open(store.url, plugins=[Recorder(crew.folder)]) as queue:
        yield Site(store, crew.folder, queue, crew)
