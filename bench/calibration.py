"""A loop that always does the same, to tell how fast the machine is just now."""

from __future__ import annotations

import statistics
import time

TURNS = 50_000
LOOPS = 5
USUAL_MILLIS = 3.4
"""What the loop usually takes on the machine for which row D's goals are written."""

ONE_SPEED = 0.15
"""Two measurements whose loops differ by more than this part were not taken at one speed."""


def calibrate() -> float:
    """Return the milliseconds that the loop takes, the median of a few."""
    return statistics.median(_loop() for _ in range(LOOPS))


def at_one_speed(one: float, other: float) -> bool:
    """Tell whether two measurements can be compared by their loops."""
    return max(one, other) <= (1 + ONE_SPEED) * min(one, other)


def _loop() -> float:
    begin = time.perf_counter()
    total = 0
    for number in range(TURNS):
        total += number * number % 7
    return 1_000 * (time.perf_counter() - begin)
