"""Rows that somebody has garbled: one job fails, the queue goes on."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors, sql

from gofastr_queue import Queue
from gofastr_queue_conformance import Harness
from gofastr_queue_sql import postgres_url

GARBLED = {
    "payload that is no JSON": "payload = 'garbage'",
    "payload nested without end": "payload = repeat('[', 100000)",
    "headers that are no JSON": "headers = '{'",
    "headers that are a number": "headers = '5'",
    "errors that are an object": "errors = '{}'",
    "errors that are a number": "errors = '5'",
    "errors that are a text": "errors = '\"x\"'",
    "errors that are null": "errors = 'null'",
    "errors from the end of time": "errors = '[[1, 1e300, \"x\"]]'",
    "errors that are numbers": "errors = '[[1, 0, 5]]'",
    "errors that are texts": "errors = '[\"abc\"]'",
    "errors that are empty": "errors = '[[]]'",
    "a creation beyond the year 9999": "created_at = 4611686018427387904",
    "a creation before the year 1": "created_at = -4611686018427387904",
    "a schedule before the year 1": "scheduled_at = -4611686018427387904",
    "attempts beyond all bounds": "attempts = 2147483646",
    "negative attempts": "attempts = -1",
    "no attempt allowed": "max_attempts = 0",
    "a priority at the edge": "priority = -2147483648",
    "a token of nobody": "token = 'somebody'",
    "a lease of nobody": "lease_until = 5",
}

REFUSED = {
    "an unknown state": "state = 'lost'",
    "no state": "state = NULL",
    "no errors": "errors = NULL",
    "an id of another": "id = 'good'",
    "no payload": "payload = NULL",
}


class Table:
    """A queue of two jobs, whose rows can be garbled."""

    def __init__(self, harness: Harness) -> None:
        self.queue = Queue(harness.open())
        self.queue.enqueue("mail", id="bad")
        self.queue.enqueue("mail", id="good")
        place = postgres_url.read(harness.url, None, None, None, None)
        self.connection = psycopg.connect(place.dsn, autocommit=True)
        self.name = sql.Identifier(place.schema, place.table)

    def garble(self, damage: str) -> None:
        """Damage the row of one job."""
        statement = sql.SQL("UPDATE {} SET {} WHERE id = 'bad'")
        done = self.connection.execute(statement.format(self.name, sql.SQL(damage)))
        assert done.rowcount == 1


@pytest.fixture
def table(postgres: Harness) -> Iterator[Table]:
    table = Table(postgres)
    yield table
    table.queue.close()
    table.connection.close()


@pytest.mark.parametrize("damage", GARBLED)
def test_the_job_behind_a_garbled_one_is_served(table: Table, damage: str) -> None:
    table.garble(GARBLED[damage])

    served = [claim.job.id for _ in range(2) for claim in table.queue.claim(1)]

    assert "good" in served


@pytest.mark.parametrize("damage", GARBLED)
def test_a_garbled_job_is_still_counted_listed_and_removed(table: Table, damage: str) -> None:
    table.garble(GARBLED[damage])

    assert table.queue.stats()["pending"] == 2
    assert [job.id for job in table.queue.list_jobs()] == ["good", "bad"]
    assert table.queue.cancel("bad")
    assert [job.id for job in table.queue.list_jobs()] == ["good"]


@pytest.mark.parametrize("damage", GARBLED)
def test_a_garbled_job_takes_further_errors(table: Table, damage: str) -> None:
    table.garble(GARBLED[damage])
    claims = table.queue.claim(2)

    kept = table.queue.nack_many(claims, "broken")
    stored = table.queue.get("bad")

    assert kept == claims
    assert stored is not None
    assert stored.errors


@pytest.mark.parametrize("damage", GARBLED)
def test_a_garbled_job_that_expires_is_taken_back_with_its_neighbour(
    table: Table, damage: str
) -> None:
    claims = table.queue.claim(2)
    table.garble(GARBLED[damage])
    table.connection.execute(sql.SQL("UPDATE {} SET lease_until = 1").format(table.name))

    moved = table.queue.reclaim()

    assert moved == len(claims)
    assert table.queue.stats()["claimed"] == 0


@pytest.mark.parametrize("damage", REFUSED)
def test_the_table_refuses_what_no_queue_can_hold(table: Table, damage: str) -> None:
    with pytest.raises(errors.IntegrityError):
        table.garble(REFUSED[damage])


def test_a_claim_without_an_end_is_settled_and_extended_by_its_owner(table: Table) -> None:
    claim = table.queue.dequeue()
    table.garble("lease_until = NULL")

    assert table.queue.reclaim() == 0
    assert table.queue.extend(claim)
    assert table.queue.ack(claim)


def test_a_claim_without_a_token_is_taken_back_when_it_expires(table: Table) -> None:
    claim = table.queue.dequeue()
    table.garble("token = NULL, lease_until = 1")

    assert not table.queue.ack(claim)
    assert table.queue.reclaim() == 1
    assert table.queue.dequeue().job.id == "bad"
