"""Where entries wait: ready lines, the not yet due, and the leased.

Ready entries stand in one heap for each (lane, type), so that a claim never walks past jobs it
cannot take; those that are not due stand apart.  Whenever an entry begins to wait it draws a new
ticket, and an item of a heap counts only while its entry still holds the item's ticket: leaving
costs nothing, and untrue items are dropped when they come up or outnumber the true ones.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime

from gofastr_queue.records import Want
from gofastr_queue_memory.entries import Entry

SLACK = 64
"""A heap is swept when its untrue items outnumber the true ones by more than this."""


class Line:
    """The ready entries of one lane and type, best first."""

    def __init__(self) -> None:
        self.items: list[tuple[int, int, int, Entry]] = []
        self.count = 0

    def head(self) -> tuple[int, int, Entry] | None:
        """Return (-priority, place, entry) of the best entry without taking it."""
        while self.items:
            rank, place, ticket, entry = self.items[0]
            if entry.ticket == ticket:
                return rank, place, entry
            heapq.heappop(self.items)
        return None

    def add(self, entry: Entry, ticket: int) -> None:
        """Let an entry wait."""
        heapq.heappush(self.items, (-entry.priority, entry.place, ticket, entry))
        self.count += 1

    def left(self) -> None:
        """One entry stopped waiting."""
        self.count -= 1
        if len(self.items) > 2 * self.count + SLACK:
            self.items = [item for item in self.items if item[3].ticket == item[2]]
            heapq.heapify(self.items)


class Ready:
    """Every line, by lane and type."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, str], Line] = {}

    def add(self, entry: Entry, ticket: int) -> None:
        """Let an entry wait."""
        entry.ticket = ticket
        pair = (entry.lane, entry.type)
        line = self.lines.get(pair)
        if line is None:
            line = self.lines[pair] = Line()
        line.add(entry, ticket)

    def remove(self, entry: Entry) -> None:
        """Stop an entry waiting."""
        entry.ticket = 0
        pair = (entry.lane, entry.type)
        line = self.lines[pair]
        line.left()
        if not line.count:
            del self.lines[pair]

    def best(self, want: Want) -> Iterator[Entry]:
        """Yield wanted entries in order; each must be removed before the next is asked for."""
        heads = [
            (head[0], head[1], line)
            for pair, line in self.lines.items()
            if want.admits(*pair) and (head := line.head())
        ]
        heapq.heapify(heads)
        while heads:
            line = heads[0][2]
            head = line.head()
            if head is not None:
                yield head[2]
            after = line.head()
            if after is None:
                heapq.heappop(heads)
            else:
                heapq.heapreplace(heads, (after[0], after[1], line))

    def any(self, want: Want) -> bool:
        """Tell whether a wanted entry is ready."""
        return any(want.admits(*pair) for pair in self.lines)


class Timeline:
    """Entries by a moment: when they fall due, or when their lease runs out."""

    def __init__(self) -> None:
        self.items: list[tuple[datetime, int, int, Entry]] = []
        self.untrue = 0

    def add(self, entry: Entry, moment: datetime, ticket: int) -> None:
        """Let an entry wait for a moment."""
        entry.ticket = ticket
        heapq.heappush(self.items, (moment, entry.place, ticket, entry))

    def remove(self, entry: Entry) -> None:
        """Stop an entry waiting."""
        entry.ticket = 0
        self.untrue += 1
        if self.untrue > len(self.items) // 2 + SLACK:
            self.items = [item for item in self.items if item[3].ticket == item[2]]
            heapq.heapify(self.items)
            self.untrue = 0

    def until(self, now: datetime, limit: int) -> list[Entry]:
        """Take out up to ``limit`` entries whose moment has come, soonest first."""
        taken: list[Entry] = []
        while len(taken) < limit:
            moment = self.soonest()
            if moment is None or moment > now:
                break
            entry = heapq.heappop(self.items)[3]
            entry.ticket = 0
            taken.append(entry)
        return taken

    def soonest(self) -> datetime | None:
        """Return the soonest moment."""
        while self.items:
            moment, _, ticket, entry = self.items[0]
            if entry.ticket == ticket:
                return moment
            heapq.heappop(self.items)
            self.untrue -= 1
        return None
