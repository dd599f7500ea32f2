"""What a backend can do beyond the required: one vocabulary for errors, docs and reports."""

from __future__ import annotations

from enum import StrEnum

from gofastr_queue.hookspecs import Browsing, Diagnosing, Replaying, Scheduling, Turning, Waking


class Capability(StrEnum):
    """A promise that not every backend makes.

    Those in ``HOOKS_OF`` are present exactly when a backend has all their hooks.  The others are
    declared by the backend and proven by the conformance kit.
    """

    BROWSE = "browse"
    """Stored jobs can be listed and counted, in every status."""
    REPLAY = "replay"
    """Failed jobs can be made pending again; jobs can be purged and cancelled."""
    WAKE = "wake"
    """Idle workers are woken by an enqueue instead of finding it at the next poll."""
    TURN = "turn"
    """Settling and claiming take one round trip."""
    DIAGNOSE = "diagnose"
    """The store can say what stands against the promises where it runs."""
    SCHEDULE = "schedule"
    """The store keeps schedules: one fire per tick, however many processes look after them."""
    DURABLE = "durable"
    """Accepted jobs survive the end of every process that uses the store."""
    MULTI_PROCESS = "multi-process"
    """Processes that open the same URL share one queue."""
    TRANSACTIONAL = "transactional"
    """A caller's open transaction can carry an enqueue."""
    SERVER_CLOCK = "server clock"
    """The store's own clock decides, so workers' clocks may be wrong."""
    PRIORITY = "priority"
    """Higher priorities are claimed first."""
    ATOMIC_BULK = "atomic bulk"
    """Many jobs are enqueued all or none."""


def _hooks(topic: type) -> tuple[str, ...]:
    return tuple(name for name in vars(topic) if not name.startswith("_"))


HOOKS_OF: dict[Capability, tuple[str, ...]] = {
    Capability.BROWSE: _hooks(Browsing),
    Capability.REPLAY: _hooks(Replaying),
    Capability.WAKE: _hooks(Waking),
    Capability.TURN: _hooks(Turning),
    Capability.DIAGNOSE: _hooks(Diagnosing),
    Capability.SCHEDULE: _hooks(Scheduling),
}

ARGUMENTS_OF: dict[Capability, tuple[str, str]] = {
    Capability.TRANSACTIONAL: ("queue_put", "transaction"),
}
"""Capability -> the optional argument of a hook that it needs."""
