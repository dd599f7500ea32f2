"""The life of a job: its statuses and the table of every transition.

The documentation's diagram and the model in the conformance kit are derived from ``TRANSITIONS``.
This module knows nothing of queues, workers or stores.
"""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where a stored job is.  "Scheduled" is pending with a later ``scheduled_at``."""

    PENDING = "pending"
    CLAIMED = "claimed"
    FAILED = "failed"


class Event(StrEnum):
    """What can happen to a job."""

    ENQUEUE = "enqueue"
    CLAIM = "claim"
    EXTEND = "extend"
    ACK = "ack"
    RETRY = "retry"
    GIVE_BACK = "give back"
    BURY = "bury"
    EXPIRE = "expire"
    EXPIRE_LAST = "expire on the last attempt"
    REPLAY = "replay"
    REMOVE = "purge or cancel"


GONE = None
"""The state of a job that is not stored: not yet enqueued, acked, purged or cancelled."""

TRANSITIONS: dict[tuple[Status | None, Event], Status | None] = {
    (GONE, Event.ENQUEUE): Status.PENDING,
    (Status.PENDING, Event.CLAIM): Status.CLAIMED,
    (Status.PENDING, Event.REMOVE): GONE,
    (Status.CLAIMED, Event.EXTEND): Status.CLAIMED,
    (Status.CLAIMED, Event.ACK): GONE,
    (Status.CLAIMED, Event.RETRY): Status.PENDING,
    (Status.CLAIMED, Event.GIVE_BACK): Status.PENDING,
    (Status.CLAIMED, Event.BURY): Status.FAILED,
    (Status.CLAIMED, Event.EXPIRE): Status.PENDING,
    (Status.CLAIMED, Event.EXPIRE_LAST): Status.FAILED,
    (Status.FAILED, Event.REPLAY): Status.PENDING,
    (Status.FAILED, Event.REMOVE): GONE,
}
"""(state, event) -> next state.  What is not in the table has no effect."""
