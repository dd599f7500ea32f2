"""Attempts rise by one at each claim, and never beyond the job's limit."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from tests.faults.checks.violation import Violation
from tests.faults.history import History, Op


def attempts(history: History) -> Iterator[Violation]:
    """Find claims whose attempt does not follow from the claims before, or is one too many.

    An attempt may be missing if somebody made a claim and did not live to receive it.
    """
    limits = {op.id: op.max_attempts for op in history.of("put")}
    for id, claims in history.claims.items():
        before: Op | None = None
        for claim in claims:
            if before is not None and history.life(before) != history.life(claim):
                before = None
            expected = _expected(history, before)
            missing = claim.attempt - max(expected)
            unknown = bisect_left(history.unknown_claims, claim.ended)
            if claim.attempt not in expected and not 0 < missing <= unknown:
                told = f"attempt {claim.attempt} where {' or '.join(map(str, expected))} was next"
                yield Violation("attempts", id, told)
            if claim.attempt > limits.get(id, claim.attempt):
                yield Violation("attempts", id, f"attempt {claim.attempt} of {limits[id]}")
            before = claim


def _expected(history: History, before: Op | None) -> tuple[int, ...]:
    if before is None:
        return (1,)
    back = history.given_back(before)
    if back is None:
        return (before.attempt + 1,)
    if back.phase == "info":
        return (before.attempt, before.attempt + 1)
    return (before.attempt,)
