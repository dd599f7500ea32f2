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


def heads(want: Want, next_lane: Seek, next_pair: Seek, first_pair: Seek) -> Iterator[Head]:
    """Yield the head of every wanted line.

    ``next_lane(lane)`` and ``next_pair(lane, type)`` find the first line after, ``first_pair`` the
    first from there on.  Lines that are not wanted are leapt over where their names tell.
    """
    types = None if want.types is None else sorted(want.types)
    for lane in (None,) if want.lanes is None else want.lanes:
        found = first_pair(lane or "", types[0] if types else "")
        while found and (lane is None or found[0] == lane):
            if want.admits(found[0], found[1]):
                yield found
            if types is None:
                found = next_pair(found[0], found[1])
                continue
            after = bisect.bisect_right(types, found[1])
            if after < len(types):
                found = first_pair(found[0], types[after])
            elif lane is None:
                found = next_lane(found[0])
            else:
                break


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
