"""Putting jobs into a queue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from gofastr_queue import drafts, limits
from gofastr_queue.capabilities import Capability
from gofastr_queue.errors import InvalidOption
from gofastr_queue.job import Job
from gofastr_queue.queue.opened import Opened
from gofastr_queue.records import Draft


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
        draft, own = drafts.of(
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
        return self._put([draft], [own], on_conflict, transaction)[0]

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
        or none, is taken from ``jobs`` when the one before is stored, and an error leaves the
        chunks before it stored.  Raises as ``enqueue`` does.
        """
        self._hooks()
        size = limits.ATOMIC_BULK if chunk is None else limits.count("chunk", chunk)
        given = iter(jobs)
        stored: list[Job] = []
        while True:
            made, payloads = drafts.of_jobs(self._codec, self._attempts, islice(given, size))
            if chunk is None and any(True for _ in given):
                raise InvalidOption(
                    f"there are more than the {limits.ATOMIC_BULK} jobs that are stored all or "
                    "none; give chunk, for instance chunk=1000"
                )
            if not made:
                return stored
            if len(made) > 1:
                self._calls.require("enqueue many jobs at once", Capability.ATOMIC_BULK)
            stored += self._put(made, payloads, on_conflict, transaction)

    def _put(
        self,
        made: Sequence[Draft],
        payloads: Sequence[Any],
        on_conflict: str,
        transaction: Any,
    ) -> list[Job]:
        hooks = self._hooks()
        drafts.conflict(on_conflict)
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
            self._consumer.stored(put, draft, payload)
            for put, draft, payload in zip(puts, made, payloads, strict=True)
        ]
        if transaction is None:
            self._observers.enqueued(stored, puts)
        return stored
