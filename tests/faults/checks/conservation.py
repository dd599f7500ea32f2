"""Whatever happens meanwhile, a count of all jobs is what was enqueued less what went."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from tests.faults.checks.violation import Violation
from tests.faults.history import History


def conservation(history: History) -> Iterator[Violation]:
    """Find counts that are more than can have been there, or fewer than must."""
    puts, gone = history.of("put"), history.of("ack", "purge")
    maybe_in = sorted(op.invoked for op in puts if op.may_have_happened)
    surely_in = sorted(op.ended for op in puts if op.happened)
    maybe_out = sorted(op.invoked for op in gone if op.may_have_happened)
    surely_out = sorted(op.ended for op in gone if op.happened)
    for look in history.of("stats"):
        if look.phase != "ok":
            continue
        most = bisect_left(maybe_in, look.ended) - bisect_left(surely_out, look.invoked)
        least = bisect_left(surely_in, look.invoked) - bisect_left(maybe_out, look.ended)
        if not least <= look.value <= most:
            told = f"{look.value} jobs counted, where {least} to {most} can have been"
            yield Violation("conservation", "", told)
