"""Emptying a store through its hooks, whatever is in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import cast

from gofastr_queue.backends import Backend
from gofastr_queue.calls import Calls
from gofastr_queue.capabilities import Capability
from gofastr_queue.errors import QueueError
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.limits import LATEST
from gofastr_queue.records import EVERYTHING, Ack, JobQuery, Outcome, Release

LEASE = timedelta(seconds=1)
AT_ONCE = 500
FAR = LATEST - timedelta(days=365)
"""Later than every lease and every scheduled moment that a case makes."""


class Broom:
    """Empties one store again and again, and stays open: opening takes longer than many a case."""

    def __init__(self, open: Callable[[], Backend], capabilities: frozenset[Capability]) -> None:
        self._open = open
        self._capabilities = capabilities
        self._backend: Backend | None = None

    def sweep(self) -> None:
        """Empty the store."""
        if self._backend is not None:
            try:
                empty(cast(Hooks, self._backend), self._capabilities)
            except QueueError:  # the store has dropped what was idle for long, which is its right
                self.put_away()
            else:
                return
        self._backend = self._open()
        empty(cast(Hooks, self._backend), self._capabilities)

    def put_away(self) -> None:
        """Close what is open, so that no store lives by it."""
        backend, self._backend = self._backend, None
        if backend is not None:
            backend.queue_close()


def empty(hooks: Hooks, capabilities: frozenset[Capability]) -> None:
    """Remove every schedule and job; failed ones stay where nothing can be purged.

    ``hooks`` may be a backend itself, since nothing here is optional to take.
    """
    if Capability.SCHEDULE in capabilities and (ids := _schedules(hooks)):
        hooks.schedule_remove(ids=ids)
    while hooks.queue_reclaim(limit=AT_ONCE, reason="emptied by the kit", now=FAR):
        pass
    if Capability.REPLAY in capabilities:
        hooks.queue_purge(query=JobQuery())
        return
    while claims := hooks.queue_claim(
        want=EVERYTHING, limit=AT_ONCE, lease=LEASE, worker="certify", now=FAR
    ).claims:
        hooks.queue_ack(acks=[Ack(claim) for claim in claims], now=FAR)


def is_empty(calls: Calls) -> bool:
    """Tell whether a store holds nothing, as far as it can be seen without taking anything."""
    if Capability.SCHEDULE in calls.capabilities and _schedules(calls.hooks):
        return False
    if Capability.BROWSE in calls.capabilities:
        return not calls.hooks.queue_stats()
    batch = calls.hooks.queue_claim(
        want=EVERYTHING, limit=1, lease=LEASE, worker="certify", now=None
    )
    releases = [Release(claim, Outcome.GIVE_BACK) for claim in batch.claims]
    calls.hooks.queue_nack(releases=releases, now=None)
    return not releases


def _schedules(hooks: Hooks) -> list[str]:
    return [one.id for one in hooks.schedule_list(ids=None, occurrences=0)]
