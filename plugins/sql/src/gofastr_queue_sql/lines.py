"""Choosing the best wanted jobs among ready lines, one line for each (lane, type).

The lines' heads are found by seeks, one a line; then only lines whose head is among the best are
read, merged.  So the cost depends on the lines and on what is taken, never on how many jobs wait.
"""

from __future__ import annotations

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

FEW_TYPES = 64
"""Up to this many wanted types are sought by name; for more, walking every line is as good."""


def heads(want: Want, next_lane: Seek, next_pair: Seek, head: Seek) -> Iterator[Head]:
    """Yield the head of every wanted line."""
    found: Iterator[Head | None]
    if want.types is not None and len(want.types) <= FEW_TYPES:
        types = want.types
        found = (head(lane, type) for lane in _lanes(want, next_lane) for type in types)
    elif want.lanes is not None:
        found = (one for lane in want.lanes for one in _walk(next_pair, lane, within=True))
    else:
        found = _walk(next_pair, "")
    return (one for one in found if one and want.admits(one[0], one[1]))


def _walk(next_pair: Seek, lane: str, *, within: bool = False) -> Iterator[Head]:
    """Yield the head of every line from the beginning of ``lane``, or only ``within`` it."""
    found = next_pair(lane, "")
    while found and (found[0] == lane or not within):
        yield found
        found = next_pair(found[0], found[1])


def _lanes(want: Want, next_lane: Seek) -> Iterator[str]:
    if want.lanes is not None:
        yield from want.lanes
        return
    yield ""  # the default lane sorts before every other
    found = next_lane("")
    while found:
        yield found[0]
        found = next_lane(found[0])


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
