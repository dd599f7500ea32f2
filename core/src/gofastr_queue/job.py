"""The values users hold: a job, the errors of its attempts, and a claim on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import Factory

from gofastr_queue.lifecycle import Status
from gofastr_queue.values import value

DEFAULT_MAX_ATTEMPTS = 3
"""Attempts of a job that names none, or 0: the seed's default."""


SCHEDULE, OCCURRENCE = "schedule", "occurrence"
"""Headers of jobs that a schedule made: its id, and the tick."""


@value
class JobError:
    """Why one attempt failed: which attempt, when by the store's clock, and what was raised.

    ``kind`` is the exception's class name, or ``LeaseExpired`` when a worker vanished.
    """

    attempt: int
    at: datetime
    kind: str
    message: str
    traceback: str = ""


@value
class Unreadable:
    """Stands for a stored payload that cannot be read, wherever a job is only looked at."""

    text: str
    reason: str


@value(kw_only=True)
class Job:
    """One unit of work; only ``type`` is required.

    A producer gives the fields up to ``scheduled_at``; the store fills the rest.  An empty ``id``
    is filled with a new one (UUID version 7), ``max_attempts=0`` means 3.  ``scheduled_at`` is the
    earliest moment the job may start.  Times are aware datetimes, and on a stored job neither
    ``created_at`` nor ``scheduled_at`` is None.  ``lease_until`` and ``worker`` are set while the
    job is claimed.
    """

    type: str
    id: str = ""
    payload: Any = None
    lane: str = ""
    priority: int = 0
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    created_at: datetime | None = None
    scheduled_at: datetime | None = None
    status: Status = Status.PENDING
    attempts: int = 0
    errors: tuple[JobError, ...] = ()
    headers: Mapping[str, str] = Factory(dict)
    worker: str = ""
    lease_until: datetime | None = None

    @property
    def occurrence(self) -> datetime | None:
        """The tick that a schedule made this job for; None for any other job."""
        try:
            moment = datetime.fromisoformat(self.headers[OCCURRENCE])
        except (LookupError, ValueError):
            return None
        return moment if moment.tzinfo else None


@value
class Claim:
    """A job leased to one worker.

    ``token`` is the fence: ack, nack, extend and release count only while it is the job's current
    token.  ``lease_until`` is when somebody else may take over, by the store's clock.
    """

    job: Job
    token: str
    lease_until: datetime


@value
class Page:
    """Listed jobs, latest enqueued or replayed first.

    ``next`` is the cursor to give as ``before`` for the following page; empty on the last one.
    """

    jobs: tuple[Job, ...] = ()
    next: str = ""
