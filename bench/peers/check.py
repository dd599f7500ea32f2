"""Whether every peer does all that it may be asked: ``python -m bench.peers.check [NAME ...]``.

Each runs in a throw-away store with few jobs; its numbers are printed, not judged.  With more jobs
(``--jobs 20000 --singles 2000``) they begin to mean something.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from attrs import frozen
from bench.contest.caller import Caller, ContestantError, Refusal
from bench.postgres import SHARED_BUFFERS
from bench.report import say
from redis import Redis
from tests.servers import postgres, redis

SECONDS = 300.0
BY = 1_000
PICKUPS = 20
PAUSE = 0.05
RATE = 20.0
"""Jobs a second that every peer can do."""

Place = Callable[[str], str]
"""Makes an empty store and returns its URL."""


@contextmanager
def in_postgres() -> Iterator[Place]:
    """Give databases of one server."""
    with postgres.Server(shared_buffers=SHARED_BUFFERS) as server:

        def place(name: str) -> str:
            with psycopg.connect(server.url(), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}".encode())
            return server.url(name)

        yield place


@contextmanager
def in_redis() -> Iterator[Place]:
    """Give one server, emptied each time."""
    with redis.Server(appendfsync="everysec", auto_aof_rewrite_percentage=0) as server:

        def place(_name: str) -> str:
            with Redis.from_url(server.url()) as client:
                client.flushall()
            return server.url()

        yield place


@contextmanager
def in_sqlite() -> Iterator[Place]:
    """Give files that do not wait for the disk at each commit."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        yield lambda name: f"sqlite:///{Path(folder) / name}.db?synchronous=normal"


@contextmanager
def in_full_sqlite() -> Iterator[Place]:
    """Give files that do."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        yield lambda name: f"sqlite:///{Path(folder) / name}.db?synchronous=full"


@contextmanager
def in_memory() -> Iterator[Place]:
    """Give no store."""
    yield lambda _name: "memory://"


STORES = {
    in_postgres: ("pgqueuer", "procrastinate", "chancy", "awa"),
    in_redis: ("dramatiq", "huey_redis", "rq", "celery", "saq"),
    in_sqlite: ("huey_sqlite", "litequeue"),
    in_full_sqlite: ("huey_sqlite", "litequeue"),
    in_memory: ("huey_memory",),
}
PEERS = sorted({peer for peers in STORES.values() for peer in peers})

COLUMNS = ("enqueue/s", "bulk/s", "drain/s", "2 drain/s", "ms p50", "ms max", "mixed ms")


@frozen
class Check:
    """Orders for one peer, and what it has told, by column."""

    caller: Caller
    told: dict[str, str]

    def ask(self, do: str, **values: object) -> dict[str, Any] | None:
        """Give an order; return None if it is refused."""
        try:
            return self.caller.ask(do, SECONDS, **values)
        except Refusal as refusal:
            say(str(refusal))
            return None

    def left(self, jobs: int) -> None:
        """Raise if the store holds any other number of jobs."""
        answer = self.ask("left")
        if answer != {"jobs": jobs}:
            raise ContestantError(f"{jobs} must be left: {answer}")

    def fill(self, singles: int, jobs: int) -> None:
        """Enqueue one at a time, and the rest in bulk if that is not refused."""
        self._rate("enqueue/s", singles, self.ask("enqueue", jobs=singles))
        rest = jobs - singles
        bulk = self.ask("bulk", jobs=rest, by=BY)
        self._rate("bulk/s", rest, bulk)
        if bulk is None:
            self.ask("enqueue", jobs=rest)
        self.left(jobs)

    def drain(self, column: str, processes: int, jobs: int) -> bool:
        """Drain; raise if any job is not handled once, or left; return False if it is refused."""
        answer = self.ask("work", processes=processes, jobs=jobs)
        self._rate(column, jobs, answer)
        if answer is None:
            return False
        if answer["handled"] != jobs:
            raise ContestantError(f"{jobs} must be handled: {answer}")
        self.left(0)
        return True

    def latencies(self) -> None:
        """Time an idle worker, and then one that has a little to do."""
        answer = self.ask("pickup", jobs=PICKUPS, pause=PAUSE)
        assert answer is not None
        millis = sorted(answer["ms"])
        assert len(millis) == PICKUPS
        self.told["ms p50"] = f"{statistics.median(millis):.2f}"
        self.told["ms max"] = f"{millis[-1]:.2f}"
        self.left(0)
        answer = self.ask("mixed", rate=RATE, seconds=PICKUPS / RATE)
        assert answer is not None
        assert len(answer["ms"]) == PICKUPS
        assert answer["cpu_seconds"] > 0
        self.told["mixed ms"] = f"{statistics.median(answer['ms']):.2f}"
        self.left(0)

    def _rate(self, column: str, jobs: int, answer: dict[str, Any] | None) -> None:
        self.told[column] = f"{jobs / answer['seconds']:,.0f}" if answer else "-"


def check(name: str, url: str, singles: int, jobs: int) -> dict[str, str]:
    """Give one peer every order; return what it tells, or raise ``ContestantError``."""
    with Caller(f"bench.peers.{name}", url) as caller:
        one = Check(caller, {})
        about = caller.ask("prepare", SECONDS)
        say(f"{about['name']} {about['version']}: {about['durability']}")
        one.left(0)
        one.fill(singles, jobs)
        one.drain("drain/s", 1, jobs)
        one.fill(singles, jobs)
        if not one.drain("2 drain/s", 2, jobs):
            one.drain("drain/s", 1, jobs)
        one.latencies()
        if caller.ask("stop", SECONDS) != {"ok": True}:
            raise ContestantError("it did not stop")
    return one.told


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PEERS))
    parser.add_argument("--jobs", type=int, default=200, help="to drain (%(default)s)")
    parser.add_argument("--singles", type=int, default=100, help="of them enqueued one at a time")
    given = parser.parse_args()
    if unknown := set(given.names) - set(PEERS):
        parser.error(f"no such peer: {', '.join(sorted(unknown))}")
    return given


def main() -> None:
    """Check the peers that are named, or all."""
    given = options()
    rows: list[tuple[str, ...]] = [("peer", *COLUMNS)]
    failed = []
    for store, peers in STORES.items():
        chosen = [peer for peer in peers if not given.names or peer in given.names]
        if not chosen:
            continue
        with store() as place:
            for peer in chosen:
                try:
                    told = check(peer, place(peer), given.singles, given.jobs)
                except ContestantError as error:
                    failed.append(f"{peer}: {error}")
                    say(failed[-1])
                else:
                    rows.append((peer, *(told[column] for column in COLUMNS)))
                    say(f"load {os.getloadavg()[0]:.1f}, {rows[-1]}")
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
    if failed:
        sys.exit("\n".join(failed))


if __name__ == "__main__":
    main()
