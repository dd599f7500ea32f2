"""The Lua scripts, one for each transition, and how they are called.

A script's first line may name the files that it is put together from: ``-- uses: keys clock``.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from attrs import frozen

from gofastr_queue_redis.links import Link

OF_JOBS = (
    "jobs",
    "state",
    "errors",
    "ready",
    "heads",
    "later",
    "leases",
    "places",
    "seq",
    "bell",
)
OF_SCHEDULES = ("schedules", "due", "ticks")
"""Looked at by the scripts of schedules alone, so that jobs pass whatever stands there."""

KINDS = (*OF_JOBS, *OF_SCHEDULES)
"""What the keys of a queue end with, in the order in which ``keys.lua`` takes them."""

USES = "-- uses: "


def key(name: str, kind: str) -> str:
    """Return a key of a queue; the braces keep all of them in one slot of a cluster."""
    return f"{{{name}}}:{kind}"


@frozen
class Script:
    """A whole script, and its name in the server's cache."""

    text: str
    sha: str


@cache
def script(name: str) -> Script:
    """Load a script with all that it uses, each file once."""
    text = "\n".join(_source(part) for part in _parts(name))
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def _source(name: str) -> str:
    return (files(__package__) / "lua" / f"{name}.lua").read_text("utf-8")


def _parts(name: str) -> list[str]:
    first = _source(name).partition("\n")[0]
    used = first.removeprefix(USES).split() if first.startswith(USES) else []
    parts = dict.fromkeys(part for use in used for part in _parts(use))
    return [*parts, name]


class Scripts:
    """Calls scripts on the keys of one queue."""

    def __init__(self, link: Link, name: str) -> None:
        self._link = link
        self._keys = tuple(key(name, kind) for kind in KINDS)
        self._head = (len(self._keys), *self._keys)
        self.bell = key(name, "bell")

    def run(self, name: str, *arguments: object) -> Any:
        """Call a script; one that the server has forgotten is sent whole."""
        called = script(name)
        try:
            return self._link.call("EVALSHA", called.sha, *self._head, *arguments)
        except Exception as error:
            if not _is_unknown(error):
                raise
        return self._link.call("EVAL", called.text, *self._head, *arguments)


def _is_unknown(error: Exception) -> bool:
    """Tell whether the server does not know the script, so that nothing was done."""
    return type(error).__name__ == "NoScriptError" or str(error).startswith("NOSCRIPT")
