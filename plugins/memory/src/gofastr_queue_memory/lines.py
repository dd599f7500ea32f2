"""Where entries wait: ready lines, the not yet due, and the leased.

Ready entries stand in one heap for each (lane, type), so that a claim never walks past jobs it
cannot take; those that are not due stand apart.  Entries leave a heap lazily: a heap's item counts
only while it still tells the truth about its entry.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from datetime import datetime

from gofastr_queue.lifecycle import Status
from gofastr_queue.records import Want
from gofastr_queue_memory.entries import Entry

Item = tuple[int, int, Entry]
"""(-priority, place, entry)"""

SLACK = 64
"""A heap is swept when its untrue items outnumber the true ones by more than this."""


class Line:
    """The ready entries of one lane and type, best first."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.count = 0

    def head(self) -> Item | None:
        """Return the best entry without taking it."""
        while self.items and not _waits(self.items[0]):
            heapq.heappop(self.items)
        return self.items[0] if self.items else None

    def add(self, entry: Entry) -> None:
        """Let an entry wait."""
        heapq.heappush(self.items, (-entry.priority, entry.place, entry))
        self.count += 1

    def left(self) -> None:
        """One entry stopped waiting; sweep when most items are untrue."""
        self.count -= 1
        if len(self.items) > 2 * self.count + SLACK:
            self.items = [item for item in self.items if _waits(item)]
            heapq.heapify(self.items)


def _waits(item: Item) -> bool:
    _, place, entry = item
    return entry.due and entry.place == place and entry.status is Status.PENDING


class Ready:
    """Every line, by lane and type."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, str], Line] = {}

    def add(self, entry: Entry) -> None:
        """Let an entry wait."""
        entry.due = True
        pair = (entry.lane, entry.type)
        line = self.lines.get(pair)
        if line is None:
            line = self.lines[pair] = Line()
        line.add(entry)

    def remove(self, entry: Entry) -> None:
        """Stop an entry waiting."""
        if entry.due:
            entry.due = False
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
            if head is None:
                heapq.heappop(heads)
                continue
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

    def __init__(self, moment: Callable[[Entry], datetime | None]) -> None:
        self.items: list[tuple[datetime, int, Entry]] = []
        self.untrue = 0
        self._moment = moment

    def add(self, entry: Entry) -> None:
        """Add an entry, which has a moment now."""
        moment = self._moment(entry)
        if moment is not None:
            heapq.heappush(self.items, (moment, entry.place, entry))

    def left(self) -> None:
        """One entry changed its moment or has none any more; sweep when most items are untrue."""
        self.untrue += 1
        if self.untrue > len(self.items) // 2 + SLACK:
            true = {id(item[2]): item for item in self.items if self._true(item)}
            self.items = list(true.values())
            heapq.heapify(self.items)
            self.untrue = 0

    def until(self, now: datetime, limit: int) -> list[Entry]:
        """Take out up to ``limit`` entries whose moment has come, soonest first."""
        taken: list[Entry] = []
        while len(taken) < limit:
            moment = self.soonest()
            if moment is None or moment > now:
                break
            taken.append(heapq.heappop(self.items)[2])
        return taken

    def soonest(self) -> datetime | None:
        """Return the soonest moment."""
        while self.items and not self._true(self.items[0]):
            heapq.heappop(self.items)
            self.untrue -= 1
        return self.items[0][0] if self.items else None

    def _true(self, item: tuple[datetime, int, Entry]) -> bool:
        moment, place, entry = item
        return self._moment(entry) == moment and entry.place == place
