"""What a store's jobs show of their past: leases that ran out, and jobs that wait.

No history is kept, so this is read off the jobs that are there, a bounded number of the newest of
each status.  Jobs that ended well are gone and tell nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from attrs import frozen

from gofastr_queue.calls import Calls
from gofastr_queue.capabilities import Capability
from gofastr_queue.errors import QueueError
from gofastr_queue.failures import EXPIRED, read
from gofastr_queue.lifecycle import Status
from gofastr_queue.limits import shown
from gofastr_queue.records import Finding, JobQuery, Level, StoredJob

LOOKED_AT = 100
"""Jobs of each status that are read: one page, whatever their payloads weigh."""

OVERDUE = timedelta(minutes=1)
"""An expired lease this old was not taken back by any worker: they look twice as often."""

LONG_LEASE = timedelta(hours=1)
"""A lease that still runs for so long is worth a note."""

LONG_WAIT = timedelta(minutes=5)
"""A ready job that waited for so long is worth a note."""

ZERO = timedelta(0)

NAMED = 3
"""Types that a finding names."""


@frozen
class Sample:
    """The newest jobs of each status, at one moment by the store's clock."""

    now: datetime
    claimed: Sequence[StoredJob]
    failed: Sequence[StoredJob]
    pending: Sequence[StoredJob]
    more_pending: bool

    @property
    def size(self) -> int:
        """How many jobs were looked at."""
        return len(self.claimed) + len(self.failed) + len(self.pending)


def findings(calls: Calls, now: datetime | None) -> list[Finding]:
    """Look at a store's jobs; nothing is said of a store that cannot list them."""
    if Capability.BROWSE not in calls.capabilities:
        return []
    try:
        sample = _sample(calls, now)
    except QueueError as error:
        unread = f"the jobs could not be looked at: {error}"
        return [Finding("leases", Level.NOTE, unread, "do what the error says, then look again")]
    return [*leases(sample), backlog(sample)]


def leases(sample: Sample) -> Iterator[Finding]:
    """Judge whether leases are as long as handlers need, and taken back when they end."""
    overdue = [job for job in sample.claimed if _left(job, sample.now) <= -OVERDUE]
    if overdue:
        since = max(-_left(job, sample.now) for job in overdue)
        left = (
            f"leases of claimed jobs ran out, one {_span(since)} ago, and nobody takes them back: "
            f"{_types(overdue)}"
        )
        yield Finding("leases", Level.WARNING, left, "start a worker, or call queue.reclaim()")
    jobs = (*sample.claimed, *sample.failed, *sample.pending)
    lost = [job for job in jobs if any(read(one).kind == EXPIRED for one in job.errors)]
    if lost:
        dead = [job for job in sample.failed if job.errors and read(job.errors[-1]).kind == EXPIRED]
        end = f", {len(dead)} of them their last" if dead else ""
        ran_out = (
            f"of {sample.size} jobs looked at, {len(lost)} lost a lease{end}: {_types(lost)}; "
            "their worker died, hung or was cut off, or a loop of your own outlasted its lease"
        )
        yield Finding(
            "leases",
            Level.WARNING if dead else Level.NOTE,
            ran_out,
            "find what ends workers; let loops of your own call extend(); give handlers that hold "
            "the interpreter's lock process=True; or give the queue a longer lease=",
        )
    longest = max((_left(job, sample.now) for job in sample.claimed), default=ZERO)
    if longest > LONG_LEASE:
        long = f"a claimed job's lease runs for another {_span(longest)}"
        yield Finding(
            "leases",
            Level.NOTE,
            f"{long}: should its worker die, the job comes back no sooner",
            "give a shorter lease=: workers renew it while a handler runs",
        )
    if not overdue and not lost and longest <= LONG_LEASE:
        yield Finding("leases", Level.OK, f"of {sample.size} jobs looked at, none lost its lease")


def backlog(sample: Sample) -> Finding:
    """Judge how long ready jobs wait, as far as the newest tell."""
    ready = [job for job in sample.pending if job.scheduled_at <= sample.now]
    waited = max(
        (sample.now - max(job.scheduled_at, job.created_at) for job in ready), default=ZERO
    )
    number = f"at least {len(ready)}" if sample.more_pending else str(len(ready))
    if not sample.claimed and waited > OVERDUE:
        waiting = f"{number} jobs are ready, one for {_span(waited)}, and none is claimed"
        remedy = "start a worker with handlers of their types"
        return Finding("backlog", Level.NOTE, f"{waiting}: {_types(ready)}", remedy)
    if waited > LONG_WAIT:
        waiting = f"{number} jobs are ready, one for {_span(waited)}: {_types(ready)}"
        return Finding("backlog", Level.NOTE, waiting, "if that is too long, run more workers")
    return Finding("backlog", Level.OK, f"of {sample.size} jobs looked at, none waits for long")


def _sample(calls: Calls, now: datetime | None) -> Sample:
    def newest(status: Status) -> tuple[Sequence[StoredJob], bool]:
        page = calls.hooks.queue_browse(query=JobQuery(status=status, limit=LOOKED_AT))
        return page.jobs, bool(page.next)

    claimed, _ = newest(Status.CLAIMED)
    failed, _ = newest(Status.FAILED)
    pending, more = newest(Status.PENDING)
    return Sample(now or _clock(calls), claimed, failed, pending, more)


def _clock(calls: Calls) -> datetime:
    """Return the store's time where it tells, for this host's clock may be wrong."""
    if Capability.SCHEDULE in calls.capabilities:
        return calls.hooks.schedule_due(limit=1, now=None).now
    return datetime.now(UTC)


def _left(job: StoredJob, now: datetime) -> timedelta:
    return ZERO if job.lease_until is None else job.lease_until - now


def _types(jobs: Sequence[StoredJob]) -> str:
    """Name the commonest types, and how many jobs have each."""
    found = Counter(job.type for job in jobs)
    commonest = sorted(found, key=lambda one: (-found[one], one))[:NAMED]
    named = [f"{shown(type)} ({found[type]})" for type in commonest]
    return ", ".join(named) + (" and others" if len(found) > NAMED else "")


def _span(span: timedelta) -> str:
    seconds = span.total_seconds()
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
