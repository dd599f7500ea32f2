"""What the store keeps of a job, and how it looks from outside."""

from __future__ import annotations

from datetime import datetime

from attrs import define

from gofastr_queue.lifecycle import Status
from gofastr_queue.records import KEPT_ERRORS, Draft, JobQuery, StoredError, StoredJob


@define(eq=False)
class Entry:
    """A stored job.

    ``place`` orders jobs by enqueueing or replay.  ``ticket`` says where it waits now; see
    ``lines``.  ``ready`` tells, of a pending job, whether it has fallen due.
    """

    id: str
    type: str
    payload: str
    lane: str
    priority: int
    max_attempts: int
    attempts: int
    status: Status
    created_at: datetime
    scheduled_at: datetime
    headers: str
    errors: tuple[StoredError, ...]
    place: int
    worker: str = ""
    lease_until: datetime | None = None
    token: str = ""
    ticket: int = 0
    ready: bool = False

    @classmethod
    def of(cls, draft: Draft, place: int, now: datetime) -> Entry:
        """Make the entry of a new draft."""
        scheduled_at = now + draft.delay if draft.delay is not None else draft.scheduled_at or now
        return cls(
            draft.id,
            draft.type,
            draft.payload,
            draft.lane,
            draft.priority,
            draft.max_attempts,
            draft.attempts,
            draft.status,
            draft.created_at or now,
            scheduled_at,
            draft.headers,
            draft.errors,
            place,
        )

    def job(self) -> StoredJob:
        """Return the job as it is now."""
        return StoredJob(
            self.id,
            self.type,
            self.payload,
            self.lane,
            self.priority,
            self.max_attempts,
            self.attempts,
            self.status,
            self.created_at,
            self.scheduled_at,
            self.headers,
            self.errors,
            self.worker,
            self.lease_until,
        )

    def fail_attempt(self, text: str, now: datetime) -> None:
        """Keep the error of the current attempt, if there is one."""
        if text:
            error = StoredError(self.attempts, now, text)
            self.errors = (*self.errors, error)[-KEPT_ERRORS:]

    def let_go(self) -> None:
        """Forget the claim: its token is never current again."""
        self.token = ""
        self.worker = ""
        self.lease_until = None

    def matches(self, query: JobQuery) -> bool:
        """Tell whether every condition but ``before`` holds."""
        return (
            (query.ids is None or self.id in query.ids)
            and (query.status is None or self.status is query.status)
            and (query.type is None or self.type == query.type)
            and (query.lane is None or self.lane == query.lane)
            and (query.older_than is None or self.created_at < query.older_than)
        )
