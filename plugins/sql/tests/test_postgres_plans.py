"""Whatever plan the server makes, seven means seven: never more, and never fewer when there are.

The planner is led astray by its settings and by statistics of another time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import sql

from gofastr_queue.calls import resolve
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.lifecycle import Status
from gofastr_queue.records import (
    EVERYTHING,
    Ack,
    Draft,
    JobQuery,
    Outcome,
    Release,
    StoredClaim,
    Want,
)
from gofastr_queue_conformance import Harness
from gofastr_queue_sql import postgres_moves, postgres_url
from gofastr_queue_sql.postgres import PostgresBackend
from gofastr_queue_sql.postgres_ways import IN_FRONT, OF_ALL, OF_LINE, OF_LINES

SEVEN = 7
NOW = datetime(2024, 2, 29, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)

JOINS = ("hashjoin", "mergejoin", "nestloop")
OTHERS = ("material", "memoize", "hashagg", "sort", "incremental_sort")
SCANS = ("seqscan", "bitmapscan", "indexscan", "indexonlyscan")
KNOBS = JOINS + OTHERS + SCANS


def without(*kept: str) -> tuple[str, ...]:
    """Return every knob but those."""
    return tuple(knob for knob in KNOBS if knob not in kept)


PLANNERS = [
    (),
    *((knob,) for knob in (*JOINS, "material", *SCANS)),
    *(without(join, scan) for join in JOINS for scan in SCANS),
    SCANS[1:],
    SCANS[:2],
    ("hashjoin", "mergejoin"),
    ("hashjoin", "nestloop"),
    ("mergejoin", "nestloop"),
]
"""What is turned off: nothing, each by itself, and all but one join and one scan."""

MOST = Want(not_types=frozenset({"a"}))
FEW = Want(types=frozenset({"b", "c"}), not_lanes=frozenset({"x"}))
SIX = Want(types=frozenset({"c", "none"}), not_lanes=frozenset({"x"}))
LINE = Want(types=frozenset({"a"}), lanes=frozenset({"x"}))

WAYS = [
    (OF_ALL, EVERYTHING),
    (OF_LINE, LINE),
    *((way, want) for way in (IN_FRONT, OF_LINES) for want in (EVERYTHING, MOST, FEW, SIX, LINE)),
]

DRAFTS = [
    Draft(
        id=f"{number:03}",
        type="aaab"[number % 4] if number % 50 else "c",
        payload="null",
        lane=("", "x", "y")[number % 3],
        priority=number * 7 % 5,
        max_attempts=100,
    )
    for number in range(400)
]


class Table:
    """A queue on one connection, whose planner's settings and statistics are at hand."""

    def __init__(self, harness: Harness) -> None:
        place = postgres_url.read(harness.url, None, None, None, None)
        self.connection = psycopg.connect(place.dsn, autocommit=True)
        self.name = sql.Identifier(place.schema, place.table)
        self.backend = PostgresBackend(self.connection, place.table, place.schema, listen=False)
        self.hooks: Hooks = resolve(self.backend).hooks
        self.run("ALTER TABLE {} SET (autovacuum_enabled = off)")

    def run(self, statement: str) -> int:
        """Run a statement about the table; return how many rows it met."""
        return self.connection.execute(sql.SQL(statement).format(self.name)).rowcount

    @contextmanager
    def planning_without(self, knobs: tuple[str, ...]) -> Iterator[None]:
        """Turn these off, as far as this server has them."""
        names = ["jit", *(f"enable_{knob}" for knob in knobs)]
        self.connection.execute(
            "SELECT set_config(name, 'off', false) FROM pg_settings WHERE name = ANY(%s)", [names]
        )
        yield
        self.connection.execute("RESET ALL")


@pytest.fixture
def table(postgres: Harness) -> Iterator[Table]:
    table = Table(postgres)
    yield table
    table.backend.queue_close()
    table.connection.close()


def fill_as(state: str) -> Callable[[Table], None]:
    """Analyze while every job is in this state, then make all of them ready."""

    def fill(table: Table) -> None:
        table.hooks.queue_put(drafts=DRAFTS, on_conflict="error", now=NOW)
        table.connection.execute(sql.SQL("UPDATE {} SET state = %s").format(table.name), [state])
        table.run("ANALYZE {}")
        table.run("UPDATE {} SET state = 'ready'")

    return fill


def fill_empty(table: Table) -> None:
    table.run("ANALYZE {}")
    table.hooks.queue_put(drafts=DRAFTS, on_conflict="error", now=NOW)


def fill_unseen(table: Table) -> None:
    table.hooks.queue_put(drafts=DRAFTS, on_conflict="error", now=NOW)


FILLS: dict[str, Callable[[Table], None]] = {
    "never analyzed": fill_unseen,
    "analyzed when empty": fill_empty,
    **{f"analyzed when all were {state}": fill_as(state) for state in ("claimed", "failed")},
    "analyzed now": fill_as("ready"),
}


@pytest.fixture(params=FILLS)
def filled(table: Table, request: pytest.FixtureRequest) -> Table:
    FILLS[request.param](table)
    return table


def best(want: Want) -> list[str]:
    """Return the ids of the wanted jobs, best first."""
    wanted = [draft for draft in DRAFTS if want.admits(draft.lane, draft.type)]
    return [draft.id for draft in sorted(wanted, key=lambda draft: -draft.priority)]


def claim(hooks: Hooks, want: Want, limit: int = SEVEN) -> tuple[StoredClaim, ...]:
    return hooks.queue_claim(want=want, limit=limit, lease=HOUR, worker="w", now=NOW).claims


def ids(claims: tuple[StoredClaim, ...]) -> list[str]:
    return [claim.job.id for claim in claims]


def given_back(claims: tuple[StoredClaim, ...]) -> list[Release]:
    return [Release(claim, Outcome.GIVE_BACK) for claim in claims]


def test_each_turn_brings_the_seven_best_in_every_way(
    filled: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: tuple[StoredClaim, ...] = ()
    for knobs in PLANNERS:
        for way, want in WAYS:
            monkeypatch.setattr(filled.backend._ways, "choose", lambda _, way=way: way)
            with filled.planning_without(knobs):
                settled, batch = filled.hooks.queue_turn(
                    acks=[],
                    releases=given_back(held),
                    want=want,
                    limit=SEVEN,
                    lease=HOUR,
                    worker="w",
                    now=NOW,
                )

            assert len(settled.releases) == len(held)
            held = batch.claims
            assert ids(held) == best(want)[:SEVEN], (knobs, way, want)
            assert len({claim.token for claim in held}) == len(held)
    assert filled.run("SELECT FROM {} WHERE state = 'claimed'") == len(held)


def test_acks_and_releases_in_one_turn_end_just_those(filled: Table) -> None:
    left = len(DRAFTS)
    for knobs in PLANNERS:
        held = claim(filled.hooks, EVERYTHING, 2 * SEVEN)
        with filled.planning_without(knobs):
            settled, batch = filled.hooks.queue_turn(
                acks=[Ack(claim) for claim in held[:SEVEN]],
                releases=given_back(held[SEVEN:]),
                want=EVERYTHING,
                limit=SEVEN,
                lease=HOUR,
                worker="w",
                now=NOW,
            )
        left -= SEVEN

        assert (len(settled.acks), len(settled.releases)) == (SEVEN, SEVEN)
        assert ids(batch.claims) == ids(held[SEVEN:])
        filled.hooks.queue_nack(releases=given_back(batch.claims), now=NOW)
        assert filled.run("SELECT FROM {} WHERE state = 'ready'") == left


def test_an_expiry_takes_back_the_seven_that_expired_first(filled: Table) -> None:
    for knobs in PLANNERS:
        held = ids(claim(filled.hooks, EVERYTHING, 20))
        with filled.planning_without(knobs):
            moved = [
                sorted(
                    job.id
                    for job in filled.hooks.queue_reclaim(
                        limit=SEVEN, reason="gone", now=NOW + HOUR
                    )
                )
                for _ in range(4)
            ]
        # leased at one moment, they expire in the order of their places
        places = sorted(held)

        assert moved == [places[:7], places[7:14], places[14:], []], knobs


def test_what_fell_due_becomes_ready_seven_at_a_time(
    filled: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_moves, "DUE_PER_CLAIM", SEVEN)
    filled.run("DELETE FROM {} WHERE id >= '020'")
    for knobs in PLANNERS:
        filled.run("UPDATE {} SET state = 'later', scheduled_at = 1000 - seq")
        due = []
        with filled.planning_without(knobs):
            for _ in range(3):
                claims = claim(filled.hooks, EVERYTHING, 100)
                due.append(sorted(ids(claims)))
                filled.hooks.queue_nack(
                    releases=[Release(claim, Outcome.BURY) for claim in claims], now=NOW
                )
        latest_first = [draft.id for draft in DRAFTS[:20]]

        assert due == [latest_first[13:], latest_first[6:13], latest_first[:6]], knobs


def test_replaying_and_purging_seven_move_the_earliest_seven(filled: Table) -> None:
    filled.run("UPDATE {} SET state = 'failed'")
    failed = [draft.id for draft in DRAFTS]
    for knobs in PLANNERS:
        with filled.planning_without(knobs):
            replayed = filled.hooks.queue_replay(query=JobQuery(limit=SEVEN), now=NOW)
            purged = filled.hooks.queue_purge(query=JobQuery(status=Status.FAILED, limit=SEVEN))

        assert sorted(replayed) == failed[:SEVEN], knobs
        assert purged == SEVEN
        failed = failed[2 * SEVEN :]
        if len(failed) < 3 * SEVEN:
            break
    left = filled.hooks.queue_browse(query=JobQuery(status=Status.FAILED)).jobs
    assert [job.id for job in reversed(left)] == failed
