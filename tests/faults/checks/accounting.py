"""Every accepted job ends somewhere, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.checks.violation import Violation
from tests.faults.history import History


def lost(history: History) -> Iterator[Violation]:
    """Find accepted jobs that were never done and acked, though they are not in the store.

    A job counts as acked if nobody knows whether its ack took effect. One that is gone although its
    only acks were refused is ``stale``'s.
    """
    performed = {effect.token for effect in history.effects if effect.done is not None}
    settled = {op.id for op in history.of("ack") if op.may_have_happened and op.token in performed}
    refused = {op.id for op in history.of("ack") if op.phase == "ok" and op.value is False}
    removed = {op.id for op in history.of("purge") if op.may_have_happened}
    known = settled | refused | removed | set(history.left)
    for op in history.of("put"):
        if op.happened and op.id not in known:
            yield Violation("lost", op.id, "accepted, but neither done and acked nor in the store")


def unexpected(history: History) -> Iterator[Violation]:
    """Find jobs that nobody enqueued, and runs of handlers on claims that nobody received."""
    asked = {op.id for op in history.of("put") if op.phase != "fail"}
    seen = {op.id for op in history.of("claim")} | set(history.left)
    for id in sorted(seen - asked):
        yield Violation("unexpected", id, "was never enqueued")
    received = {(op.id, op.token) for op in history.of("claim")}
    for effect in history.effects:
        if (effect.id, effect.token) not in received:
            yield Violation("unexpected", effect.id, "ran without a claim")


def left(history: History) -> Iterator[Violation]:
    """Find jobs that are pending or claimed after everything was drained."""
    for id, status in history.left.items():
        if status != "failed":
            yield Violation("left", id, f"is still {status}")
