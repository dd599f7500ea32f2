"""Putting jobs into a queue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from gofastr_queue import drafts, limits
from gofastr_queue.capabilities import Capability
from gofastr_queue.drafts import Drafted
from gofastr_queue.errors import InvalidOption
from gofastr_queue.job import Job
from gofastr_queue.queue.opened import Opened


class Producing(Opened):
    """The verbs of a producer."""

    def enqueue(
        self,
        type: str,
        payload: Any = None,
        *,
        id: str = "",
        priority: int = 0,
        lane: str = "",
        delay: timedelta | None = None,
        scheduled_at: datetime | None = None,
        max_attempts: int = 0,
        on_conflict: str = "error",
        transaction: Any = None,
    ) -> Job:
        """Store a job and return it; nothing is buffered.

        ``max_attempts=0`` takes that of the type's handler if registered here, else 3.  A taken
        ``id`` raises ``DuplicateJob``, or with ``on_conflict="ignore"`` returns the stored job as
        it is.  With ``transaction`` the job is stored when the caller commits.  Raises
        ``InvalidJob`` for values outside the limits and ``StoreFull`` when there is no room.
        """
        self._hooks()
        drafted = drafts.of(
            self._codec,
            self._attempts,
            type,
            payload,
            id,
            lane,
            priority,
            max_attempts,
            scheduled_at,
            delay,
        )
        return self._put([drafted], on_conflict, transaction)[0]

    def enqueue_many(
        self,
        jobs: Iterable[Job],
        *,
        on_conflict: str = "error",
        transaction: Any = None,
        chunk: int | None = None,
    ) -> list[Job]:
        """Store jobs, all or none, and return them in order.

        More than 10 000 jobs need ``chunk``, the number stored at a time; then each chunk is all
        or none, and an error leaves the chunks before it stored.  Raises as ``enqueue`` does.
        """
        self._hooks()
        jobs = list(jobs)
        if chunk is None and len(jobs) > limits.ATOMIC_BULK:
            raise InvalidOption(
                f"{len(jobs)} jobs are more than the {limits.ATOMIC_BULK} that are stored "
                "all or none; give chunk, for instance chunk=1000"
            )
        size = limits.ATOMIC_BULK if chunk is None else limits.count("chunk", chunk)
        if min(size, len(jobs)) > 1:
            self._calls.require("enqueue many jobs at once", Capability.ATOMIC_BULK)
        stored: list[Job] = []
        for start in range(0, len(jobs), size):
            part = jobs[start : start + size]
            drafted = [drafts.of_job(self._codec, self._attempts, job) for job in part]
            stored += self._put(drafted, on_conflict, transaction)
        return stored

    def _put(self, drafted: Sequence[Drafted], on_conflict: str, transaction: Any) -> list[Job]:
        hooks = self._hooks()
        drafts.conflict(on_conflict)
        made = [draft for draft, _ in drafted]
        priorities = Capability.PRIORITY in self._calls.capabilities
        if not priorities and any(draft.priority for draft in made):
            self._calls.require("take a priority", Capability.PRIORITY)
        now = self._consumer.now()
        if transaction is None:
            puts = hooks.queue_put(drafts=made, on_conflict=on_conflict, now=now)
        else:
            self._calls.require("enqueue in a transaction", Capability.TRANSACTIONAL)
            puts = hooks.queue_put(
                drafts=made, on_conflict=on_conflict, now=now, transaction=transaction
            )
        stored = [
            self._consumer.stored(put, draft, own)
            for put, (draft, own) in zip(puts, drafted, strict=True)
        ]
        if transaction is None:
            self._observers.enqueued(job for job, put in zip(stored, puts, strict=True) if put.new)
        return stored
