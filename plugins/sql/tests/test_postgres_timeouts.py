"""A server's timeouts of 200 ms break no call of up to 1 000 jobs; a larger one changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from gofastr_queue import BackendUnavailable, Job, Queue
from gofastr_queue_conformance import Harness
from gofastr_queue_sql import postgres_url
from gofastr_queue_sql.postgres import PostgresBackend

OTHERS = 20_000
MANY = 1_000
VERY_MANY = 10_000
HOUR = timedelta(hours=1)

TIMEOUTS = "statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout"
SHORT = " ".join(f"-c {name}={100 if name == 'lock_timeout' else 200}" for name in TIMEOUTS)

INSERT = """
INSERT INTO {} (
    id, type, payload, lane, priority, max_attempts, attempts, state,
    created_at, scheduled_at, headers, errors
)
SELECT %(type)s || n, %(type)s, 'null', '', 0, 3, 0, %(state)s, n, n, '', '[]'
FROM generate_series(1, %(count)s) AS n
"""


@pytest.fixture
def place(postgres: Harness) -> postgres_url.Place:
    Queue(postgres.open()).close()
    return postgres_url.read(postgres.url, None, None, None, None)


@pytest.fixture
def owner(place: postgres_url.Place) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    with psycopg.connect(place.dsn, autocommit=True, row_factory=dict_row) as connection:
        yield connection


def fill(owner: psycopg.Connection[Any], place: postgres_url.Place, **states: int) -> None:
    statement = sql.SQL(INSERT).format(sql.Identifier(place.schema, place.table))
    for state, count in states.items():
        owner.execute(statement, {"type": state, "state": state, "count": count})


def jobs(count: int) -> list[Job]:
    return [Job(type="mail") for _ in range(count)]


def test_calls_of_a_thousand_jobs_work_under_short_timeouts(
    postgres: Harness,
    owner: psycopg.Connection[dict[str, Any]],
    place: postgres_url.Place,
) -> None:
    fill(owner, place, ready=OTHERS // 2, failed=OTHERS // 2)
    name = f"timeouts {place.schema}"
    url = f"{postgres.url}&options={quote(SHORT)}&application_name={quote(name)}"
    with Queue.open(url, lease=HOUR) as queue:
        stored = queue.enqueue_many(jobs(MANY))
        assert queue.enqueue_many(stored, on_conflict="ignore") == stored
        mails = queue.claim(MANY, types=["mail"])
        assert [claim.job.id for claim in mails] == [job.id for job in stored]
        assert all(queue.extend(claim) for claim in mails[:10])
        assert queue.nack_many(mails, "broken") == mails
        assert queue.ack_many(mails) == []
        mails = queue.claim(MANY, types=["mail"])
        assert queue.ack_many(mails) == mails
        assert len(queue.claim(MANY)) == MANY
        assert queue.replay_many(type="failed", limit=MANY) == MANY
        assert queue.purge("failed", limit=MANY) == MANY
        assert len(queue.browse(limit=MANY).jobs) == MANY
        assert queue.reclaim() == 0
        assert queue.stats() == {
            "pending": OTHERS // 2,
            "claimed": MANY,
            "failed": OTHERS // 2 - 2 * MANY,
        }
        states = owner.execute(
            "SELECT state FROM pg_stat_activity WHERE application_name = %s", [name]
        ).fetchall()

    assert {row["state"] for row in states} == {"idle"}


def test_a_thousand_expired_leases_are_taken_back_under_short_timeouts(
    postgres: Harness, owner: psycopg.Connection[dict[str, Any]], place: postgres_url.Place
) -> None:
    fill(owner, place, ready=OTHERS)
    with Queue.open(f"{postgres.url}&options={quote(SHORT)}", lease=HOUR) as queue:
        queue.claim(MANY)
        owner.execute(
            sql.SQL("UPDATE {} SET lease_until = 1 WHERE state = 'claimed'").format(
                sql.Identifier(place.schema, place.table)
            )
        )

        assert queue.reclaim() == MANY
        assert queue.stats() == {"pending": OTHERS, "claimed": 0, "failed": 0}


LARGE: dict[str, Callable[[Queue], object]] = {
    "enqueue_many": lambda queue: queue.enqueue_many(jobs(VERY_MANY)),
    "enqueue_many unless stored": lambda queue: queue.enqueue_many(
        jobs(VERY_MANY), on_conflict="ignore"
    ),
    "claim": lambda queue: queue.claim(VERY_MANY),
    "claim of some": lambda queue: queue.claim(VERY_MANY, types=["ready", "mail"]),
    "replay_many": lambda queue: queue.replay_many(),
    "purge": lambda queue: queue.purge(""),
    "browse": lambda queue: queue.browse(limit=VERY_MANY),
}


@pytest.mark.parametrize("call", LARGE)
def test_a_call_that_takes_too_long_says_so_and_changes_nothing(
    owner: psycopg.Connection[dict[str, Any]], place: postgres_url.Place, call: str
) -> None:
    fill(owner, place, ready=OTHERS, failed=OTHERS)
    with psycopg.connect(place.dsn, autocommit=True) as connection:
        backend = PostgresBackend(connection, place.table, place.schema, listen=False)
        with Queue(backend) as queue:
            before = everything(owner, place)
            connection.execute("SET statement_timeout = 3")

            with pytest.raises(BackendUnavailable) as caught:
                LARGE[call](queue)

            assert connection.info.transaction_status is TransactionStatus.IDLE
            connection.execute("SET statement_timeout = 0")
            assert everything(owner, place) == before
            assert len(queue.claim(1)) == 1
    for words in ("statement timeout", "raise statement_timeout", "do less at a time"):
        assert words in str(caught.value)


@pytest.mark.parametrize("settle", ["ack_many", "nack_many"])
def test_settling_that_takes_too_long_says_so_and_changes_nothing(
    owner: psycopg.Connection[dict[str, Any]], place: postgres_url.Place, settle: str
) -> None:
    fill(owner, place, ready=OTHERS)
    with psycopg.connect(place.dsn, autocommit=True) as connection:
        backend = PostgresBackend(connection, place.table, place.schema, listen=False)
        with Queue(backend) as queue:
            claims = queue.claim(VERY_MANY)
            before = everything(owner, place)
            connection.execute("SET statement_timeout = 3")

            with pytest.raises(BackendUnavailable, match="raise statement_timeout"):
                getattr(queue, settle)(claims)

            assert connection.info.transaction_status is TransactionStatus.IDLE
            connection.execute("SET statement_timeout = 0")
            assert everything(owner, place) == before
            assert getattr(queue, settle)(claims) == claims


def everything(
    owner: psycopg.Connection[dict[str, Any]], place: postgres_url.Place
) -> dict[str, Any] | None:
    """Return a sum of every column of every row."""
    statement = sql.SQL("SELECT count(*), sum(hashtextextended(job::text, 0)) FROM {} AS job")
    return owner.execute(statement.format(sql.Identifier(place.schema, place.table))).fetchone()
