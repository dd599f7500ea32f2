"""Handlers that take longer than their lease: it is renewed, or they are told that it is lost.

GOFASTR_FAULTS=1 makes the handler eleven seconds long and its lease two.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from tests.faults.crew import PATIENCE
from tests.faults.site import FULL, MARGIN, Site
from tests.faults.stores import SERVERS, SQLITE, write_lock

from gofastr_queue import Job
from gofastr_queue_conformance.proxy import Proxy
from gofastr_queue_conformance.watching import eventually

LEASE, LONG = (2.0, 11.0) if FULL else (1.0, 4.0)
RECLAIM = "--reclaim-interval=200ms"
TOLD_SECONDS = 1.0
NANOS = 1e9

Severed = Callable[[], AbstractContextManager[None]]

RESET, BLACK_HOLE, LOCK = "reset", "black hole", "write lock"
CUTS = [(SQLITE, LOCK), *itertools.product(SERVERS, [RESET, BLACK_HOLE])]


def test_a_handler_runs_once_however_often_its_lease_must_be_renewed(site: Site) -> None:
    workers = [site.start(RECLAIM, lease=LEASE) for _ in range(2)]
    id = site.queue.enqueue("work", [LONG], max_attempts=1).id
    site.drained()
    assert [worker.end() for worker in workers] == [0, 0]

    (effect,) = site.effects(id)
    assert effect.done is not None
    assert (effect.done - effect.began) / NANOS >= LONG
    assert len(site.history().extensions[effect.token]) >= LONG / LEASE
    assert site.violations() == []
    assert site.queue.stats() == {"pending": 0, "claimed": 0, "failed": 0}


@pytest.mark.parametrize(("store", "cut"), CUTS, indirect=["store"])
def test_a_handler_is_told_to_stop_when_its_worker_cannot_reach_the_store(
    site: Site, cut: str
) -> None:
    with severable(site, cut) as (url, severed):
        worker = site.start(RECLAIM, url=url, lease=LEASE)
        job = Job(type="patient", payload=[PATIENCE, 0.0], max_attempts=2)
        id = site.queue.enqueue_many([job])[0].id
        eventually(lambda: site.effects(id), "the handler", PATIENCE)
        time.sleep(LEASE)  # it has been renewed
        with severed():
            began = time.monotonic_ns()
            eventually(lambda: site.effects(id)[0].cancelled, "the cancel signal", PATIENCE)
        other = site.start(RECLAIM, lease=LEASE)
        site.drained()
        assert [worker.end(), other.end()] == [0, 0]

    first, second = site.effects(id)
    assert first.cancelled is not None
    told = (first.cancelled - began) / NANOS
    print(f"told to stop after {told:.2f} s")  # noqa: T201 - for pytest -rP
    assert told <= LEASE + MARGIN * TOLD_SECONDS
    assert (first.attempt, second.attempt) == (1, 2)
    assert second.done is not None
    assert site.violations() == []
    assert site.queue.stats() == {"pending": 0, "claimed": 0, "failed": 0}


@contextmanager
def severable(site: Site, cut: str) -> Iterator[tuple[str, Severed]]:
    """Give a URL of the store, and what cuts the way to it for a while.

    There is no way to a SQLite file that could be cut; another process keeps it from writing.
    """
    if cut == LOCK:
        yield site.store.url, lambda: write_lock(site.store.url)
        return
    with Proxy(*site.store.address) as proxy:

        @contextmanager
        def severed() -> Iterator[None]:
            if cut == RESET:
                proxy.refuse()
                proxy.cut()
            else:
                proxy.black_hole()
            yield
            proxy.heal()

        yield site.store.through(*proxy.address), severed
