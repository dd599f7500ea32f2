"""Places beyond 2**31 and 2**53, ten thousand lanes, and a claimer that is killed in the act."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from gofastr_queue import BackendUnavailable, Job, Queue
from gofastr_queue_conformance import Harness
from gofastr_queue_conformance.harness import everything
from gofastr_queue_conformance.watching import eventually
from gofastr_queue_sql import postgres_url

LANES = 10_000

SLOW = """
CREATE FUNCTION {schema}.sleep() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN PERFORM pg_sleep(60); RETURN NULL; END$$;
CREATE TRIGGER slow AFTER UPDATE ON {table} FOR EACH ROW
    WHEN (new.state = 'claimed') EXECUTE FUNCTION {schema}.sleep()
"""


@pytest.fixture
def queue(postgres: Harness) -> Iterator[Queue]:
    with Queue(postgres.open()) as queue:
        yield queue


@pytest.fixture
def place(postgres: Harness) -> postgres_url.Place:
    return postgres_url.read(postgres.url, None, None, None, None)


@pytest.fixture
def owner(queue: Queue, place: postgres_url.Place) -> Iterator[psycopg.Connection]:
    assert queue is not None
    with psycopg.connect(place.dsn, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("edge", [2**31, 2**53, 2**59])
def test_places_beyond_any_edge_keep_their_order(
    queue: Queue, owner: psycopg.Connection, place: postgres_url.Place, edge: int
) -> None:
    owner.execute(
        sql.SQL("ALTER SEQUENCE {} RESTART WITH {}").format(
            sql.Identifier(place.schema, f"{place.table}_seq"), sql.Literal(edge - 13)
        )
    )
    first = [queue.enqueue("mail", max_attempts=1).id for _ in range(3)]
    ids = first + [job.id for job in queue.enqueue_many([Job(type="mail")] * 3)]
    ids += [job.id for job in queue.enqueue_many([Job(type="mail")] * 25)]

    page = queue.browse(limit=20)
    pages = [*page.jobs, *queue.browse(limit=20, before=page.next).jobs]
    assert [job.id for job in pages] == ids[::-1]
    failed = queue.claim(3)
    assert [claim.job.id for claim in failed] == first
    assert queue.nack_many(failed) == failed
    assert queue.replay_many() == 3
    assert [claim.job.id for claim in queue.claim(100)] == ids[3:] + first


def test_ten_thousand_lanes_are_claimed_counted_and_looked_at(queue: Queue) -> None:
    jobs = [
        Job(type="ab"[number % 2], lane=f"{number:05}", id=f"{number:05}", priority=number % 3)
        for number in range(LANES)
    ]
    queue.enqueue_many(jobs)
    best = sorted(jobs, key=lambda job: -job.priority)

    some = queue.claim(100, types=["a"])
    rest = queue.claim(50, lanes=[f"{number:05}" for number in range(0, LANES, 7)])
    all_left = queue.claim(LANES)

    expected = [job.id for job in best if job.type == "a"][:100]
    assert [claim.job.id for claim in some] == expected
    left = [job.id for job in best if job.id not in expected and int(job.lane) % 7 == 0]
    assert [claim.job.id for claim in rest] == left[:50]
    assert len(all_left) == LANES - 150
    assert queue.claim(1, types=["a"]) == []
    assert len(queue.counts()) == LANES
    assert queue.stats() == {"pending": 0, "claimed": LANES, "failed": 0}


@pytest.mark.parametrize("count", [1, 500])
def test_a_claimer_that_is_killed_before_its_commit_has_claimed_nothing(
    queue: Queue, owner: psycopg.Connection, place: postgres_url.Place, count: int
) -> None:
    jobs = queue.enqueue_many([Job(type="mail")] * 500)
    before = everything(queue)
    table = sql.Identifier(place.schema, place.table)
    owner.execute(sql.SQL(SLOW).format(table=table, schema=sql.Identifier(place.schema)))
    errors: list[BackendUnavailable] = []

    def claim() -> None:
        try:
            queue.claim(count)
        except BackendUnavailable as error:
            errors.append(error)

    claimer = threading.Thread(target=claim)
    claimer.start()
    eventually(lambda: kill_the_sleeping(owner, place.schema), "a claim in the act")
    claimer.join(30)
    owner.execute(sql.SQL("DROP TRIGGER slow ON {}").format(table))

    assert len(errors) == 1
    assert everything(queue) == before
    claims = queue.claim(501)
    assert [claim.job.id for claim in claims] == [job.id for job in jobs]
    assert {claim.job.attempts for claim in claims} == {1}


def kill_the_sleeping(owner: psycopg.Connection, schema: str) -> bool:
    return bool(
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE wait_event = 'PgSleep' AND query LIKE %s",
            [f"%{schema}%"],
        ).fetchall()
    )
