"""However jobs are spread over lines, a claim that goes by lines brings the best of them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from gofastr_queue.calls import resolve
from gofastr_queue.records import Draft, Want
from gofastr_queue_conformance import Harness
from gofastr_queue_sql import postgres_url
from gofastr_queue_sql.postgres import PostgresBackend
from gofastr_queue_sql.postgres_ways import OF_LINES

NOW = datetime(2024, 2, 29, tzinfo=UTC)
HOUR = timedelta(hours=1)
LANES = [f"lane-{number}" for number in range(5)]
TYPES = [f"type-{number}" for number in range(12)]
LIMITS = [1, 2, 3, 7, 13, 20, 60, 100, 150]

WANTS = [
    Want(types=frozenset(TYPES)),
    Want(types=frozenset([*TYPES, "none"]), not_lanes=frozenset(LANES[:1])),
    Want(types=frozenset(TYPES[:3]), not_types=frozenset(TYPES[:1])),
    Want(lanes=frozenset(LANES[1:])),
    Want(lanes=frozenset([*LANES, "none"]), not_types=frozenset(TYPES[:5])),
    Want(lanes=frozenset(LANES), types=frozenset(TYPES)),
    Want(not_types=frozenset(["crowd"])),
]

SPREADS: dict[str, Callable[[random.Random], tuple[str, str, int]]] = {
    "evenly": lambda chance: (chance.choice(LANES), chance.choice(TYPES), chance.randrange(50)),
    "of one priority": lambda chance: (chance.choice(LANES), chance.choice(TYPES), 0),
    "of lowest priority": lambda chance: (chance.choice(LANES), chance.choice(TYPES), -(2**31)),
    "mostly in one line": lambda chance: (
        (LANES[1], TYPES[2], chance.randrange(20, 40))
        if chance.random() < 0.8
        else (chance.choice(LANES), chance.choice(TYPES), chance.randrange(50))
    ),
    "few to a line": lambda chance: (
        chance.choice(LANES),
        TYPES[min(int(chance.expovariate(0.3)), 11)],
        chance.randrange(-3, 3),
    ),
}


@pytest.mark.parametrize("spread", SPREADS)
def test_a_claim_by_lines_brings_the_best(
    postgres: Harness, spread: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = postgres_url.read(postgres.url, None, None, None, None)
    backend = PostgresBackend(place.dsn, schema=place.schema, listen=False)
    monkeypatch.setattr(backend._ways, "choose", lambda _: OF_LINES)
    hooks = resolve(backend).hooks
    chance = random.Random(7)  # noqa: S311 - repeatable, no secret
    ids = (f"{number:05}" for number in itertools.count())

    def drawn(count: int) -> list[Draft]:
        drafts = []
        for id in itertools.islice(ids, count):
            lane, type, priority = SPREADS[spread](chance)
            drafts.append(Draft(id, type, "null", lane=lane, priority=priority))
        hooks.queue_put(drafts=drafts, on_conflict="error", now=NOW)
        return drafts

    crowd = [Draft(f"crowd-{n}", "crowd", "null", lane="crowd", priority=99) for n in range(50)]
    hooks.queue_put(drafts=crowd, on_conflict="error", now=NOW)
    ready = drawn(1_500)
    for want, limit in itertools.product(WANTS, LIMITS):
        wanted = [draft for draft in ready if want.admits(draft.lane, draft.type)]
        best = sorted(wanted, key=lambda draft: -draft.priority)[:limit]
        claims = hooks.queue_claim(want=want, limit=limit, lease=HOUR, worker="w", now=NOW).claims

        assert [claim.job.id for claim in claims] == [draft.id for draft in best], (want, limit)
        taken = {draft.id for draft in best}
        ready = [draft for draft in ready if draft.id not in taken] + drawn(len(best))
    backend.queue_close()
