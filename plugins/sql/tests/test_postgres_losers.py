"""Whoever waited for a job's lock, and finds that another was quicker, changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg import sql

from gofastr_queue import Claim, DuplicateJob, Job, Queue, Status
from gofastr_queue_conformance import Harness
from gofastr_queue_conformance.watching import eventually
from gofastr_queue_sql import postgres_url


class Other:
    """Somebody else's open transaction on the queue's table."""

    def __init__(self, place: postgres_url.Place) -> None:
        self.place = place
        self.table = sql.Identifier(place.schema, place.table)
        self.connection = psycopg.connect(place.dsn)

    def run(self, statement: str) -> None:
        done = self.connection.execute(sql.SQL(statement).format(self.table))
        assert done.rowcount == 1

    def goes_first(self, call: Callable[[], Any]) -> Any:
        """Return what a call brings that waits until this transaction is committed."""
        with ThreadPoolExecutor(1) as pool:
            result = pool.submit(call)
            eventually(self._is_waited_for, "the call waits for the lock")
            self.connection.commit()
            return result.result(30)

    def _is_waited_for(self) -> bool:
        with psycopg.connect(self.place.dsn) as connection:
            found = connection.execute(
                "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s",
                [f"%{self.place.schema}%"],
            )
            return found.fetchone() is not None


@pytest.fixture
def queue(postgres: Harness) -> Iterator[Queue]:
    with Queue(postgres.open()) as queue:
        yield queue


@pytest.fixture
def other(queue: Queue, postgres: Harness) -> Iterator[Other]:
    assert queue is not None
    other = Other(postgres_url.read(postgres.url, None, None, None, None))
    yield other
    other.connection.close()


CLAIM = "UPDATE {} SET state = 'claimed', token = 'theirs', lease_until = 0 WHERE id = 'one'"


def test_of_two_replays_the_later_replays_nothing(queue: Queue, other: Other) -> None:
    queue.enqueue("mail", id="one", max_attempts=1)
    assert queue.nack(queue.dequeue())
    other.run("UPDATE {} SET state = 'ready', attempts = 7 WHERE id = 'one'")

    assert other.goes_first(lambda: queue.replay("one")) is False

    stored = queue.get("one")
    assert stored is not None
    assert (stored.status, stored.attempts) == (Status.PENDING, 7)


@pytest.mark.parametrize("call", ["cancel", "purge"])
def test_what_was_claimed_meanwhile_is_not_removed(queue: Queue, other: Other, call: str) -> None:
    queue.enqueue("mail", id="one")
    other.run(CLAIM)

    removed = other.goes_first(
        lambda: queue.cancel("one") if call == "cancel" else queue.purge("pending")
    )

    assert not removed
    assert queue.stats() == {"pending": 0, "claimed": 1, "failed": 0}


SETTLE: dict[str, Callable[[Queue, Claim], object]] = {
    "ack": lambda queue, claim: queue.ack(claim),
    "nack": lambda queue, claim: queue.nack(claim),
    "extend": lambda queue, claim: queue.extend(claim),
    "release": lambda queue, claim: queue.release(claim),
    "ack_many": lambda queue, claim: queue.ack_many([claim, claim]),
    "nack_many": lambda queue, claim: queue.nack_many([claim, claim]),
}


@pytest.mark.parametrize("verb", SETTLE)
def test_a_claim_that_was_taken_over_meanwhile_is_stale(
    queue: Queue, other: Other, verb: str
) -> None:
    queue.enqueue("mail", id="one")
    claim = queue.dequeue()
    other.run(CLAIM)

    assert not other.goes_first(lambda: SETTLE[verb](queue, claim))

    assert queue.stats() == {"pending": 0, "claimed": 1, "failed": 0}


@pytest.mark.parametrize("verb", SETTLE)
def test_a_claim_whose_lease_was_extended_meanwhile_is_current(
    queue: Queue, other: Other, verb: str
) -> None:
    queue.enqueue("mail", id="one")
    claim = queue.dequeue()
    other.run("UPDATE {} SET lease_until = lease_until + 1 WHERE id = 'one'")

    assert other.goes_first(lambda: SETTLE[verb](queue, claim))


@pytest.mark.parametrize("count", [1, 3, 50])
def test_an_id_that_was_stored_meanwhile_is_a_duplicate_and_the_others_are_not_stored(
    queue: Queue, other: Other, count: int
) -> None:
    other.run(
        "INSERT INTO {} (id, type, payload, lane, priority, max_attempts, attempts, state,"
        " created_at, scheduled_at, headers, errors)"
        " VALUES ('one', 'mail', '1', '', 0, 3, 0, 'ready', 0, 0, '', '[]')"
    )
    jobs = [Job(type="mail", id=id) for id in ["one", *map(str, range(count - 1))]]

    with pytest.raises(DuplicateJob, match="one"):
        other.goes_first(lambda: queue.enqueue_many(jobs))

    assert [job.payload for job in queue.list_jobs()] == [1]


@pytest.mark.parametrize("count", [1, 50])
def test_an_id_that_was_freed_meanwhile_is_stored(queue: Queue, other: Other, count: int) -> None:
    queue.enqueue("mail", "old", id="one")
    other.run("DELETE FROM {} WHERE id = 'one'")
    jobs = [Job(type="mail", id=id) for id in ["one", *map(str, range(count - 1))]]

    stored = other.goes_first(lambda: queue.enqueue_many(jobs, on_conflict="ignore"))

    assert [job.payload for job in stored] == [None] * count
    assert [job.id for job in reversed(queue.list_jobs())] == [job.id for job in jobs]
