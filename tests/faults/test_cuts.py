"""A conversation of one enqueue, one claim and one ack, cut behind every byte of either side."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from attrs import define
from tests.faults import matrix_grid
from tests.faults.matrix_run import Store
from tests.faults.matrix_stores import FULL, postgres_store, redis_store
from tests.servers import postgres, redis

from gofastr_queue import BackendUnavailable, Claim, Job, Queue
from gofastr_queue.records import EVERYTHING
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.proxied import Side
from gofastr_queue_conformance.proxy import Proxy

SAMPLED = 20
"""Places of each side that are cut where not every one is: orderly ends are."""

NAMES = {"postgresql": "PostgreSQL", "redis": "Redis"}


@define
class Talk:
    """What became of each call: what it returned, or nothing if nobody can tell."""

    put: Job | None = None
    claim: Claim | None = None
    acked: bool | None = None
    said: str = ""


@pytest.fixture(scope="module", params=list(NAMES))
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "redis":
        with redis.any_server() as redis_address:
            yield redis_store(redis_address)
    else:
        with postgres.any_server(fsync="off") as postgres_address:
            yield postgres_store(postgres_address)


@pytest.fixture
def url(store: Store) -> str:
    return store.url


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def direct(url: str, clock: FakeClock) -> Iterator[Queue]:
    """The queue by a way that nobody cuts."""
    with Queue.open(url, clock=clock) as queue:
        yield queue


@pytest.fixture
def proxy(url: str) -> Iterator[Proxy]:
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    with Proxy(parts.hostname, parts.port) as proxy:
        yield proxy


@pytest.fixture
def cut(url: str, store: Store, proxy: Proxy, direct: Queue, clock: FakeClock) -> Iterator[Queue]:
    """The queue by the way that is cut; it talks on one connection alone."""
    parts = urlsplit(url)
    host = "{}:{}".format(*proxy.address)
    netloc = f"{parts.netloc.rpartition('@')[0]}@{host}"
    options = "&listen=off&pool_size=1" if store.backend == "postgresql" else ""
    assert direct is not None
    with Queue.open(parts._replace(netloc=netloc).geturl() + options, clock=clock) as queue:
        yield queue
        proxy.heal()


@pytest.mark.timeout(3_000 if FULL else 120)
@pytest.mark.parametrize("reset", [True, False], ids=["reset", "end"])
@pytest.mark.parametrize("side", list(Side), ids=lambda side: side.name.lower())
def test_cut_behind_any_byte_a_job_is_there_once_or_done_and_every_error_is_named(
    store: Store,
    proxy: Proxy,
    cut: Queue,
    direct: Queue,
    clock: FakeClock,
    side: Side,
    reset: bool,
    request: pytest.FixtureRequest,
) -> None:
    talk(cut, "first")  # a server is told scripts once
    anew(proxy, cut)
    before = carried(proxy, side)
    whole = talk(cut, "at whole")  # as long as those that are cut
    length = carried(proxy, side) - before
    assert whole.acked is True, whole.said
    step = 1 if FULL and reset else max(length // SAMPLED, 1)
    ends = {"put": 0, "claim": 0, "acked": 0}
    anew(proxy, cut)
    cuts = proxy.counters.cut
    begin = os.getpid() % step  # other places at another time
    for place in range(begin, length, step):
        proxy.cut_after(place, side, reset=reset)
        talked = talk(cut, f"at {place:05}")
        proxy.heal()
        reach(cut)
        ends["put"] += talked.put is None
        ends["claim"] += talked.put is not None and talked.claim is None
        ends["acked"] += talked.claim is not None and talked.acked is None
        problem = wrong(talked, direct, NAMES[store.backend]) or unfinished(direct, clock)
        assert problem == "", f"cut behind byte {place} of {length}, each {step}th: {problem}"

    told = {"backend": store.backend, "of": length, "cut": proxy.counters.cut - cuts}
    request.node.user_properties.append((matrix_grid.CUTS, json.dumps(told)))
    assert told["cut"] == len(range(begin, length, step))
    if step == 1:
        assert all(ends.values()), f"not every call was cut: {ends}"


def talk(queue: Queue, id: str) -> Talk:
    """Enqueue, claim and ack, until an outcome is not known; any other error is the caller's."""
    told = Talk()
    try:
        told.put = queue.enqueue("t", {"text": "x" * 20}, id=id)
        (told.claim,) = queue._consumer.claim(EVERYTHING, 1).claims
        told.acked = queue.ack(told.claim)
    except BackendUnavailable as error:
        told.said = str(error)
    return told


def wrong(told: Talk, direct: Queue, name: str) -> str:
    """Return what a store holds that the calls' outcomes do not allow."""
    there = direct.list_jobs()
    states = [(str(job.status), job.attempts) for job in there]
    if told.acked is None and name not in told.said:
        return f"the error does not name the store: {told.said!r}"
    if told.acked is not None:
        allowed: list[list[tuple[str, int]]] = [[]] if told.acked else []
    elif told.claim is not None:
        allowed = [[], [("claimed", 1)]]
    elif told.put is not None:
        allowed = [[("pending", 0)], [("claimed", 1)]]
    else:
        allowed = [[], [("pending", 0)]]
    return "" if states in allowed else f"{told} left {states}"


def unfinished(direct: Queue, clock: FakeClock) -> str:
    """Do what was left, as others do after the lease; return what is there still."""
    clock.advance(direct.lease)
    claims = direct.claim(10)
    acked = direct.ack_many(claims)
    stats = direct.stats()
    return f"{len(claims) - len(acked)} stale, {stats}" if any(stats.values()) else ""


def reach(queue: Queue) -> None:
    """Let a cut connection be made anew, so that the next talk begins on it."""
    for _ in range(50):
        try:
            queue.stats()
        except BackendUnavailable:
            continue
        return
    queue.stats()


def anew(proxy: Proxy, queue: Queue) -> None:
    """Begin on a new connection, as after every cut: what is prepared on one is sent again."""
    proxy.cut()
    reach(queue)


def carried(proxy: Proxy, side: Side) -> int:
    counters = proxy.counters
    return counters.from_client if side is Side.CLIENT else counters.from_server
