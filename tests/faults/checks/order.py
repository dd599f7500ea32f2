"""Better jobs first: by priority, then in the order of enqueueing."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate

from attrs import frozen
from tests.faults.checks.violation import Violation
from tests.faults.history import History, Op

HELD = 1_000_000_000
"""ns for which a claim whose caller died may hold what it looked at, so that others pass it by."""


@frozen
class Line:
    """Jobs of one priority in the order of enqueueing, and when the first claim of each began.

    ``latest`` is the latest of those among the jobs up to each place. Only jobs are here that were
    ready as soon as they were stored, and are known to have been claimed once, for the first time.
    """

    ready: Sequence[int]
    latest: Sequence[int]

    @classmethod
    def of(cls, jobs: list[tuple[Op, Op]]) -> Line:
        """Line up pairs of a put and the first claim."""
        jobs = sorted(jobs, key=lambda pair: pair[0].ended)
        return cls(
            [put.ended for put, _ in jobs], list(accumulate((one.invoked for _, one in jobs), max))
        )

    def passed_by(self, before: int, after: int) -> bool:
        """Tell whether a job that was ready ``before`` was first asked for only ``after``."""
        place = bisect_left(self.ready, before)
        return place > 0 and self.latest[place - 1] > after


def order(history: History) -> Iterator[Violation]:
    """Find claims of a job while a better one was ready for the whole call, and nobody's.

    It is claimed by a call that only began when this one was over. All claims want all jobs.
    """
    puts = {op.id: op for op in history.of("put") if op.happened}
    priorities: dict[int, list[tuple[Op, Op]]] = defaultdict(list)
    for id, claims in history.claims.items():
        put = puts.get(id)
        if put is not None and claims[0].attempt == 1 and put.delay == 0 and put.due <= put.seen:
            priorities[put.priority].append((put, claims[0]))
    lines = {priority: Line.of(jobs) for priority, jobs in priorities.items()}
    for jobs in priorities.values():
        yield from _within_calls(history, jobs)
    for claim in history.of("claim"):
        put = puts.get(claim.id)
        if put is None or _disturbed(history, claim):
            continue
        better = any(
            line.passed_by(claim.invoked, claim.ended)
            for priority, line in lines.items()
            if priority > put.priority
        )
        same = lines.get(put.priority)
        if better or (same and same.passed_by(put.invoked, claim.ended)):
            yield Violation("order", claim.id, "claimed while a better job was ready")


def _within_calls(history: History, jobs: list[tuple[Op, Op]]) -> Iterator[Violation]:
    """Find jobs of one call that were claimed one after the other, but not as they were given."""
    calls: dict[tuple[str, int], list[tuple[Op, Op]]] = defaultdict(list)
    for put, claim in jobs:
        calls[put.process, put.call].append((put, claim))
    for together in calls.values():
        latest = 0
        for put, claim in sorted(together, key=lambda pair: pair[0].place):
            if latest > claim.ended and not _disturbed(history, claim):
                yield Violation("order", put.id, "claimed before one that was enqueued before it")
            latest = max(latest, claim.invoked)


def _disturbed(history: History, claim: Op) -> bool:
    """Tell whether somebody who died may have held better jobs during a claim."""
    place = bisect_left(history.unknown_claims, claim.invoked - HELD)
    return place < len(history.unknown_claims) and history.unknown_claims[place] < claim.ended
