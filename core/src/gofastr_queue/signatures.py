"""What the specifications of the hooks say, read once: their names, arguments and defaults."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

from gofastr_queue import hookspecs
from gofastr_queue.hookspecs import Encoding, Hooks, Observing

TOPICS = (Hooks, Encoding, Observing)


@cache
def operations() -> tuple[str, ...]:
    """Return the hooks that only a backend implements."""
    return tuple(name for name in names(Hooks) if name.startswith(("queue_", "schedule_")))


@cache
def names(topic: type) -> tuple[str, ...]:
    """Return the hooks of a topic, in the order of their specifications."""
    return tuple(
        name
        for base in reversed(topic.__mro__)
        if base.__module__ == hookspecs.__name__
        for name in vars(base)
        if not name.startswith("_")
    )


@cache
def everything() -> tuple[str, ...]:
    """Return every hook."""
    return tuple(name for topic in TOPICS for name in names(topic))


@cache
def specifications() -> type:
    """Return every hook's specification in one flat class, which pluggy reads in half the time."""
    found = {name: getattr(topic, name) for topic in TOPICS for name in names(topic)}
    return type("Specifications", (), found)


@cache
def parameters(name: str) -> Mapping[str, inspect.Parameter]:
    """Return a hook's parameters, as its specification has them."""
    found = dict(inspect.signature(getattr(specifications(), name)).parameters)
    found.pop("self")
    return found


def defaults(name: str) -> dict[str, Any]:
    """Return what a hook's arguments are where a caller gives none."""
    return {
        key: parameter.default
        for key, parameter in parameters(name).items()
        if parameter.default is not parameter.empty
    }


def required(name: str) -> set[str]:
    """Return the arguments that every implementation must take."""
    return {
        key for key, parameter in parameters(name).items() if parameter.default is parameter.empty
    }
