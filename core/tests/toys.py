"""Backends that only have the shape of one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from gofastr_queue import hookimpl

SECOND = timedelta(seconds=1)

ARGUMENTS = {
    "queue_put": "drafts, on_conflict, now",
    "queue_close": "",
    "queue_claim": "want, limit, lease, worker, now",
    "queue_ack": "acks, now",
    "queue_nack": "releases, now",
    "queue_reclaim": "limit, reason, now",
    "queue_extend": "claims, lease, now",
}
"""The required hooks, with the arguments that each must take."""

OPTIONAL = {
    "queue_browse": "query",
    "queue_stats": "",
    "queue_replay": "query, now",
    "queue_purge": "query",
    "queue_wait": "want, timeout",
    "queue_wake": "",
    "queue_turn": "acks, releases, want, limit, lease, worker, now",
    "queue_diagnose": "now",
}


def hook(name: str, arguments: str) -> Any:
    """Return a method that takes the arguments and returns its name."""
    written: dict[str, Any] = {}
    exec(f"def {name}(self, {arguments}): return {name!r}", written)  # noqa: S102 - a shape
    return hookimpl(written[name])


def toy(*without: str, declares: Any = (), **hooks: Any) -> Any:
    """Return a class of backends with the required hooks, changed: only its shape counts here."""
    body: dict[str, Any] = {
        "name": "toy",
        "capabilities": frozenset(declares),
        "default_lease": SECOND,
    }
    for name, arguments in (ARGUMENTS | hooks).items():
        if name not in without:
            body[name] = hook(name, arguments)
    return type("Toy", (), body)
