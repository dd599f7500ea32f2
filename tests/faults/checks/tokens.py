"""A token is made for one claim and never again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.faults.checks.violation import Violation
from tests.faults.history import History


def token(history: History) -> Iterator[Violation]:
    """Find tokens that more than one claim was given."""
    claims = history.of("claim")
    times = Counter(op.token for op in claims)
    for op in claims:
        if times[op.token] > 1:
            yield Violation("token", op.id, f"token {op.token} names {times[op.token]} claims")
