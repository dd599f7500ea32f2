"""Whatever is wanted, PostgreSQL claims the same jobs in the same order as memory, in every way."""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import psycopg
import pytest
from psycopg import sql

from gofastr_queue.backends import connect
from gofastr_queue.calls import resolve
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.records import Ack, Batch, Draft, Outcome, Release, Want
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance import Harness
from gofastr_queue_sql import postgres_url
from gofastr_queue_sql.postgres import PostgresBackend
from gofastr_queue_sql.postgres_ways import IN_FRONT, OF_ALL, OF_LINE, OF_LINES

HOUR = timedelta(hours=1)
LIMITS = (1, 7, 100)
NOW = FakeClock().now()

Chance = random.Random
Shape = Callable[[Chance], tuple[str, str]]
Found = TypeVar("Found")


def few_lines(chance: Chance) -> tuple[str, str]:
    return chance.choice(["", "1", "2"]), chance.choice("123")


def many_lines(chance: Chance) -> tuple[str, str]:
    return str(chance.randrange(30)), str(chance.randrange(30))


def one_line_and_a_few(chance: Chance) -> tuple[str, str]:
    return ("1", "1") if chance.random() < 0.99 else many_lines(chance)


SHAPES: dict[str, tuple[Shape, int]] = {
    "few lines": (few_lines, 400),
    "30 x 30 lines": (many_lines, 2_000),
    "one line and a few": (one_line_and_a_few, 1_200),
    "nearly nothing": (few_lines, 4),
}


@pytest.fixture
def chance() -> Chance:
    seed = int(os.environ.get("GOFASTR_SEED", "0"))
    print(f"GOFASTR_SEED={seed}")  # noqa: T201 - pytest shows it with a failure
    return Chance(seed)


@pytest.fixture
def backend(postgres: Harness) -> Iterator[PostgresBackend]:
    backend = postgres.open()
    assert isinstance(backend, PostgresBackend)
    yield backend
    backend.queue_close()


def drafts(shape: Shape, count: int, chance: Chance) -> list[Draft]:
    lines = [shape(chance) for _ in range(count)]
    return [
        Draft(id=f"{number}", type=type, payload="null", lane=lane, priority=chance.randint(-2, 2))
        for number, (lane, type) in enumerate(lines)
    ]


def some(chance: Chance) -> frozenset[str] | None:
    """Return none, one, a few or many names; some that nothing has."""
    size = chance.choice([None, None, None, 0, 1, 1, 2, 5, 25])
    names = ["", "absent", *map(str, range(30))]
    return None if size is None else frozenset(chance.sample(names, size))


def wants(count: int, chance: Chance) -> list[Want]:
    return [Want(some(chance), some(chance), some(chance), some(chance)) for _ in range(count)]


def claim(hooks: Hooks, want: Want, limit: int) -> Batch:
    return hooks.queue_claim(want=want, limit=limit, lease=HOUR, worker="w", now=NOW)


def tried(hooks: Hooks, want: Want, limit: int) -> tuple[list[str], bool]:
    """Return what a claim brings, and whether it says that there is more; give it back."""
    batch = claim(hooks, want, limit)
    releases = [Release(claim, Outcome.GIVE_BACK) for claim in batch.claims]
    assert len(hooks.queue_nack(releases=releases, now=NOW)) == len(releases)
    return [claim.job.id for claim in batch.claims], batch.next_due == timedelta(0)


@pytest.mark.parametrize("name", SHAPES)
def test_every_way_claims_what_memory_does(
    backend: PostgresBackend, chance: Chance, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    memory, stored = resolve(connect("memory://")).hooks, resolve(backend).hooks
    jobs = drafts(*SHAPES[name], chance)
    for hooks in (memory, stored):
        hooks.queue_put(drafts=jobs, on_conflict="error", now=NOW)
    choose = backend._ways.choose
    brought = 0

    for want in [Want(), *wants(60, chance)]:
        ways = {choose(want)} if want.everything else {choose(want), IN_FRONT, OF_LINES}
        for limit in LIMITS:
            expected = tried(memory, want, limit)
            brought += bool(expected[0])
            for way in ways:
                monkeypatch.setattr(backend._ways, "choose", lambda _, way=way: way)
                assert tried(stored, want, limit) == expected, (way, want, limit)
    memory.queue_close()

    assert brought > 30


@pytest.mark.parametrize("name", SHAPES)
def test_every_line_by_itself_is_claimed_as_memory_does(
    backend: PostgresBackend, chance: Chance, name: str
) -> None:
    memory, stored = resolve(connect("memory://")).hooks, resolve(backend).hooks
    jobs = drafts(*SHAPES[name], chance)
    for hooks in (memory, stored):
        hooks.queue_put(drafts=jobs, on_conflict="error", now=NOW)
    lines = sorted({(job.lane, job.type) for job in jobs} | {("", "absent"), ("absent", "1")})

    for lane, type in lines[:40]:
        want = Want(types=frozenset({type}), lanes=frozenset({lane}))
        assert backend._ways.choose(want) == OF_LINE
        for limit in LIMITS:
            assert tried(stored, want, limit) == tried(memory, want, limit)
    memory.queue_close()


FILTERED = Want(types=frozenset({"1", "2"}))
LINE = Want(types=frozenset({"1"}), lanes=frozenset({"1"}))


@contextmanager
def holding(place: postgres_url.Place, ids: list[str]) -> Iterator[psycopg.Connection]:
    """Lock jobs in a transaction that goes on, as a claim does that is not committed yet."""
    table = sql.Identifier(place.schema, place.table)
    with psycopg.connect(place.dsn) as other:
        lock = sql.SQL("SELECT FROM {} WHERE id = ANY(%s) FOR UPDATE").format(table)
        assert other.execute(lock, [ids]).rowcount == len(ids)
        yield other


@pytest.mark.parametrize(
    ("way", "want"),
    [(OF_ALL, Want()), (OF_LINE, LINE), (IN_FRONT, FILTERED), (OF_LINES, FILTERED)],
    ids=[OF_ALL, OF_LINE, IN_FRONT, OF_LINES],
)
def test_what_others_hold_is_passed_over_and_not_forgotten(
    postgres: Harness,
    backend: PostgresBackend,
    chance: Chance,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    want: Want,
) -> None:
    hooks = resolve(backend).hooks
    hooks.queue_put(drafts=drafts(few_lines, 400, chance), on_conflict="error", now=NOW)
    monkeypatch.setattr(backend._ways, "choose", lambda _: way)
    ids, _ = tried(hooks, want, 400)
    place = postgres_url.read(postgres.url, None, None, None, None)

    with holding(place, ids[:3]):
        assert tried(hooks, want, 7) == (ids[3:10], True)
    with holding(place, ids):
        looked = claim(hooks, want, 7)
    assert looked.claims == ()
    if way in {IN_FRONT, OF_LINES}:
        assert looked.next_due == timedelta(0), "whoever holds them may let them go"
    assert tried(hooks, want, 7) == (ids[:7], True)


def test_expired_and_due_jobs_that_others_hold_are_passed_over(
    postgres: Harness, backend: PostgresBackend, chance: Chance
) -> None:
    hooks = resolve(backend).hooks
    hooks.queue_put(drafts=drafts(few_lines, 20, chance), on_conflict="error", now=NOW)
    held = [one.job.id for one in claim(hooks, Want(), 20).claims]
    place = postgres_url.read(postgres.url, None, None, None, None)

    with holding(place, held[:5]):
        moved = hooks.queue_reclaim(limit=100, reason="gone", now=NOW + 2 * HOUR)
    claims = claim(hooks, Want(), 20).claims
    hooks.queue_nack(
        releases=[Release(claim, Outcome.RETRY, delay=HOUR) for claim in claims], now=NOW
    )
    with holding(place, held[5:10]):
        due = hooks.queue_claim(
            want=Want(), limit=100, lease=HOUR, worker="w", now=NOW + HOUR
        ).claims

    assert sorted(job.id for job in moved) == sorted(held[5:])
    assert sorted(one.job.id for one in due) == sorted(held[10:])


def at_once(work: Callable[[int], Found], count: int) -> list[Found]:
    start = threading.Barrier(count)

    def run(number: int) -> Found:
        start.wait(60)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@pytest.mark.parametrize(
    "shape", [few_lines, many_lines, one_line_and_a_few], ids=lambda shape: shape.__name__
)
def test_eight_claimers_with_a_filter_drain_three_thousand_jobs_exactly_once(
    backend: PostgresBackend, chance: Chance, shape: Shape
) -> None:
    hooks = resolve(backend).hooks
    jobs = drafts(shape, 3_000, chance)
    hooks.queue_put(drafts=jobs, on_conflict="error", now=NOW)
    want = Want(not_types=frozenset({"2"}), not_lanes=frozenset({"2"}))
    wanted = [job.id for job in jobs if want.admits(job.lane, job.type)]
    limits = [1, 8, 15, 1, 8, 15, 1, 8]
    taken: list[str] = []

    def drain(number: int) -> None:
        empty = 0
        while len(taken) < len(wanted):
            batch = claim(hooks, want, limits[number])
            acked = hooks.queue_ack(acks=[Ack(claim) for claim in batch.claims], now=NOW)
            taken.extend(ack.claim.job.id for ack in acked)
            empty = 0 if acked else empty + 1
            if empty and len(wanted) - len(taken) > sum(limits):
                assert batch.next_due == timedelta(0), "more is ready than all can hold"
                assert empty < 50

    at_once(drain, len(limits))

    assert Counter(taken) == Counter(wanted)
    assert claim(hooks, want, 100).claims == ()
