"""The correct backends that every liar is made from."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, cast
from uuid import uuid4

from attrs import evolve

from gofastr_queue.backends import Backend
from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.records import Ack, AnyClaim, Batch, Release, Settled, StoredClaim, Want
from gofastr_queue_conformance import Harness
from gofastr_queue_memory import MemoryBackend
from gofastr_queue_memory.entries import Entry
from gofastr_queue_memory.lines import Ready
from gofastr_queue_sql.sqlite import SqliteBackend


class Memory(MemoryBackend):
    """Jobs in memory; its turn is the three calls, so whoever lies in one lies in a turn too."""

    url: ClassVar[str] = ""
    outlives_its_openings: ClassVar[bool] = True

    @classmethod
    @contextmanager
    def harness(cls, folder: Path) -> Iterator[Harness]:  # noqa: ARG003 - a file's business
        """Give the kit an empty store."""
        name = f"{uuid4()}"
        keeper = cls(name=name if cls.outlives_its_openings else "")
        yield Harness(open=lambda: cast(Backend, cls(name=name)), url=cls.url)
        keeper.queue_close()

    @hookimpl
    def queue_turn(
        self,
        acks: Sequence[Ack],
        releases: Sequence[Release],
        want: Want,
        limit: int,
        lease: timedelta,
        worker: str,
        now: datetime | None,
    ) -> tuple[Settled, Batch]:
        acked = self.queue_ack(acks, now)
        released = self.queue_nack(releases, now)
        batch = self.queue_claim(want, limit, lease, worker, now)
        return Settled(tuple(acked), tuple(released)), batch

    def holding(self, claim: AnyClaim) -> Entry | None:
        """Return the claimed entry of a claim's job, whatever the claim's token."""
        entry = self._store.entries.get(claim.job.id)
        return entry if entry is not None and entry.token else None

    def with_current_token(self, claim: AnyClaim) -> AnyClaim:
        """Return a claim as its job's owner has it."""
        entry = self.holding(claim)
        return claim if entry is None else evolve(claim, token=entry.token)

    def claimed_as(self, batch: Batch, change: Callable[[Entry, int], None]) -> Batch:
        """Change the entries of a batch, and return the batch as it is then."""
        entries = [self._store.entries[claim.job.id] for claim in batch.claims]
        for number, entry in enumerate(entries):
            change(entry, number)
        claims = [
            StoredClaim(entry.job(), entry.token, claim.lease_until)
            for entry, claim in zip(entries, batch.claims, strict=True)
        ]
        return evolve(batch, claims=tuple(claims))


class Sqlite(SqliteBackend):
    """Jobs in a file."""

    @classmethod
    @contextmanager
    def harness(cls, folder: Path) -> Iterator[Harness]:
        """Give the kit a file that does not exist yet."""
        file = folder / "jobs.db"

        def begin() -> sqlite3.Connection:
            connection = sqlite3.connect(file, isolation_level=None)
            connection.execute("BEGIN")
            return connection

        yield Harness(
            open=lambda: cast(Backend, cls(file, synchronous="normal")),
            url=f"sqlite:///{file}",
            begin=begin,
        )


def waiting(ready: Ready, want: Want) -> list[Entry]:
    """Return the wanted ready entries, best first, and leave them ready."""
    items = [
        item
        for pair, line in ready.lines.items()
        if want.admits(*pair)
        for item in line.items
        if item[3].ticket == item[2]
    ]
    return [item[3] for item in sorted(items)]


def moment(now: datetime | None) -> datetime:
    """Return the store's now."""
    return datetime.now(UTC) if now is None else now
