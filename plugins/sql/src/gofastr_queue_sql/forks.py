"""Forking while threads of this process use a database.

SQLite counts its locks for each file inside the process, and a child inherits the count: if some
thread was writing at the fork, the child would find the file locked for ever.  So nobody writes
while the process forks, and no connection is open.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forked(Protocol):
    """What takes part in a fork.

    ``fork_rank`` says who comes first: what is held while something else is waited for.
    """

    fork_rank: int

    def before_fork(self) -> None:
        """Wait until nothing is going on, and let nothing begin."""
        ...

    def after_fork(self) -> None:
        """Go on, in the parent and in the child."""
        ...


_known: weakref.WeakSet[Forked] = weakref.WeakSet()
_waiting: list[Forked] = []


def watch(thing: Forked) -> None:
    """Tell ``thing`` of every fork from now on."""
    _known.add(thing)


def _before() -> None:
    for thing in sorted(_known, key=lambda thing: thing.fork_rank):
        thing.before_fork()
        _waiting.append(thing)


def _after() -> None:
    while _waiting:
        _waiting.pop().after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after)
