"""A token fences its claim: only the latest one settles, and exactly once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tests.faults.checks.leases import SLEW, leased_until
from tests.faults.checks.violation import Violation
from tests.faults.history import History, Op


def double_ack(history: History) -> Iterator[Violation]:
    """Find jobs whose acks took effect more than once between enqueueing and replay."""
    lives: dict[str, int] = {
        id: 1 + sum(op.value is True for op in replays) for id, replays in history.replays.items()
    }
    acked: dict[str, int] = defaultdict(int)
    for op in history.of("ack"):
        acked[op.id] += op.phase == "ok" and op.value is True
    for id, times in acked.items():
        if times > lives.get(id, 1):
            yield Violation("double ack", id, f"acks took effect {times} times")


def stale(history: History) -> Iterator[Violation]:
    """Find settlements and renewals that took effect though their claim was over.

    It was over when another claim of the job had been received, or the claim had been settled,
    before the call began. Found too: a job that is gone though each of its acks was refused.
    """
    for op in history.of("ack", "nack", "extend"):
        if op.phase == "ok" and op.value is True:
            after = _took_over(history, op) or _settled_before(history, op)
            if after is not None:
                yield Violation("stale", op.id, f"{op.op} took effect after {after.op}")
    yield from _gone(history)


def refused(history: History) -> Iterator[Violation]:
    """Find settlements that had no effect though their claim must have been current."""
    for claims in history.claims.values():
        for claim in claims:
            for op in history.settlements.get(claim.token, []):
                if op.phase != "ok" or op.value is not False:
                    continue
                in_time = op.ended < leased_until(history, claim, op.invoked) - SLEW
                if in_time and not _explained(history, op):
                    yield Violation("refused", op.id, f"{op.op} of a current claim had no effect")


def _took_over(history: History, op: Op) -> Op | None:
    """Return a claim that was made after the one of ``op`` and before ``op`` was invoked."""
    claims = history.claims.get(op.id, [])
    own = next((claim for claim in claims if claim.token == op.token), None)
    if own is None:
        return None
    later = claims[claims.index(own) + 1 :]
    return next((claim for claim in later if claim.ended < op.invoked), None)


def _settled_before(history: History, op: Op) -> Op | None:
    return next(
        (
            one
            for one in history.settlements.get(op.token, [])
            if one is not op and one.happened and one.ended < op.invoked
        ),
        None,
    )


def _explained(history: History, op: Op) -> bool:
    """Tell whether another settlement of the claim may have come first."""
    return any(
        one is not op and one.may_have_happened and one.invoked < op.ended
        for one in history.settlements.get(op.token, [])
    )


def _gone(history: History) -> Iterator[Violation]:
    acks: dict[str, list[Op]] = defaultdict(list)
    for op in history.of("ack"):
        acks[op.id].append(op)
    for id, ops in acks.items():
        if id not in history.left and not any(op.may_have_happened for op in ops):
            yield Violation("stale", id, "is gone, though each of its acks was refused")
