"""Which way finds the best wanted jobs: each is exact, they differ in what they pay for."""

from __future__ import annotations

from gofastr_queue.records import Want

OF_ALL, OF_LINE = "best_of_all", "best_of_line"
IN_FRONT, OF_LINES = "best_in_front", "best_of_lines"
OF_PAIRS = "best_of_pairs"
"""Stands in for ``OF_LINES`` where types are given: their lines need not be looked for."""

BY_LINES = 50
"""Claims in a row that go by lines, once the front has not held enough of what is wanted."""

REMEMBERED = 100
"""Wants that are remembered; a worker has a handful."""


class Ways:
    """Chooses a way for each want, and learns from a front that did not hold enough."""

    def __init__(self) -> None:
        self._left: dict[Want, int] = {}

    def choose(self, want: Want) -> str:
        """Return the name of the statement that finds what is wanted."""
        if want.everything:
            return OF_ALL
        if want.lanes and want.types and len(want.lanes) == len(want.types) == 1:
            (lane,), (type,) = want.lanes, want.types
            if want.admits(lane, type):
                return OF_LINE
        left = self._left.get(want, 0)
        if not left:
            return IN_FRONT
        self._left[want] = left - 1
        return OF_LINES

    def missed(self, want: Want) -> None:
        """Go by lines for a while: the front is full of what is not wanted."""
        if len(self._left) >= REMEMBERED:
            self._left.clear()
        self._left[want] = BY_LINES
