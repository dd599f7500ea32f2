"""One of several processes that do everything with the same few jobs, in orders of their own.

``python postgres_contender.py URL SECONDS SEED`` says ``ready``, begins when it is told to, and
ends by printing, as JSON, how often it did what, and every error that came out of a call.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql

from gofastr_queue import DuplicateJob, QueueError
from gofastr_queue.backends import connect
from gofastr_queue.calls import resolve
from gofastr_queue.lifecycle import Status
from gofastr_queue.records import (
    EVERYTHING,
    Ack,
    Draft,
    JobQuery,
    Outcome,
    Release,
    StoredClaim,
    StoredJob,
    Want,
)
from gofastr_queue_sql import postgres_url

IDS = [f"{number:03}" for number in range(300)]
LEASE = timedelta(milliseconds=100)
THEN = datetime(2000, 1, 1, tzinfo=UTC)
WANTS = [EVERYTHING, Want(types=frozenset({"a", "absent"})), Want(not_types=frozenset({"a"}))]


class Contender:
    """Does one thing after another, each with some of the same ids in random order."""

    def __init__(self, url: str, seed: str) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - no secret
        self.hooks = resolve(connect(url)).hooks
        self.did: Counter[str] = Counter()
        place = postgres_url.read(url, None, None, None, None)
        self.table = sql.Identifier(place.schema, place.table)
        self.connection = psycopg.connect(place.dsn, autocommit=True)
        self.moves = [
            *(self.store, self.store_new, self.claim, self.claim, self.claim, self.turn),
            *(self.ack, self.nack, self.extend, self.reclaim),
            *(self.replay, self.replay, self.purge),
        ]

    def go_on(self, seconds: float) -> list[str]:
        """Contend for so long; return the errors that came out."""
        errors = []
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            move = self.chance.choice(self.moves)
            try:
                move()
            except QueueError as error:
                errors.append(f"{move.__name__}: {error!r}")
        self.hooks.queue_close()
        self.connection.close()
        return errors

    def some(self) -> list[str]:
        return self.chance.sample(IDS, self.chance.choice([1, 5, 50, len(IDS)]))

    def claims(self) -> list[StoredClaim]:
        """Return the current claims, whoever made them."""
        rows = self.connection.execute(
            sql.SQL("SELECT id, token FROM {} WHERE state = 'claimed'").format(self.table)
        ).fetchall()
        self.chance.shuffle(rows)
        return [
            StoredClaim(StoredJob(id, "", "", "", 0, 1, 1, Status.CLAIMED, THEN, THEN), token, THEN)
            for id, token in rows
        ]

    def releases(self, claims: list[StoredClaim]) -> list[Release]:
        delay = timedelta(milliseconds=self.chance.choice([0, 0, 50]))
        return [
            Release(claim, self.chance.choice(list(Outcome)), delay, "broken") for claim in claims
        ]

    def drafts(self) -> list[Draft]:
        return [
            Draft(id=id, type=self.chance.choice("ab"), payload="null", max_attempts=2)
            for id in self.some()
        ]

    def store(self) -> None:
        puts = self.hooks.queue_put(drafts=self.drafts(), on_conflict="ignore", now=None)
        self.did["stored"] += sum(put.new for put in puts)

    def store_new(self) -> None:
        try:
            puts = self.hooks.queue_put(drafts=self.drafts(), on_conflict="error", now=None)
        except DuplicateJob:
            self.did["refused"] += 1
        else:
            self.did["stored"] += len(puts)

    def claim(self) -> None:
        want, limit = self.chance.choice(WANTS), self.chance.choice([1, 7, 100])
        batch = self.hooks.queue_claim(want=want, limit=limit, lease=LEASE, worker="w", now=None)
        self.did["claimed"] += len(batch.claims)

    def turn(self) -> None:
        claims = self.claims()
        some = len(claims) // 2
        settled, batch = self.hooks.queue_turn(
            acks=[Ack(claim) for claim in claims[:some]],
            releases=self.releases(claims[some:]),
            want=self.chance.choice(WANTS),
            limit=self.chance.choice([0, 1, 50]),
            lease=LEASE,
            worker="w",
            now=None,
        )
        self.did["acked"] += len(settled.acks)
        self.did["released"] += len(settled.releases)
        self.did["claimed"] += len(batch.claims)

    def ack(self) -> None:
        acks = [Ack(claim) for claim in self.claims()]
        self.did["acked"] += len(self.hooks.queue_ack(acks=acks, now=None))

    def nack(self) -> None:
        releases = self.releases(self.claims())
        self.did["released"] += len(self.hooks.queue_nack(releases=releases, now=None))

    def extend(self) -> None:
        extended = self.hooks.queue_extend(claims=self.claims(), lease=LEASE, now=None)
        self.did["extended"] += len(extended)

    def reclaim(self) -> None:
        moved = self.hooks.queue_reclaim(limit=100, reason="gone", now=None)
        self.did["reclaimed"] += len(moved)

    def replay(self) -> None:
        replayed = self.hooks.queue_replay(query=JobQuery(ids=tuple(self.some())), now=None)
        self.did["replayed"] += len(replayed)

    def purge(self) -> None:
        query = JobQuery(ids=tuple(self.some()), limit=self.chance.choice([None, 10]))
        self.did["purged"] += self.hooks.queue_purge(query=query)


def main() -> None:
    """Contend, and say what came of it."""
    url, seconds, seed = sys.argv[1:]
    contender = Contender(url, seed)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    errors = contender.go_on(float(seconds))
    sys.stdout.write(json.dumps({"did": contender.did, "errors": errors}))


if __name__ == "__main__":
    main()
