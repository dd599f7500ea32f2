"""From what a producer says to the draft a store takes; everything is checked here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from gofastr_queue import limits
from gofastr_queue.errors import InvalidJob, InvalidOption
from gofastr_queue.ids import new_id
from gofastr_queue.job import Job
from gofastr_queue.payload import Codec
from gofastr_queue.records import Draft

CONFLICTS = ("error", "ignore")


def draft(
    codec: Codec,
    job: Job,
    default_attempts: Callable[[str], int],
    delay: timedelta | None = None,
) -> Draft:
    """Return the draft of a job; raises ``InvalidJob`` naming the value and the remedy."""
    if not isinstance(job, Job):
        raise InvalidJob(f"a job to enqueue must be a Job, got {limits.shown(job)}")
    type = limits.name("type", job.type)
    if delay is not None and job.scheduled_at is not None:
        raise InvalidJob("give delay or scheduled_at, not both")
    payload, headers = codec.encode(job.payload, limits.headers(job.headers))
    return Draft(  # by position: that takes half the time
        new_id() if job.id == "" else limits.name("id", job.id),
        type,
        payload,
        headers,
        limits.name("lane", job.lane, empty=True),
        limits.priority(job.priority),
        limits.max_attempts(job.max_attempts, default_attempts(type)),
        _moment("scheduled_at", job.scheduled_at),
        None if delay is None else limits.delay(delay),
        created_at=_moment("created_at", job.created_at),
    )


def conflict(value: Any) -> str:
    """Check ``on_conflict``."""
    if not isinstance(value, str) or value not in CONFLICTS:
        raise InvalidOption(f"on_conflict must be 'error' or 'ignore', got {limits.shown(value)}")
    return str(value)


def _moment(field: str, value: datetime | None) -> datetime | None:
    return None if value is None else limits.moment(field, value)
