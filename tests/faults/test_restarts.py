"""The server is restarted under load, in order and by a crash: nothing is lost or done twice.

GOFASTR_FAULTS=1 makes it many restarts.
"""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest
from tests.faults.crew import PATIENCE
from tests.faults.site import FULL, Site, meanwhile, work
from tests.faults.stores import REDIS, SERVERS
from tests.servers import redis
from tests.servers.redis_tools import script_flushing

from gofastr_queue_conformance.watching import eventually

RESTARTS = 10 if FULL else 2
PAUSE = 3.0 if FULL else 1.5
"""Seconds of work between two restarts."""
CHUNK, EVERY = 5, 0.05
JOB_SECONDS = 0.02
LEASE = 3.0
RECLAIM = "--reclaim-interval=300ms"


@pytest.mark.parametrize("crash", [False, True], ids=["in order", "crash"])
@pytest.mark.parametrize("store", SERVERS, indirect=True)
@pytest.mark.timeout(PATIENCE * 10)
def test_nothing_is_lost_or_done_twice_though_the_server_restarts(site: Site, crash: bool) -> None:
    workers = [site.start(RECLAIM, lease=LEASE) for _ in range(2)]
    chunk = work(CHUNK, JOB_SECONDS)
    with site.sampled(), meanwhile(lambda: site.queue.enqueue_many(chunk), EVERY):
        for _ in range(RESTARTS):
            time.sleep(PAUSE)
            site.store.restart(crash=crash)
        restarted = time.monotonic_ns()
        eventually(lambda: worked(site, restarted), "work after the last restart", PATIENCE, 0.2)
    site.drained(PATIENCE * 4)
    assert [worker.end() for worker in workers] == [0, 0]

    assert site.violations() == []
    assert site.queue.stats() == {"pending": 0, "claimed": 0, "failed": 0}


@pytest.mark.parametrize("store", [REDIS], indirect=True)
def test_nothing_is_lost_or_done_twice_though_scripts_are_forgotten(site: Site) -> None:
    assert isinstance(site.store.server, redis.Server)
    with ExitStack() as during:
        during.enter_context(script_flushing(site.store.server, every=0.05))
        workers = [site.start(RECLAIM, lease=LEASE) for _ in range(2)]
        during.enter_context(site.sampled())
        for _ in range(RESTARTS * 20):
            site.queue.enqueue_many(work(CHUNK, JOB_SECONDS))
        site.drained()
    assert [worker.end() for worker in workers] == [0, 0]

    assert site.violations() == []
    assert not any(op.phase == "info" for op in site.history().ops), (
        "a forgotten script is told anew"
    )


def worked(site: Site, since: int) -> bool:
    """Tell whether something was begun and done since a moment."""
    return any(one.done and one.began > since for one in site.effects())
