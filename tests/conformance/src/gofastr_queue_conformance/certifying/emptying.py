"""Emptying a store through its hooks, whatever is in it."""

from __future__ import annotations

from datetime import timedelta

from gofastr_queue.calls import Calls
from gofastr_queue.capabilities import Capability
from gofastr_queue.limits import LATEST
from gofastr_queue.records import EVERYTHING, Ack, JobQuery, Outcome, Release

LEASE = timedelta(seconds=1)
AT_ONCE = 500
FAR = LATEST - timedelta(days=365)
"""Later than every lease and every scheduled moment that a case makes."""


def empty(calls: Calls) -> None:
    """Remove every schedule and job; failed ones stay where nothing can be purged."""
    hooks = calls.hooks
    if Capability.SCHEDULE in calls.capabilities:
        hooks.schedule_remove(ids=_schedules(calls))
    while hooks.queue_reclaim(limit=AT_ONCE, reason="emptied by the kit", now=FAR):
        pass
    if Capability.REPLAY in calls.capabilities:
        hooks.queue_purge(query=JobQuery())
        return
    while claims := hooks.queue_claim(
        want=EVERYTHING, limit=AT_ONCE, lease=LEASE, worker="certify", now=FAR
    ).claims:
        hooks.queue_ack(acks=[Ack(claim) for claim in claims], now=FAR)


def is_empty(calls: Calls) -> bool:
    """Tell whether a store holds nothing, as far as it can be seen without taking anything."""
    if Capability.SCHEDULE in calls.capabilities and _schedules(calls):
        return False
    if Capability.BROWSE in calls.capabilities:
        return not calls.hooks.queue_stats()
    batch = calls.hooks.queue_claim(
        want=EVERYTHING, limit=1, lease=LEASE, worker="certify", now=None
    )
    releases = [Release(claim, Outcome.GIVE_BACK) for claim in batch.claims]
    calls.hooks.queue_nack(releases=releases, now=None)
    return not releases


def _schedules(calls: Calls) -> list[str]:
    return [one.id for one in calls.hooks.schedule_list(ids=None, occurrences=0)]
