"""Looking at jobs and putting things right: for operators."""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve

from gofastr_queue import limits, observed
from gofastr_queue.errors import InvalidOption
from gofastr_queue.job import Job, Page
from gofastr_queue.lifecycle import Status
from gofastr_queue.queue.opened import Opened
from gofastr_queue.records import Count, Finding, JobQuery

DEFAULT_LIMIT = 100
"""Jobs listed when no limit, or none above zero, is given."""


class Operating(Opened):
    """The verbs of an operator."""

    def browse(
        self,
        status: str = "",
        limit: int = DEFAULT_LIMIT,
        *,
        type: str | None = None,
        lane: str | None = None,
        older_than: timedelta | None = None,
        before: str = "",
    ) -> Page:
        """Read one page of jobs, latest enqueued or replayed first; empty status means all.

        Give ``page.next`` as ``before`` for the next page.  ``older_than`` is an age since
        ``created_at``.  Raises ``InvalidOption`` (a ``ValueError``) for an unknown status.
        """
        limits.count("limit", limit, least=limits.INT32_MIN)
        query = self._query(status, type, lane, older_than, limit if limit > 0 else DEFAULT_LIMIT)
        stored = self._hooks().queue_browse(query=evolve(query, before=limits.cursor(before)))
        return Page(tuple(self._consumer.job(job) for job in stored.jobs), stored.next)

    def list_jobs(
        self,
        status: str = "",
        limit: int = DEFAULT_LIMIT,
        *,
        type: str | None = None,
        lane: str | None = None,
        before: str = "",
    ) -> list[Job]:
        """Return the jobs of one page of ``browse``; a limit of 0 or less means 100."""
        return list(self.browse(status, limit, type=type, lane=lane, before=before).jobs)

    def get(self, id: str) -> Job | None:
        """Return the stored job of this id."""
        page = self._hooks().queue_browse(query=JobQuery(ids=(limits.name("id", id),), limit=1))
        return self._consumer.job(page.jobs[0]) if page.jobs else None

    def stats(self) -> dict[str, int]:
        """Count jobs by status, exactly; each status is always there."""
        totals = {str(status): 0 for status in Status}
        for count in self._hooks().queue_stats():
            totals[count.status] += count.count
        return totals

    def counts(self) -> list[Count]:
        """Count jobs by status, lane and type, exactly."""
        return self._hooks().queue_stats()

    def replay(self, id: str) -> bool:
        """Make a failed job pending again; False, without effect, unless it is failed.

        Attempts start anew, ``scheduled_at`` is now, errors are kept, and the job goes to the back.
        """
        query = JobQuery(ids=(limits.name("id", id),))
        return bool(self._hooks().queue_replay(query=query, now=self._consumer.now()))

    def replay_many(
        self,
        *,
        type: str | None = None,
        lane: str | None = None,
        older_than: timedelta | None = None,
        limit: int | None = None,
    ) -> int:
        """Replay failed jobs, earliest enqueued first; return how many."""
        query = self._query(Status.FAILED, type, lane, older_than, limit)
        return len(self._hooks().queue_replay(query=query, now=self._consumer.now()))

    def purge(
        self,
        status: str,
        *,
        type: str | None = None,
        lane: str | None = None,
        older_than: timedelta | None = None,
        limit: int | None = None,
    ) -> int:
        """Remove pending or failed jobs (empty status: both) for good; return how many.

        Claimed jobs are never removed.  ``older_than`` is an age since ``created_at``.
        """
        query = self._query(status, type, lane, older_than, limit)
        if query.status is Status.CLAIMED:
            raise InvalidOption("claimed jobs are not purged; purge 'pending' or 'failed'")
        return self._hooks().queue_purge(query=query)

    def cancel(self, id: str) -> bool:
        """Remove one job unless it is claimed; False if there was nothing to remove."""
        return bool(self._hooks().queue_purge(query=JobQuery(ids=(limits.name("id", id),))))

    def diagnose(self) -> list[Finding]:
        """Examine the store: what stands against the promises where it runs.

        Changes nothing.  The store's clock is compared with the queue's, or the process's.  A
        bounded number of its jobs is read too, for leases that ran out and jobs that wait.
        """
        now = self._consumer.now()
        found = self._hooks().queue_diagnose(now=now)
        return [*found, *observed.findings(self._calls, now)]

    def _query(
        self,
        status: str,
        type: str | None,
        lane: str | None,
        older_than: timedelta | None,
        limit: int | None,
    ) -> JobQuery:
        self._hooks()
        return JobQuery(
            status=limits.status(status),
            type=None if type is None else limits.name("type", type),
            lane=None if lane is None else limits.name("lane", lane, empty=True),
            older_than=None
            if older_than is None
            else self._now() - limits.span("older_than", older_than, zero=True),
            limit=None if limit is None else limits.count("limit", limit),
        )
