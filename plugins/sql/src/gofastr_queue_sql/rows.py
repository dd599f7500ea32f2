"""Rows and jobs: times are whole microseconds since 1970, errors a JSON array."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from gofastr_queue.lifecycle import Status
from gofastr_queue.limits import LATEST
from gofastr_queue.records import StoredError, StoredJob

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

COLUMNS = (
    "seq, id, type, payload, lane, priority, max_attempts, attempts, state, "
    "created_at, scheduled_at, headers, errors, worker, lease_until"
)
"""The columns that ``job`` reads, in order."""

STATUS = {
    "ready": Status.PENDING,
    "later": Status.PENDING,
    "claimed": Status.CLAIMED,
    "failed": Status.FAILED,
}
"""What a row's state is called outside: pending is kept apart as ready and not yet due."""

Row = Sequence[Any]


def micros(moment: datetime) -> int:
    """Return a moment as stored."""
    return (moment - EPOCH) // MICROSECOND


def micros_if_any(moment: datetime | None) -> int | None:
    """Return a moment as stored; None where there is none."""
    return None if moment is None else micros(moment)


def moment(stored: int) -> datetime:
    """Return a stored moment; one that somebody garbled is moved into the possible years."""
    try:
        return EPOCH + timedelta(microseconds=stored)
    except OverflowError:
        return EPOCH if stored < 0 else LATEST


def state(job: StoredJob, now: datetime) -> str:
    """Return the state in which a new job is stored."""
    if job.status is Status.FAILED:
        return "failed"
    return "ready" if job.scheduled_at <= now else "later"


def job(row: Row) -> StoredJob:
    """Return the job of a row of ``COLUMNS``."""
    created, scheduled = _moments(row)
    return StoredJob(
        row[1],
        row[2],
        row[3],
        row[4],
        row[5],
        row[6],
        row[7],
        STATUS[row[8]],
        created,
        scheduled,
        row[11],
        () if row[12] == "[]" else errors(row[12], row),
        row[13],
        None if row[14] is None else moment(row[14]),
    )


def claimed(row: Row, attempts: int, worker: str, lease_until: datetime) -> StoredJob:
    """Return the job of a row as a claim has left it."""
    created, scheduled = _moments(row)
    return StoredJob(
        row[1],
        row[2],
        row[3],
        row[4],
        row[5],
        row[6],
        attempts,
        Status.CLAIMED,
        created,
        scheduled,
        row[11],
        () if row[12] == "[]" else errors(row[12], row),
        worker,
        lease_until,
    )


def _moments(row: Row) -> tuple[datetime, datetime]:
    """Return when a job was created and is scheduled, which mostly is the same."""
    created = moment(row[9])
    return created, created if row[10] == row[9] else moment(row[10])


def taken(ids: Sequence[str], stored: Iterable[Row]) -> list[str]:
    """Return which ids are among those that are stored, or given twice, in the order given."""
    found = {id for (id,) in stored}
    again: list[str] = []
    for id in ids:
        if id in found:
            again.append(id)
        found.add(id)
    return again


def errors(text: str, row: Row) -> tuple[StoredError, ...]:
    """Return stored errors; a column that cannot be read becomes one error with its text."""
    try:
        return tuple(
            StoredError(attempt, moment(at), text) for attempt, at, text in json.loads(text)
        )
    except (ValueError, TypeError, RecursionError):
        return (StoredError(row[7], moment(row[9]), text),)


def errors_text(errors: Sequence[StoredError]) -> str:
    """Return errors as stored."""
    return json.dumps([[error.attempt, micros(error.at), error.text] for error in errors])
