"""Jobs that are in the way: drawn at random from a seed, and stored many at a time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

from bench.stores import AnyBackend

from gofastr_queue.ids import new_id
from gofastr_queue.lifecycle import Status
from gofastr_queue.records import Draft, Want
from gofastr_queue_sql import SqliteBackend
from gofastr_queue_sql.postgres import PostgresBackend

PAYLOAD = '{"to":"user@example.com","subject":"' + "x" * 62 + '"}'
AT_ONCE = 10_000
"""Drafts that are stored in one call."""

CLAIMED_AT_ONCE = 1_000
LONG_LEASE = timedelta(days=1)

MINE = Want(types=frozenset({"mine"}), lanes=frozenset({""}))
"""The line of the measured jobs; among others, only those that were claimed are of it."""


def mine(lane: str = "", type: str = "mine") -> Draft:
    """Return a job as it is measured."""
    return Draft(id=new_id(), type=type, payload=PAYLOAD, lane=lane)


def _draft(chance: random.Random, **fields: object) -> Draft:
    given = {"type": "mine", "priority": chance.randrange(-50, 50)} | fields
    return Draft(id=new_id(), payload=PAYLOAD, **given)  # type: ignore[arg-type]


def _waiting(chance: random.Random) -> Draft:
    return _draft(chance, priority=chance.randrange(-50, 0))


def _later(chance: random.Random) -> Draft:
    delay = timedelta(microseconds=chance.randrange(3_600_000_000, 86_400_000_000))
    return _draft(
        chance, priority=chance.randrange(100, 1_000), scheduled_at=datetime.now(UTC) + delay
    )


def _of_lane(chance: random.Random) -> Draft:
    return _draft(chance, lane=f"lane-{chance.randrange(10)}")


def _of_type(chance: random.Random) -> Draft:
    return _draft(chance, type=f"other-{chance.randrange(10)}")


def _failed(chance: random.Random) -> Draft:
    return _draft(chance, status=Status.FAILED, attempts=3)


Draw = Callable[[random.Random], Draft]

KINDS: dict[str, tuple[Draw, ...]] = {
    "waiting": (_waiting,),
    "later": (_later,),
    "lane": (_of_lane,),
    "type": (_of_type,),
    "failed": (_failed,),
    "claimed": (_draft,),
    "mixed": (_later, _of_lane, _of_type, _failed, _draft),
}
"""Kinds of others by name; mixed has the same number of each but those that wait their turn."""


def put(backend: AnyBackend, drafts: Sequence[Draft], now: datetime | None = None) -> None:
    """Store drafts in one call."""
    if isinstance(backend, SqliteBackend | PostgresBackend):
        backend.queue_put(drafts, "error", now, None)
    else:
        backend.queue_put(drafts, "error", now)


def store(backend: AnyBackend, drafts: Iterable[Draft], now: datetime | None = None) -> None:
    """Store drafts, many at a time."""
    left = iter(drafts)
    while chunk := list(islice(left, AT_ONCE)):
        put(backend, chunk, now)


def fill(backend: AnyBackend, kind: str, count: int, chance: random.Random) -> None:
    """Store others of a kind, and let somebody else claim those that shall be claimed."""
    draws = KINDS[kind]
    store(backend, (draws[number % len(draws)](chance) for number in range(count)))
    while (
        _draft in draws
        and backend.queue_claim(MINE, CLAIMED_AT_ONCE, LONG_LEASE, "other", None).claims
    ):
        pass


def crowd(count: int) -> Iterator[Draft]:
    """Yield jobs of one line that come before all others."""
    for _ in range(count):
        yield Draft(id=new_id(), type="crowd", payload=PAYLOAD, lane="crowd", priority=1_000)
