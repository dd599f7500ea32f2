"""From what a producer says to the draft a store takes; everything is checked here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from gofastr_queue import limits
from gofastr_queue.errors import InvalidJob, InvalidOption
from gofastr_queue.ids import new_id
from gofastr_queue.job import Job
from gofastr_queue.payload import Codec
from gofastr_queue.records import Draft

CONFLICTS = ("error", "ignore")

NO_HEADERS: Mapping[str, str] = {}

Drafted = tuple[Draft, Any]
"""A draft, and its payload for the job that is given back; None where its text must be read."""


def of_jobs(
    codec: Codec, default_attempts: Callable[[str], int], jobs: Iterable[Job]
) -> tuple[list[Draft], list[Any]]:
    """Return the drafts of jobs, and their payloads; the jobs themselves are let go at once."""
    made: list[Draft] = []
    payloads: list[Any] = []
    for job in jobs:
        draft, payload = of_job(codec, default_attempts, job)
        made.append(draft)
        payloads.append(payload)
    return made, payloads


def of_job(codec: Codec, default_attempts: Callable[[str], int], job: Job) -> Drafted:
    """Return the draft of a job; raises ``InvalidJob`` naming the value and the remedy."""
    if not isinstance(job, Job):
        raise InvalidJob(f"a job to enqueue must be a Job, got {limits.shown(job)}")
    return of(
        codec,
        default_attempts,
        job.type,
        job.payload,
        job.id,
        job.lane,
        job.priority,
        job.max_attempts,
        job.scheduled_at,
        None,
        job.created_at,
        job.headers,
    )


def of(
    codec: Codec,
    default_attempts: Callable[[str], int],
    type: str,
    payload: Any,
    id: str,
    lane: str,
    priority: int,
    max_attempts: int,
    scheduled_at: datetime | None,
    delay: timedelta | None,
    created_at: datetime | None = None,
    headers: Mapping[str, str] = NO_HEADERS,
) -> Drafted:
    """Return the draft of what a producer says; raises as ``of_job`` does."""
    limits.name("type", type)
    if delay is not None and scheduled_at is not None:
        raise InvalidJob("give delay or scheduled_at, not both")
    text, named, own = codec.encode(payload, limits.headers(headers))
    made = Draft(  # by position: that takes half the time
        new_id() if id == "" else limits.name("id", id),
        type,
        text,
        named,
        limits.name("lane", lane, empty=True),
        limits.priority(priority),
        limits.max_attempts(max_attempts, default_attempts(type)),
        None if scheduled_at is None else limits.moment("scheduled_at", scheduled_at),
        None if delay is None else limits.delay(delay),
        created_at=None if created_at is None else limits.moment("created_at", created_at),
    )
    return made, own


def conflict(value: Any) -> str:
    """Check ``on_conflict``."""
    if not isinstance(value, str) or value not in CONFLICTS:
        raise InvalidOption(f"on_conflict must be 'error' or 'ignore', got {limits.shown(value)}")
    return str(value)
