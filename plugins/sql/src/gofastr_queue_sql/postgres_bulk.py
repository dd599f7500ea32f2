"""Bulks of new jobs in PostgreSQL: one COPY, written while the server reads it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from attrs import frozen
from psycopg import errors

from gofastr_queue import failpoints
from gofastr_queue.errors import BackendUnavailable, DuplicateJob
from gofastr_queue.records import Draft, Put, StoredJob
from gofastr_queue_sql import rows
from gofastr_queue_sql.postgres_connection import Session, Sessions, execute
from gofastr_queue_sql.postgres_moves import Moves
from gofastr_queue_sql.postgres_steps import whole
from gofastr_queue_sql.rows import micros

TOGETHER = 50
"""Lines sent at once: few calls, and yet the server begins early."""

TABS = 12
"""Between the columns of a line."""

TRIES = 20
"""Tries of a COPY whose ids others remove and store again all the time."""

between_steps = failpoints.point("bulk.between_steps")


@frozen(eq=False)
class Bulk:
    """Stores many drafts, all or none."""

    sessions: Sessions
    moves: Moves

    def put(self, drafts: Sequence[Draft], now: datetime | None) -> list[Put]:
        """Return what was stored; raises ``DuplicateJob`` for ids that are taken."""
        with self.sessions.session() as connection:
            clock, places = self.moves.places(connection, len(drafts))
        between_steps()
        at = clock if now is None else now
        for _ in range(TRIES):
            try:
                return self.sessions.run(
                    lambda connection: self._copy(connection, drafts, places, at)
                )
            except BackendUnavailable as error:
                if not isinstance(error.__cause__, errors.UniqueViolation):
                    raise
            with self.sessions.session() as connection:
                taken = self._taken(connection, [draft.id for draft in drafts])
            if taken:
                raise DuplicateJob(taken)
        raise BackendUnavailable("others remove and store these ids all the time; try again")

    def _copy(
        self, connection: Session, drafts: Sequence[Draft], places: Sequence[int], now: datetime
    ) -> list[Put]:
        """Copy in the order of ids, as everything is that waits for locks."""
        puts: dict[int, Put] = {}
        stored_now = micros(now)
        ordered = sorted(range(len(drafts)), key=lambda number: drafts[number].id)
        with whole(connection):
            with connection.cursor().copy(self.moves.sql.copy) as copy:
                for start in range(0, len(ordered), TOGETHER):
                    lines = []
                    for number in ordered[start : start + TOGETHER]:
                        job = drafts[number].job(now)
                        puts[number] = Put(job, True)
                        lines.append(line_of(places[number], job, now, stored_now))
                    copy.write("".join(lines))
            execute(connection, self.moves.sql.notify)
        return [puts[number] for number in range(len(drafts))]

    def _taken(self, connection: Session, ids: Sequence[str]) -> list[str]:
        """Return which ids are stored, or given twice, in the order given."""
        return rows.taken(ids, execute(connection, self.moves.sql.taken, {"ids": list(ids)}))


def line_of(place: int, job: StoredJob, now: datetime, stored_now: int) -> str:
    """Return a job's line in COPY's text format; ``stored_now`` is ``now`` as stored."""
    created = stored_now if job.created_at is now else micros(job.created_at)
    scheduled = stored_now if job.scheduled_at is now else micros(job.scheduled_at)
    numbers = (
        f"{place}\t{job.priority}\t{job.max_attempts}\t{job.attempts}\t"
        f"{rows.state(job, now)}\t{created}\t{scheduled}"
    )
    kept = rows.errors_text(job.errors) if job.errors else "[]"
    texts = (job.id, job.type, job.lane, job.payload, job.headers, kept)
    line = "\t".join((numbers, *texts))
    if "\\" in line or "\n" in line or "\r" in line or line.count("\t") != TABS:
        line = "\t".join((numbers, *map(_escaped, texts)))
    return line + "\n"


def _escaped(text: str) -> str:
    text = text.replace("\\", r"\\").replace("\t", r"\t")
    return text.replace("\n", r"\n").replace("\r", r"\r")
