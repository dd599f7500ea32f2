"""Choosing the best wanted jobs among ready lines, one line for each (lane, type).

The lines' heads are found by seeks, one a line; then only lines whose head is among the best are
read, merged.  So the cost depends on the lines and on what is taken, never on how many jobs wait.
"""

from __future__ import annotations

import bisect
import heapq
from collections.abc import Callable, Iterator
from typing import Any

from gofastr_queue.records import Want

Head = tuple[str, str, int, int]
"""(lane, type, priority, seq) of a line's best job."""

Seek = Callable[..., Any]
"""Runs a statement and returns its first row, or None."""

Line = Callable[[str, str], Iterator[Any]]
"""Reads the rows of one lane and type, best first."""


def heads(want: Want, next_lane: Seek, next_type: Seek, first_type: Seek) -> Iterator[Head]:
    """Yield the head of every wanted line.

    ``next_lane(lane)`` finds the first line of a later lane; in a lane, ``next_type(lane, type)``
    finds the line after a type, ``first_type`` the first from there on.  Types that are not wanted
    are leapt over where their names tell.
    """
    types = None if want.types is None else sorted(want.types)
    for lane in _lanes(want, next_lane):
        if types is None:
            lines = _every_type(lane, first_type, next_type)
        else:
            lines = _types(lane, types, first_type)
        yield from (head for head in lines if want.admits(head[0], head[1]))


def _lanes(want: Want, next_lane: Seek) -> Iterator[str]:
    if want.lanes is not None:
        yield from want.lanes
        return
    lane = ""
    yield lane
    while found := next_lane(lane):
        lane = found[0]
        yield lane


def _every_type(lane: str, first_type: Seek, next_type: Seek) -> Iterator[Head]:
    found = first_type(lane, "")
    while found:
        yield found
        found = next_type(lane, found[1])


def _types(lane: str, types: list[str], first_type: Seek) -> Iterator[Head]:
    place = 0
    while place < len(types) and (found := first_type(lane, types[place])):
        yield found
        place = bisect.bisect_right(types, found[1])


def best(
    heads: Iterator[Head],
    limit: int,
    line: Line,
    rank: Callable[[Any], tuple[int, int]],
) -> list[Any]:
    """Return the best ``limit`` rows of the lines that ``heads`` stand for."""
    chosen = heapq.nsmallest(limit, heads, key=lambda head: (-head[2], head[3]))
    if len(chosen) == 1:
        return list(line(chosen[0][0], chosen[0][1]))
    merged = heapq.merge(*(line(lane, type) for lane, type, _, _ in chosen), key=rank)
    return [row for row, _ in zip(merged, range(limit), strict=False)]
