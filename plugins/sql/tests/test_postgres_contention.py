"""Eight processes do everything with the same jobs: nothing fails, nothing is lost or doubled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from gofastr_queue import Job, Queue
from gofastr_queue_conformance import Harness
from gofastr_queue_conformance.watching import eventually
from gofastr_queue_sql import postgres_url

PROCESSES = 8
SECONDS = 60 if "GOFASTR_STRESS" in os.environ else 10
CONTENDER = Path(__file__).with_name("postgres_contender.py")

Process = subprocess.Popen[str]


@pytest.fixture
def contenders(postgres: Harness) -> Iterator[list[Process]]:
    with Queue(postgres.open()):
        pass
    processes = [
        subprocess.Popen(
            [sys.executable, CONTENDER, postgres.url, str(SECONDS), str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(PROCESSES)
    ]
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def deadlocks(harness: Harness) -> int:
    """Return how many deadlocks the server has ended so far, in this database."""
    dsn = postgres_url.read(harness.url, None, None, None, None).dsn
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.timeout(SECONDS + 120)
def test_nothing_fails_and_nothing_is_lost_when_eight_processes_contend(
    postgres: Harness, contenders: list[Process]
) -> None:
    before = deadlocks(postgres)
    for process in contenders:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in contenders:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ends = [process.communicate(timeout=SECONDS + 60) for process in contenders]

    assert [process.returncode for process in contenders] == [0] * PROCESSES, ends
    told = [json.loads(output) for output, _ in ends]
    did = sum((Counter(one["did"]) for one in told), Counter[str]())
    ended = deadlocks(postgres) - before
    print(f"{ended} deadlocks; {dict(did)}")  # noqa: T201 - for pytest -rP
    assert [error for one in told for error in one["errors"]] == []
    with Queue(postgres.open()) as queue:
        assert sum(queue.stats().values()) == did["stored"] - did["acked"] - did["purged"]
    assert all(did[what] for what in ("stored", "acked", "released", "replayed", "purged"))
    assert ended == 0, "locks are taken in the order of ids"


def test_a_deadlock_with_somebody_elses_transaction_is_gone_through(postgres: Harness) -> None:
    place = postgres_url.read(postgres.url, None, None, None, None)
    lock = sql.SQL("SELECT FROM {} WHERE id = %s FOR UPDATE").format(
        sql.Identifier(place.schema, place.table)
    )
    with Queue(postgres.open()) as queue, psycopg.connect(place.dsn) as other:
        queue.enqueue_many([Job(type="mail", id=id) for id in "ab"])
        claims = queue.claim(2)
        before = deadlocks(postgres)
        other.execute("SET deadlock_timeout = 60000")  # so that the queue is the one that gives in
        other.execute(lock, ["b"])

        with ThreadPoolExecutor(1) as pool:
            acked = pool.submit(queue.ack_many, claims)
            eventually(lambda: waits_for_a_lock(place), "the queue holds a and waits for b")
            other.execute(lock, ["a"])
            other.commit()
            assert acked.result(30) == claims

        eventually(lambda: deadlocks(postgres) > before, "the deadlock is counted")
        assert queue.stats() == {"pending": 0, "claimed": 0, "failed": 0}


def waits_for_a_lock(place: postgres_url.Place) -> bool:
    with psycopg.connect(place.dsn) as connection:
        found = connection.execute(
            "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s",
            [f"%{place.schema}%"],
        )
        return found.fetchone() is not None
