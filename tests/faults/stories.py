"""Histories made by hand: each step is a call of a millisecond, at a second that is given."""

from __future__ import annotations

import itertools
from typing import Any

from tests.faults.effects import Effect
from tests.faults.history import FOREVER, History, Op

SECOND = 1_000_000_000
CALL = SECOND // 1_000

LEASE = 10.0
"""Seconds of every lease."""

_calls = itertools.count(1)


def step(op: str, at: float, **facts: Any) -> Op:
    """A call that came back."""
    moment = round(at * SECOND)
    ended = moment + CALL
    asked = {"call": next(_calls), "process": "one", "seen": ended // 1_000, **facts}
    return Op(op=op, invoked=moment, ended=ended, **asked)


def lost_reply(op: str, at: float, **facts: Any) -> Op:
    """A call of which nobody knows what came of it."""
    asked = {"call": next(_calls), "process": "one", **facts}
    return Op(op=op, phase="info", invoked=round(at * SECOND), ended=FOREVER, **asked)


def lost_settlement(op: str, id: str, token: str, at: float, outcome: str = "") -> Op:
    """A claim is settled, and nobody knows whether."""
    return lost_reply(op, at, id=id, token=token, outcome=outcome)


def put(id: str, at: float, **facts: Any) -> Op:
    """A job is enqueued and ready at once, unless ``due`` or ``delay`` say otherwise."""
    due = round(at * 1_000_000)
    return step("put", at, **{"id": id, "value": True, "due": due, **facts})


def claim(id: str, token: str, at: float, attempt: int = 1, **facts: Any) -> Op:
    """A job is claimed."""
    asked = {"id": id, "token": token, "attempt": attempt, "lease": round(LEASE * SECOND)}
    return step("claim", at, **(asked | facts))


def ack(id: str, token: str, at: float, *, value: bool = True) -> Op:
    """A claim is acked, in vain if ``value`` is false."""
    return step("ack", at, id=id, token=token, value=value)


def nack(
    id: str, token: str, at: float, outcome: str = "retry", delay: float = 0, *, value: bool = True
) -> Op:
    """A claim is nacked."""
    nanos = round(delay * SECOND)
    return step("nack", at, id=id, token=token, value=value, outcome=outcome, delay=nanos)


def extend(id: str, token: str, at: float, *, value: bool = True) -> Op:
    """A claim is renewed."""
    return step("extend", at, id=id, token=token, value=value, lease=round(LEASE * SECOND))


def ran(id: str, token: str, at: float, *, done: bool = True) -> Effect:
    """A handler ran for a millisecond, to its end or not."""
    moment = round(at * SECOND)
    return Effect(id, token, 1, moment, moment + CALL if done else None)


def story(*steps: Op | Effect, **left: str) -> History:
    """Put steps together; ``left`` names the status of each job that is still in the store."""
    ops = tuple(one for one in steps if isinstance(one, Op))
    effects = tuple(one for one in steps if isinstance(one, Effect))
    return History(ops, effects, left)
