"""The values that cross the seam between core and a backend.

Backends see payloads, headers and errors as text that only core reads.  Growing a value grows the
contract, so every field added later has a default.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from gofastr_queue.errors import InvalidOption
from gofastr_queue.job import DEFAULT_MAX_ATTEMPTS, Claim
from gofastr_queue.lifecycle import Status
from gofastr_queue.values import value

KEPT_ERRORS = 20
"""A store keeps the newest twenty errors of a job."""

KEPT_OCCURRENCES = 1_000
"""A store keeps the newest thousand occurrences of a schedule."""

CURSOR = re.compile(r"[0-9]{1,18}")
"""A cursor in our own backends is a place: a number that fits 64 bits."""

DUE_PER_CLAIM = 1_000
"""A claim first makes ready at most this many jobs that fell due, oldest due first."""


@value
class StoredError:
    """The error of one attempt: ``text`` is core's, ``attempt`` and ``at`` the store adds."""

    attempt: int
    at: datetime
    text: str


@value
class StoredJob:
    """A job as a store knows it."""

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
    headers: str = ""
    errors: tuple[StoredError, ...] = ()
    worker: str = ""
    lease_until: datetime | None = None


@value
class StoredClaim:
    """A claim as a store hands it out; core turns it into a ``Claim``."""

    job: StoredJob
    token: str
    lease_until: datetime


AnyClaim = Claim | StoredClaim
"""Settling needs only ``claim.job.id`` and ``claim.token``, which both kinds have."""


@value
class Draft:
    """Everything of a job that a producer gives.

    At most one of ``scheduled_at`` and ``delay`` is set; the store adds ``delay`` to its own now,
    and uses its now where neither is given and where ``created_at`` is None.  ``status``,
    ``attempts`` and ``errors`` differ from their defaults only when jobs are imported;
    a draft is never claimed.  ``unique_key`` is reserved and empty.  No text holds a NUL or a lone
    surrogate, and id, type and lane hold no control character.
    """

    id: str
    type: str
    payload: str
    headers: str = ""
    lane: str = ""
    priority: int = 0
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    scheduled_at: datetime | None = None
    delay: timedelta | None = None
    unique_key: str = ""
    created_at: datetime | None = None
    status: Status = Status.PENDING
    attempts: int = 0
    errors: tuple[StoredError, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether it may start at once and was never claimed: what most producers store."""
        times = self.created_at or self.scheduled_at or self.delay
        return not (times or self.attempts or self.errors) and self.status is Status.PENDING

    def job(self, now: datetime) -> StoredJob:
        """Return the job that this becomes in a store whose clock says ``now``."""
        due = now if self.delay is None else now + self.delay
        return StoredJob(
            self.id,
            self.type,
            self.payload,
            self.lane,
            self.priority,
            self.max_attempts,
            self.attempts,
            self.status,
            self.created_at or now,
            self.scheduled_at or due,
            self.headers,
            self.errors,
        )


@value
class Put:
    """What became of a draft: the stored job, and whether this call stored it."""

    job: StoredJob
    new: bool


@value
class Want:
    """Which jobs a claimer takes: None means all; ``{""}`` is the default lane."""

    types: frozenset[str] | None = None
    not_types: frozenset[str] | None = None
    lanes: frozenset[str] | None = None
    not_lanes: frozenset[str] | None = None

    def admits(self, lane: str, type: str) -> bool:
        """Tell whether a job of this lane and type is wanted."""
        return (
            (self.types is None or type in self.types)
            and (self.not_types is None or type not in self.not_types)
            and (self.lanes is None or lane in self.lanes)
            and (self.not_lanes is None or lane not in self.not_lanes)
        )

    @property
    def everything(self) -> bool:
        """Whether no job is left out."""
        return (
            self.types is None and self.lanes is None and not self.not_types and not self.not_lanes
        )


EVERYTHING = Want()


@value
class Batch:
    """What a claim brought.

    ``next_due`` says when asking again is worth while: zero when more may be ready than was
    asked for, else a time that passes no later than the next wanted job falls due, None only if
    nothing waits.  A store may bring fewer claims than are ready while others hold those jobs;
    ``next_due`` is short then.  ``due`` is the moment of the soonest job that is not due yet.
    """

    claims: tuple[StoredClaim, ...] = ()
    next_due: timedelta | None = None
    due: datetime | None = None


@value
class Ack:
    """Finish a claim.  ``result`` is reserved for stores that keep results."""

    claim: AnyClaim
    result: str | None = None


class Outcome(StrEnum):
    """What becomes of a claim that is not acked; core decides which."""

    RETRY = "retry"
    """Pending again; the attempt counts."""
    BURY = "bury"
    """Failed."""
    GIVE_BACK = "give back"
    """Pending again at its old place; the attempt is taken back."""


@value
class Release:
    """End a claim without finishing the job.

    With a positive ``delay`` the job may not start before the store's now plus ``delay``; without
    one it is ready at once.  ``error`` is kept with the job unless it is empty.
    """

    claim: AnyClaim
    outcome: Outcome
    delay: timedelta = timedelta(0)
    error: str = ""


@value
class Settled:
    """What a turn settled: the acks and the releases that were current."""

    acks: tuple[Ack, ...] = ()
    releases: tuple[Release, ...] = ()


@value
class JobQuery:
    """Which stored jobs to browse, replay or purge; every given condition must hold.

    Repeated ``ids`` count once.  ``older_than`` compares with ``created_at``.  ``before`` is a
    cursor from ``StoredPage.next``.  ``limit=None`` means no limit.  Browsing takes the latest
    enqueued first, replaying and purging the earliest.
    """

    ids: tuple[str, ...] | None = None
    status: Status | None = None
    type: str | None = None
    lane: str | None = None
    older_than: datetime | None = None
    before: str = ""
    limit: int | None = None

    def admits(self, job: StoredJob) -> bool:
        """Tell whether a job fulfils every condition but ``before``."""
        return (
            (self.ids is None or job.id in self.ids)
            and (self.status is None or job.status is self.status)
            and (self.type is None or job.type == self.type)
            and (self.lane is None or job.lane == self.lane)
            and (self.older_than is None or job.created_at < self.older_than)
        )

    def place_before(self) -> int | None:
        """Return the place that ``before`` names, where cursors are places; None for no cursor.

        Raises ``InvalidOption`` for a cursor that no page has given.
        """
        if not self.before:
            return None
        if not CURSOR.fullmatch(self.before):
            given = repr(self.before)
            raise InvalidOption(f"before must be a cursor from an earlier page, got {given}")
        return int(self.before)


@value
class StoredPage:
    """Jobs, latest enqueued or replayed first; ``next`` is the cursor of the following page."""

    jobs: tuple[StoredJob, ...] = ()
    next: str = ""


@value
class Count:
    """How many jobs share a status, lane and type; ``oldest`` is the first one's created_at."""

    status: Status
    lane: str
    type: str
    count: int
    oldest: datetime


class Level(StrEnum):
    """What a finding means for the promises of a queue."""

    OK = "ok"
    """As it should be."""
    NOTE = "note"
    """Every promise holds; something is worth knowing."""
    WARNING = "warning"
    """Less holds here than where all is well, or soon will."""
    BROKEN = "broken"
    """A promise cannot hold here."""


@value
class Finding:
    """What an examination found of one subject.

    ``subject`` is a short word that stays the same from version to version, for instance
    ``durability``; several findings may share it.  ``remedy`` says what to do, and is empty only
    where all is well.  No text holds a password.
    """

    subject: str
    level: Level
    text: str
    remedy: str = ""


class Fate(StrEnum):
    """What became of a tick of a schedule."""

    ENQUEUED = "enqueued"
    """Its job was stored, or one of its id was there already."""
    MISSED = "missed"
    """It fell due while nobody looked, and the schedule does not make up for it."""
    OVERLAP = "overlap"
    """The job of an earlier tick was still pending or claimed."""


@value
class Occurrence:
    """A tick of a schedule, and what became of it."""

    at: datetime
    fate: Fate


@value
class ScheduleDraft:
    """What to register or change of a schedule.

    ``definition`` is core's opaque text; None leaves it as it is, and then nothing is registered.
    ``since`` counts for a new schedule only: ticks before it are none of its own (None: up to the
    store's now).  ``paused=None`` leaves that as it is; a new schedule is not paused.
    """

    id: str
    definition: str | None = None
    since: datetime | None = None
    paused: bool | None = None


@value
class StoredSchedule:
    """A schedule as a store knows it.

    ``version`` rises with every change.  ``registered_at`` is the store's now at the first
    registration.  Every tick up to ``watermark`` is decided.  ``next_due`` says when to look at the
    schedule again; None: never, or not while it is paused.  ``last_job`` is the id of the last job
    it enqueued.  ``occurrences`` are the newest, newest first, where they were asked for.
    """

    id: str
    definition: str
    version: int
    registered_at: datetime
    watermark: datetime
    next_due: datetime | None
    paused: bool = False
    last_job: str = ""
    occurrences: tuple[Occurrence, ...] = ()


@value
class Due:
    """Which schedules to look at, the time by the store's clock, and when the next one follows."""

    schedules: tuple[StoredSchedule, ...]
    now: datetime
    next_due: datetime | None = None


@value
class Fire:
    """Decide ticks of a schedule, if it still has this ``version`` and is not paused.

    ``draft`` is the job of the tick ``watermark``; a job stored already by its id counts as it.
    With ``unless_alive`` it is not enqueued while the schedule's last job is pending or claimed.
    ``skipped`` are ticks before it, or up to it where there is no draft; they are kept as missed.
    """

    id: str
    version: int
    watermark: datetime
    next_due: datetime | None
    draft: Draft | None = None
    skipped: tuple[datetime, ...] = ()
    unless_alive: bool = False


@value
class Fired:
    """A fire that took effect; ``put`` is None where there was no job to be, or an overlap."""

    fire: Fire
    put: Put | None = None


def new_tokens(count: int) -> Sequence[str]:
    """Make claim tokens: 128 random bits each, from the system's source."""
    text = os.urandom(16 * count).hex()
    return [text[start : start + 32] for start in range(0, len(text), 32)]
