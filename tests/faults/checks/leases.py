"""A job has at most one live lease."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tests.faults.checks.violation import Violation
from tests.faults.history import FOREVER, History, Op

SLEW = 5_000_000
"""ns by which the time of day, which ends leases, may outrun the monotonic clock meanwhile."""


def overlap(history: History) -> Iterator[Violation]:
    """Find jobs that were claimed while an earlier claim was neither settled nor over."""
    for id, claims in history.claims.items():
        for earlier, later in pairwise(claims):
            if _settled(history, earlier, later):
                continue
            until = leased_until(history, earlier, later.ended)
            if later.ended < until - SLEW:
                early = (until - later.ended) / 1e9
                yield Violation(
                    "overlap", id, f"claimed again {early:.3f} s before its lease ended"
                )


def leased_until(history: History, claim: Op, before: int = FOREVER) -> int:
    """Return before when nobody may have taken over a claim that was not settled.

    A lease begins after its call was invoked. Only renewals count that took effect ``before``.
    """
    renewals = history.extensions.get(claim.token, [])
    counting = [op for op in renewals if op.happened and op.ended <= before]
    return max(op.invoked + op.lease for op in (claim, *counting))


def _settled(history: History, claim: Op, later: Op) -> bool:
    """Tell whether a claim may have been settled before ``later``."""
    return any(
        op.may_have_happened and op.invoked < later.ended
        for op in history.settlements.get(claim.token, [])
    )
