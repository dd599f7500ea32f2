"""What a backend does for a queue, and what a plugin may add: the contract.

Each class is three things at once: a pluggy specification, checked when a plugin is registered;
a typing Protocol, checked by mypy; and, through one cast in ``calls``, the typed face of the
hooks.  A backend has the methods and marks them with ``hookimpl``; it never subclasses these.

Rules for every ``queue_`` and ``schedule_`` operation:

- It has one owner, the backend.  Plugins may wrap it with ``@hookimpl(wrapper=True)``.
- It takes many and returns many.  A stale claim is no error: it is absent from what is returned.
- It returns a value, never None: to pluggy, None means "not mine".
- ``now=None`` means the store's own clock.  An injected clock is passed down as ``now``.
- It is one atomic step, safe to call from any thread, and leaves nothing half done when it raises.
- Drivers' errors become ``BackendUnavailable`` or ``StoreFull``; nothing is retried blindly.
- Each parameter without a default here is required of a backend.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import pluggy

from gofastr_queue.job import Claim, Job
from gofastr_queue.records import (
    Ack,
    AnyClaim,
    Batch,
    Count,
    Draft,
    Due,
    Finding,
    Fire,
    Fired,
    JobQuery,
    Put,
    Release,
    ScheduleDraft,
    Settled,
    StoredJob,
    StoredPage,
    StoredSchedule,
    Want,
)

PROJECT = "gofastr_queue"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Storing(Protocol):
    """Storage: required of every backend."""

    @hookspec(firstresult=True)
    def queue_put(
        self,
        drafts: Sequence[Draft],
        on_conflict: str,
        now: datetime | None,
        transaction: Any = None,
    ) -> list[Put]:
        """Store drafts, all or none; return one ``Put`` for each, in order.

        ``on_conflict`` is ``"error"`` (raise ``DuplicateJob`` with taken ids, store nothing)
        or ``"ignore"`` (return the job already stored, ``new=False``).  Ids repeated among the
        drafts conflict as well.  ``transaction`` belongs to the capability TRANSACTIONAL: the
        jobs become visible when the caller commits, and a duplicate leaves it usable.
        """
        ...

    @hookspec(firstresult=True)
    def queue_close(self) -> bool:
        """Let go of every resource; repeatable.  Waiting calls return."""
        ...


class Claiming(Protocol):
    """Claim: required of every backend."""

    @hookspec(firstresult=True)
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        """Lease up to ``limit`` ready jobs, by priority descending, then order of enqueueing.

        First makes ready up to ``DUE_PER_CLAIM`` jobs that fell due, oldest due first.  Raises
        ``attempts`` by one and gives every claim a token of its own.  ``limit=0`` claims nothing
        and only tells ``next_due``.
        """
        ...


class Acking(Protocol):
    """Ack: required of every backend."""

    @hookspec(firstresult=True)
    def queue_ack(self, acks: Sequence[Ack], now: datetime | None) -> list[Ack]:
        """Remove every job whose claim is still current; return those acks."""
        ...


class Nacking(Protocol):
    """Nack: required of every backend."""

    @hookspec(firstresult=True)
    def queue_nack(self, releases: Sequence[Release], now: datetime | None) -> list[Release]:
        """End every claim that is still current, as its outcome says; return those releases."""
        ...


class Reclaiming(Protocol):
    """Reclaim: required of every backend."""

    @hookspec(firstresult=True)
    def queue_reclaim(self, limit: int, reason: str, now: datetime | None) -> list[StoredJob]:
        """Take back up to ``limit`` jobs whose lease has run out (``lease_until <= now``).

        The soonest expired go first, then the order of enqueueing.  Those with attempts left are
        pending at their old place, the others failed; ``reason`` is kept as the attempt's error
        either way.  Returns both kinds as they are now, in any order; none means none is left.
        """
        ...

    @hookspec(firstresult=True)
    def queue_extend(
        self, claims: Sequence[AnyClaim], lease: timedelta, now: datetime | None
    ) -> list[AnyClaim]:
        """Lease every current claim for ``lease`` from now, never shorter than it was.

        Returns those claims with their new ``lease_until``.
        """
        ...


class Browsing(Protocol):
    """Browse: makes the capability BROWSE."""

    @hookspec(firstresult=True)
    def queue_browse(self, query: JobQuery) -> StoredPage:
        """Read jobs, latest enqueued or replayed first, and change nothing."""
        ...

    @hookspec(firstresult=True)
    def queue_stats(self) -> list[Count]:
        """Count all jobs exactly, in one snapshot."""
        ...


class Replaying(Protocol):
    """Replay: makes the capability REPLAY."""

    @hookspec(firstresult=True)
    def queue_replay(self, query: JobQuery, now: datetime | None) -> list[str]:
        """Make failed jobs pending again at the back, attempts 0, ready now; return their ids.

        Errors are kept.  Only failed jobs are touched, whatever the query says.  Each job moves in
        one step, but a large call may take several.
        """
        ...

    @hookspec(firstresult=True)
    def queue_purge(self, query: JobQuery) -> int:
        """Remove jobs, never claimed ones; return how many.

        Each job goes in one step, but a large call may take several.
        """
        ...


class Waking(Protocol):
    """Wake: makes the capability WAKE."""

    @hookspec(firstresult=True)
    def queue_wait(self, want: Want, timeout: timedelta, due: datetime | None = None) -> bool:
        """Sleep until a wanted job is ready or ``timeout`` passes; True hints at a job.

        A job that falls due before ``due`` is a hint too: it came after the claim that told
        ``due``, and the claimer must ask anew how long to wait.  Where the caller does not say,
        ``due`` is the soonest due moment when the wait begins.  Returns never later than
        ``timeout``, possibly earlier.
        """
        ...

    @hookspec(firstresult=True)
    def queue_wake(self) -> bool:
        """End the waits that are going on, from any thread."""
        ...


class Turning(Protocol):
    """Turn: makes the capability TURN, an optimisation without a meaning of its own."""

    @hookspec(firstresult=True)
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
        """Ack, nack and claim, in this order, in one round trip and one commit.

        What the releases made ready may be claimed in the same turn.
        """
        ...


class Diagnosing(Protocol):
    """Diagnose: makes the capability DIAGNOSE."""

    @hookspec(firstresult=True)
    def queue_diagnose(self, now: datetime | None) -> list[Finding]:
        """Examine the store: what stands against the promises here; changes nothing.

        ``now`` is the caller's clock, with which the store's is compared; None: the process's.
        """
        ...


class Scheduling(Protocol):
    """Schedule: makes the capability SCHEDULE."""

    @hookspec(firstresult=True)
    def schedule_put(
        self, drafts: Sequence[ScheduleDraft], now: datetime | None
    ) -> list[StoredSchedule]:
        """Register schedules or change them; return them as they are now.

        A new one is due at ``since``, or at once.  One whose definition differs is due at once,
        its watermark and ``registered_at`` stay.  A pause takes ``next_due`` away; its end moves
        the watermark to now, unless it is later, and makes the schedule due at once.  What changes
        nothing keeps the version; unknown ids without a definition are absent from the result.
        """
        ...

    @hookspec(firstresult=True)
    def schedule_due(self, limit: int, now: datetime | None) -> Due:
        """Read up to ``limit`` schedules with ``next_due <= now``, the soonest due first."""
        ...

    @hookspec(firstresult=True)
    def schedule_fire(self, fires: Sequence[Fire], now: datetime | None) -> list[Fired]:
        """Move schedules on and enqueue their jobs, in order; a stale fire is absent.

        Each fire is one atomic step: version, watermark, occurrences and job together.  A large
        call may take several.
        """
        ...

    @hookspec(firstresult=True)
    def schedule_list(self, ids: Sequence[str] | None, occurrences: int) -> list[StoredSchedule]:
        """Read these schedules, or all, by id, each with its newest occurrences."""
        ...

    @hookspec(firstresult=True)
    def schedule_remove(self, ids: Sequence[str]) -> list[str]:
        """Forget schedules and their occurrences, not their jobs; return which were there."""
        ...


class Encoding(Protocol):
    """Payload plugins, called in order of registration on the way out, reversed on the way in."""

    @hookspec
    def payload_out(self, text: str, headers: dict[str, str]) -> str:
        """Turn a payload's JSON into the text to store; may add headers."""
        ...

    @hookspec
    def payload_in(self, text: str, headers: dict[str, str]) -> str:
        """Turn stored text back; raise anything when it cannot be read."""
        ...


class Observing(Protocol):
    """Observer plugins: told what happened, after it happened.  Core calls each on its own."""

    @hookspec
    def jobs_enqueued(self, jobs: Sequence[Job]) -> None:
        """Learn of new jobs; not told for those in a caller's transaction."""

    @hookspec
    def jobs_started(self, claims: Sequence[Claim]) -> None:
        """Learn of handlers that are about to run."""

    @hookspec
    def jobs_finished(self, claims: Sequence[Claim]) -> None:
        """Learn of jobs that were acked."""

    @hookspec
    def jobs_failed(self, releases: Sequence[Release]) -> None:
        """Learn of failed attempts; the job is retried or buried, as the outcome says."""

    @hookspec
    def jobs_buried(self, jobs: Sequence[Job]) -> None:
        """Learn of jobs that went to the dead letters."""

    @hookspec
    def jobs_dropped(self, jobs: Sequence[Job]) -> None:
        """Learn of jobs that were acked for want of a handler."""

    @hookspec
    def claims_stale(self, claims: Sequence[Claim]) -> None:
        """Learn of settlements that came too late: somebody else had taken over."""


class Hooks(
    Storing,
    Claiming,
    Acking,
    Nacking,
    Reclaiming,
    Browsing,
    Replaying,
    Waking,
    Turning,
    Diagnosing,
    Scheduling,
    Protocol,
):
    """Every operation a queue may call."""
