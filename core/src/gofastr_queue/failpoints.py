"""Named places where a test can end, stop, delay or fail a process.

``GOFASTR_FAILPOINTS=ack.after_commit:2:exit`` ends the process at its second ack, when the store
has committed it and nobody has been told.  Several are separated by commas.  The variable is read
once, when this module is imported; nothing else can switch a failpoint on.  Without it ``around``
returns what it is given, and ``point`` a function that does nothing.
"""

from __future__ import annotations

import functools
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from attrs import define

from gofastr_queue.errors import BackendUnavailable, InvalidOption

log = logging.getLogger("gofastr_queue")

VARIABLE = "GOFASTR_FAILPOINTS"

WISHED = os.environ.get(VARIABLE, "")

ACTIONS = ("exit", "raise", "sleep", "stop")
"""End the process as a crash does, raise ``BackendUnavailable``, sleep, or stop by SIGSTOP."""

EXIT_CODE = 137
"""That of a process which a shell saw killed."""

SLEEP_SECONDS = 1.0

OPERATIONS = {
    "queue_put": "enqueue",
    "queue_claim": "claim",
    "queue_ack": "ack",
    "queue_nack": "nack",
    "queue_turn": "turn",
    "queue_extend": "extend",
    "queue_reclaim": "reclaim",
    "queue_replay": "replay",
    "queue_purge": "purge",
    "schedule_put": "register",
    "schedule_fire": "fire",
    "schedule_remove": "unregister",
}
"""Hooks that change a store.  Each has ``before_send`` and ``after_commit``."""

INNER = (
    "bulk.between_steps",  # places are taken, nothing is stored
    "claim.between_steps",  # the first claims are committed, more are to be looked for
    "commit.before",  # everything is written, nothing committed
    "fire.after_chunk",
    "migrate.between_statements",
    "purge.after_chunk",
    "reclaim.after_chunk",
    "reclaim.after_scan",  # leases that ran out were seen, nothing is written
    "replay.after_chunk",
    "handler.before",
    "handler.after",  # it has returned, its job is not settled
    "shutdown.after_stop_claiming",
    "shutdown.before_release",
    "worker.after_claim",  # no handler has begun
)

NAMES = frozenset(INNER) | {
    f"{verb}.{place}" for verb in OPERATIONS.values() for place in ("before_send", "after_commit")
}
"""They are for tests, and stay."""

Function = TypeVar("Function", bound=Callable[..., Any])


@define
class Failpoint:
    """What is to happen at the ``left``-th time from now."""

    left: int
    action: str


@functools.cache
def asked_for() -> dict[str, Failpoint]:
    """Return what the variable asks for, by name; raises ``InvalidOption``."""
    return _read(WISHED)


@functools.cache
def announce() -> None:
    """Warn, once, if any failpoint is on; raises ``InvalidOption`` for one that cannot be."""
    if asked_for():
        log.warning(
            "FAILPOINTS ARE ON: this process will fail on purpose at %s; unless this is a test, "
            "unset %s",
            ", ".join(sorted(asked_for())),
            VARIABLE,
        )


def point(name: str) -> Callable[[], None]:
    """Return what to call at a place; its module keeps it, so that nothing is looked up there."""
    if name not in NAMES:
        raise LookupError(name)
    return functools.partial(_reach, name) if WISHED else nothing


def nothing() -> None:
    """Do nothing."""


def around_hook(name: str, function: Function) -> Function:
    """Return a hook with its failpoints, the same where none of them is on."""
    verb = OPERATIONS.get(name)
    if verb is None:
        return function
    return around(f"{verb}.before_send", function, f"{verb}.after_commit")


def around(before: str, function: Function, after: str, *, is_async: bool = False) -> Function:
    """Return a function with a failpoint on each side, the same where neither is on.

    ``is_async`` says that what it returns is to be awaited.
    """
    if not WISHED or asked_for().keys().isdisjoint((before, after)):
        return function

    def call(*arguments: Any, **named: Any) -> Any:
        _reach(before)
        result = function(*arguments, **named)
        _reach(after)
        return result

    async def call_async(*arguments: Any, **named: Any) -> Any:
        _reach(before)
        result = await function(*arguments, **named)
        _reach(after)
        return result

    return cast(Function, call_async if is_async else call)


_lock = threading.Lock()


def _reach(name: str) -> None:
    """Count one more time at a place, and do what is asked for at this time."""
    failpoint = asked_for().get(name)
    if failpoint is None:
        return
    with _lock:
        failpoint.left -= 1
        due = failpoint.left == 0
    if due:
        log.warning("failpoint %s: %s", name, failpoint.action)
        _act(name, failpoint.action)


def _act(name: str, action: str) -> None:
    if action == "exit":
        os._exit(EXIT_CODE)
    elif action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif action == "sleep":
        time.sleep(SLEEP_SECONDS)
    else:
        raise BackendUnavailable(f"failpoint {name}, as {VARIABLE} asks for")


def _read(text: str) -> dict[str, Failpoint]:
    found: dict[str, Failpoint] = {}
    for wish in filter(None, text.split(",")):
        name, _, rest = wish.strip().partition(":")
        nth, _, action = rest.partition(":")
        if name not in NAMES:
            raise InvalidOption(
                f"{VARIABLE}: there is no failpoint {name!r}; known: {', '.join(sorted(NAMES))}"
            )
        if not (nth.isascii() and nth.isdigit() and int(nth)):
            raise InvalidOption(f"{VARIABLE}: {wish!r} must be name:nth:action, nth from 1 on")
        if action not in ACTIONS:
            raise InvalidOption(
                f"{VARIABLE}: {name} cannot {action!r}; known actions: {', '.join(ACTIONS)}"
            )
        if name in found:
            raise InvalidOption(f"{VARIABLE}: {name} is there twice; one time for each")
        found[name] = Failpoint(int(nth), action)
    return found
