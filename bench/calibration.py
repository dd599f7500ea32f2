"""A loop that always does the same, to tell how fast the machine is just now."""

from __future__ import annotations

import time

TURNS = 50_000
LOOPS = 8
USUAL_MILLIS = 3.0
"""What the loop usually takes on the machine for which row D's goals are written."""

SLOWEST = 1.9
"""How many times slower a machine may be that is scaled by: more is no speed, but other load."""

ONE_SPEED = 0.15
"""Two measurements whose loops differ by more than this part were not taken at one speed."""


def calibrate() -> float:
    """Return the milliseconds that the loop takes, the least of a few: others may interrupt it."""
    return min(_loop() for _ in range(LOOPS))


def scale(millis: float) -> float:
    """Return what times are to be divided by, with a loop of so many milliseconds."""
    return min(max(millis / USUAL_MILLIS, 1.0), SLOWEST)


def at_one_speed(one: float, other: float) -> bool:
    """Tell whether two measurements can be compared by their loops."""
    return max(one, other) <= (1 + ONE_SPEED) * min(one, other)


def _loop() -> float:
    begin = time.perf_counter()
    total = 0
    for number in range(TURNS):
        total += number * number % 7
    return 1_000 * (time.perf_counter() - begin)
