"""Which promises a history breaks: every check says only what no delay and no lost reply explains.

Each check is sound for any history whose times are of one machine: a call took effect at some
moment between its ``invoked`` and its ``ended``, and one of which nobody knows, perhaps later or
never.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.faults.checks.accounting import left, lost, unexpected
from tests.faults.checks.attempts import attempts
from tests.faults.checks.conservation import conservation
from tests.faults.checks.leases import overlap
from tests.faults.checks.order import order
from tests.faults.checks.settling import double_ack, refused, stale
from tests.faults.checks.timing import early
from tests.faults.checks.tokens import token
from tests.faults.checks.violation import Violation
from tests.faults.history import History

Check = Callable[[History], Iterable[Violation]]

CHECKS: tuple[Check, ...] = (
    lost,
    unexpected,
    left,
    double_ack,
    stale,
    refused,
    overlap,
    early,
    attempts,
    token,
    order,
    conservation,
)

__all__ = ["CHECKS", "Violation", "check"]


def check(history: History) -> list[Violation]:
    """Return everything in a history that breaks a promise."""
    return [violation for one in CHECKS for violation in one(history)]
