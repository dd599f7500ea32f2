"""How many jobs to claim ahead: as many as will start soon, judged by how long handlers take."""

from __future__ import annotations

HORIZON = 0.02
"""Seconds of work claimed ahead: a job waits about this long, far below what a user notices."""

MOST = 200
"""Jobs claimed ahead at the most: larger batches gain little and hold more hostage to a crash."""

WEIGHT = 0.2
"""Share of the newest measurement in the average."""


class Pace:
    """A moving average of handler times that rises at once and falls slowly."""

    def __init__(self) -> None:
        self._seconds: float | None = None

    def took(self, seconds: float) -> None:
        """Take in how long a handler ran, or has run so far."""
        known = self._seconds
        if known is None or seconds > 2 * known:
            self._seconds = seconds
        else:
            self._seconds = known + WEIGHT * (seconds - known)

    def ahead(self, slots: int) -> int:
        """Return how many jobs to hold beyond those that run."""
        if self._seconds is None:
            return 0
        return min(MOST, int(slots * HORIZON / max(self._seconds, 1e-7)))
