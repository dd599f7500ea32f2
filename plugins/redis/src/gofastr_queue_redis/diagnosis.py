"""What a server says of itself that bears on the promises of a queue."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from gofastr_queue.records import Finding, Level
from gofastr_queue_redis import rows
from gofastr_queue_redis.encryption import encryption, way
from gofastr_queue_redis.links import Link, unconnected

FLOOR = {"redis": (6, 2), "valkey": (7, 2)}

NOTED_SECONDS, WARNED_SECONDS = 1.0, 30.0
"""So far apart, two clocks are worth a note, and a warning."""

NEARLY_FULL = 0.9
"""The part of maxmemory from which on there is little room."""

Info = Mapping[str, str]
"""Fields of INFO; empty where this user may not read it."""


def info(link: Link) -> Info:
    """Ask a server what it says of itself."""
    told = _allowed(link, "INFO")
    if isinstance(told, Mapping):
        return {rows.text(name): str(value) for name, value in told.items()}
    lines = rows.text(told or "").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def findings(link: Link, now: datetime | None) -> list[Finding]:
    """Examine a server; ``now`` is the clock that was given to the queue, if one was."""
    gone = way(unconnected(link))
    return [*_server(link, now), *(() if gone is None else (encryption(gone),))]


def _server(link: Link, now: datetime | None) -> list[Finding]:
    said = info(link)
    if not said:
        unread = "this user may not run INFO: durability, eviction and version are not known"
        allow = "allow it: ACL SETUSER … +info"
        return [Finding("durability", Level.NOTE, unread, allow), clock(link, now)]
    return [
        version(said),
        durability(said, _setting(link, "appendfsync")),
        eviction(said),
        *memory(said),
        writing(said),
        clock(link, now),
    ]


def durable(said: Info) -> bool:
    """Tell whether a server writes down what it accepts and drops nothing."""
    return said.get("aof_enabled") == "1" and not _evicts(said)


def supported(said: Info) -> bool:
    """Tell whether a server is no older than the scripts need."""
    kind, numbers = _version(said)
    return not numbers or numbers >= FLOOR[kind]


def version(said: Info) -> Finding:
    """Judge what runs there."""
    kind, numbers = _version(said)
    shown = f"{kind.capitalize()} {'.'.join(map(str, numbers)) or 'of an unknown version'}"
    if not supported(said):
        needed = f"upgrade the server to {'.'.join(map(str, FLOOR[kind]))} or later"
        return Finding("version", Level.BROKEN, f"{shown} is too old", needed)
    return Finding("version", Level.OK, shown)


def durability(said: Info, fsync: str) -> Finding:
    """Judge how what was accepted is kept."""
    if said.get("aof_enabled") != "1":
        lost = "appendonly is off: what was accepted since the last snapshot is lost when it ends"
        return Finding("durability", Level.BROKEN, lost, "set appendonly to yes")
    if fsync == "always":
        return Finding("durability", Level.OK, "appendonly, appendfsync always")
    if not fsync:
        unread = "appendonly; this user may not read appendfsync"
        check = "have it be always, or know that the last seconds may be lost at a power cut"
        return Finding("durability", Level.NOTE, unread, check)
    seconds = "the last two seconds" if fsync == "everysec" else "the last half minute"
    lost = f"appendonly, appendfsync {fsync}: {seconds} may be lost with the machine"
    return Finding("durability", Level.WARNING, lost, "set appendfsync to always to lose nothing")


def eviction(said: Info) -> Finding:
    """Judge what happens when memory is full."""
    policy = said.get("maxmemory_policy", "unknown")
    if _evicts(said):
        dropped = f"maxmemory-policy is {policy}: jobs are dropped when memory is full"
        return Finding("eviction", Level.BROKEN, dropped, "set maxmemory-policy to noeviction")
    return Finding("eviction", Level.OK, f"maxmemory-policy {policy} drops no job")


def memory(said: Info) -> Iterator[Finding]:
    """Judge how much room is left, where there is a limit."""
    used, most = int(said.get("used_memory", 0)), int(said.get("maxmemory", 0))
    if not most:
        return
    part = f"{used / most:.0%} of maxmemory are used"
    if used > NEARLY_FULL * most:
        full = "raise maxmemory, or purge what nobody needs: a full server refuses new jobs"
        yield Finding("memory", Level.WARNING, part, full)
    else:
        yield Finding("memory", Level.OK, part)


def writing(said: Info) -> Finding:
    """Judge whether the server takes jobs at all, and what a failover would lose."""
    if said.get("role") == "slave":
        replica = "this is a replica, which takes no jobs"
        return Finding("writing", Level.BROKEN, replica, "give the master's address")
    copies = int(said.get("connected_slaves", 0))
    if copies:
        behind = f"{copies} replicas follow a little behind: a failover may lose the last jobs"
        return Finding("writing", Level.NOTE, behind, "enqueue anew, by id, what must not be lost")
    return Finding("writing", Level.OK, "this is the master")


def clock(link: Link, now: datetime | None) -> Finding:
    """Compare the server's clock with the caller's."""
    here, asked = now or datetime.now(UTC), time.monotonic()
    seconds, micros = (int(rows.text(part)) for part in link.call("TIME"))
    half = (time.monotonic() - asked) / 2
    there = rows.EPOCH + timedelta(seconds=seconds, microseconds=micros)
    ahead = (here + timedelta(seconds=half) - there).total_seconds()
    whose = "the clock given to the queue" if now is not None else "this host's clock"
    if abs(ahead) <= NOTED_SECONDS + half:
        return Finding("clock", Level.OK, f"{whose} agrees with the server's")
    way = "ahead of" if ahead > 0 else "behind"
    apart = f"{whose} is {abs(ahead):,.1f} s {way} the server's"
    if now is None:
        apart += ", which decides"
    level = Level.WARNING if abs(ahead) > WARNED_SECONDS + half else Level.NOTE
    return Finding("clock", level, apart, "let both hosts follow the same time server")


def _version(said: Info) -> tuple[str, tuple[int, ...]]:
    kind = "valkey" if "valkey_version" in said else "redis"
    numbers = said.get(f"{kind}_version", "").split(".")
    return kind, tuple(int(number) for number in numbers if number.isdigit())


def _evicts(said: Info) -> bool:
    """Tell whether keys without an expiry, as those of a queue, may be dropped."""
    return said.get("maxmemory_policy", "").startswith("allkeys")


def _setting(link: Link, name: str) -> str:
    """Return a setting; empty where this user may not read it."""
    told = _allowed(link, "CONFIG", "GET", name)
    if isinstance(told, Mapping):
        return next((rows.text(value) for value in told.values()), "")
    return rows.text(told[1]) if told else ""


def _allowed(link: Link, *command: str) -> Any:
    """Return an answer; None where this user, or this service, does not allow the command."""
    try:
        return link.call(*command)
    except Exception as error:
        words = ("NOPERM", "no permissions", "unknown command", "NoPermission")
        if any(word in f"{type(error).__name__} {error}" for word in words):
            return None
        raise
