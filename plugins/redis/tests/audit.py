"""The keys of a queue, read whole, and whether they agree with each other.

The scripts keep indexes beside the jobs. ``audit`` rebuilds them from the jobs alone and compares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from attrs import frozen
from redis import Redis

from gofastr_queue_redis import rows
from gofastr_queue_redis.scripts import KINDS, key

HASHES = ("jobs", "state", "errors")
SETS = ("ready", "heads", "later", "leases", "places")
USUAL = "7fffffff"
"""The first half of the rank of priority 0."""

BODY = re.compile(
    r"(?P<line>[^\0]*\0[^\0]+\0)(?P<priority>-?\d+)\0(?P<place>\d+)\0(?P<created>\d{18})"
    r"\0(?P<scheduled>\d{18})\0(?P<limit>\d+)\0[^\0]*\0[^\0]*"
)
STATE = re.compile(
    r"(?P<status>p|f|c(?P<token>[0-9a-f]{32})(?P<lease>\d{18}))(?P<place>[0-9a-f]{12})"
    r"(?P<priority>[0-9a-f]{8})(?P<line>[^\0]*\0[^\0]+\0)(?P<attempts>\d+)"
    r"\0(?P<scheduled>\d{18}|)\0(?P<worker>.*)",
    re.DOTALL,
)
ERROR = re.compile(r"\d+\0\d{18}\0[^\0]*\0")


@frozen
class Entry:
    """A job, from its body and its state."""

    id: str
    status: str
    line: str
    rank: str
    scheduled: str
    lease: str

    @property
    def place(self) -> str:
        return self.rank[8:]

    def ready(self) -> str:
        return f"{self.line}{self.rank}{self.id}"

    def later(self) -> str:
        return f"{self.scheduled}{self.place}{self.line}{self.rank[:8]}{self.id}"

    def by_place(self, letter: str) -> str:
        return f"{letter}{self.line}{self.place}{self.id}"


def names(name: str) -> set[str]:
    """Return the keys that a queue may have."""
    return {key(name, kind) for kind in (*KINDS, "layout")}


READ = """
local told = {}
for place = 1, 3 do
  told[place] = redis.call('HGETALL', KEYS[place])
end
for place = 4, 8 do
  told[place] = redis.call('ZRANGE', KEYS[place], 0, -1, 'WITHSCORES')
end
told[9], told[10] = redis.call('GET', KEYS[9]), redis.call('XLEN', KEYS[10])
return told
"""
"""A script, because a full server refuses a transaction even of reads."""


def read(client: Redis, name: str) -> dict[str, Any]:
    """Read every key of a queue at one moment, as pairs: fields and values, members and scores."""
    kinds = (*HASHES, *SETS, "seq", "bell")
    keys = [key(name, kind) for kind in kinds]
    told: Any = client.eval(READ, len(keys), *keys)
    pairs = [dict(zip(flat[::2], flat[1::2], strict=True)) for flat in told[:8]]
    return dict(zip(kinds, [*pairs, *told[8:]], strict=True))


def audit(client: Redis, name: str, now: datetime | None = None) -> list[str]:
    """Return what is wrong with the keys of a queue.

    ``client`` decodes.  With ``now``, which never went back, nothing is ready before it is due.
    """
    found = read(client, name)
    wrong = [
        f"{kind}: a score that is not 0: {each}"
        for kind in SETS
        for each in found[kind].items()
        if each[1] != "0"
    ]
    sets = {kind: set(found[kind]) for kind in SETS}
    entries: list[Entry] = []
    for id, body in found["jobs"].items():
        entry = _entry(id, body, found["state"].get(id))
        if isinstance(entry, str):
            wrong.append(entry)
        else:
            entries.append(entry)
    wrong += _orphans(found)
    wrong += _unequal(sets, _expected(entries, sets))
    places = [int(entry.place, 16) for entry in entries]
    if len(set(places)) < len(places):
        wrong.append("two jobs share a place")
    if max(places, default=0) > int(found["seq"] or 0):
        wrong.append(f"seq {found['seq']} is behind the place {max(places)}")
    if found["bell"] > 1:
        wrong.append(f"the bell has {found['bell']} entries")
    if now is not None:
        early = [each.id for each in entries if _is_early(each, sets["ready"], rows.told(now))]
        wrong += [f"{id!r} is ready before it is due" for id in early]
    return wrong


def _entry(id: str, body: str, state: str | None) -> Entry | str:
    told = BODY.fullmatch(body)
    if told is None:
        return f"{id!r} has the body {body!r}"
    priority, place = f"{2**31 - 1 - int(told['priority']):08x}", f"{int(told['place']):012x}"
    if state is None:
        return Entry(id, "p", told["line"], priority + place, told["scheduled"], "")
    now = STATE.fullmatch(state)
    if now is None:
        return f"{id!r} has the state {state!r}"
    if bool(now["lease"]) != bool(now["worker"]):
        return f"{id!r} is claimed by half: {state!r}"
    if (now["line"], now["priority"]) != (told["line"], priority) or now["place"] < place:
        return f"{id!r} has a state that its body denies: {state!r}, {body!r}"
    rank, scheduled = priority + now["place"], now["scheduled"] or told["scheduled"]
    return Entry(id, now["status"][0], told["line"], rank, scheduled, now["lease"] or "")


def _orphans(found: dict[str, Any]) -> Iterator[str]:
    for kind in ("state", "errors"):
        for id in found[kind].keys() - found["jobs"].keys():
            yield f"{kind}: {id!r} is no job"
    for id, errors in found["errors"].items():
        if not 1 <= len(ERROR.findall(errors)) <= 20 or ERROR.sub("", errors):
            yield f"errors: {id!r} has {errors!r}"


def _expected(entries: list[Entry], sets: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return what the sets hold if they agree with the jobs; a pending one stands where it does."""
    wanted: dict[str, set[str]] = {kind: set() for kind in SETS}
    best: dict[str, str] = {}
    for entry in entries:
        letter = entry.status
        if letter == "c":
            wanted["leases"].add(f"{entry.lease}{entry.place}{entry.id}")
        elif letter == "p" and entry.later() in sets["later"]:
            wanted["later"].add(entry.later())
            letter = "l"
        elif letter == "p":
            wanted["ready"].add(entry.ready())
            best[entry.line] = min(best.get(entry.line, "g"), entry.rank)
            letter = "r" if entry.rank[:8] != USUAL else ""
        if letter:
            wanted["places"].add(entry.by_place(letter))
    wanted["heads"] = {f"{rank}{line}" for line, rank in best.items()}
    return wanted


def _unequal(sets: dict[str, set[str]], wanted: dict[str, set[str]]) -> Iterator[str]:
    for kind in SETS:
        for member in sorted(sets[kind] - wanted[kind]):
            yield f"{kind}: {member!r} should not be there"
        for member in sorted(wanted[kind] - sets[kind]):
            yield f"{kind}: {member!r} is missing"


def _is_early(entry: Entry, ready: set[str], now: str) -> bool:
    return entry.status == "p" and entry.ready() in ready and entry.scheduled > now
