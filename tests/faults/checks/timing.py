"""Nothing starts before its time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tests.faults.checks.leases import SLEW
from tests.faults.checks.violation import Violation
from tests.faults.history import History, Op


def early(history: History) -> Iterator[Violation]:
    """Find claims before the job was due, or before the delay of its last nack had passed."""
    due = {op.id: op.due for op in history.of("put") if op.happened}
    for id, claims in history.claims.items():
        for claim in claims:
            before = (due.get(id, 0) - claim.seen) / 1e6
            if before > 0 and history.life(claim) == 0:
                yield Violation("early", id, f"claimed {before:.6f} s before it was due")
        for earlier, later in pairwise(claims):
            nack = _nack(history, earlier)
            if nack is None or history.life(earlier) != history.life(later):
                continue
            before = (nack.invoked + nack.delay - SLEW - later.ended) / 1e9
            if nack.delay and before > 0:
                yield Violation("early", id, f"claimed {before:.6f} s before its retry")


def _nack(history: History, claim: Op) -> Op | None:
    """Return the nack that is known to have ended a claim."""
    settlements = history.settlements.get(claim.token, [])
    return next((op for op in settlements if op.op == "nack" and op.happened), None)
