"""Telling objects that they woke up in a forked child."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forked(Protocol):
    """What a forked child must set right: locks and connections belong to the parent."""

    def after_fork(self) -> None:
        """Let go of the parent's locks and connections without touching them."""
        ...


_known: weakref.WeakSet[Forked] = weakref.WeakSet()


def watch(thing: Forked) -> None:
    """Call ``thing.after_fork()`` in every child forked from now on."""
    _known.add(thing)


def _after_fork() -> None:
    for thing in _known:
        thing.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
