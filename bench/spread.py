"""Repetitions in turn, their medians, and how far they spread."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Self

from attrs import frozen

WARM_UP = 3
"""Rounds that are not counted: connections are made and caches filled."""

Costs = dict[str, list[float]]


def in_turn(rounds: int, measures: Mapping[str, Callable[[], float]]) -> Costs:
    """Measure everything once a round; each round begins with another one."""
    costs: Costs = {name: [] for name in measures}
    order = deque(measures)
    for number in range(-WARM_UP, rounds):
        for name in order:
            cost = measures[name]()
            if number >= 0:
                costs[name].append(cost)
        order.rotate(1)
    return costs


@frozen
class Spread:
    """A median between its quartiles."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Return the quartiles of values; of one, that."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        return cls(*statistics.quantiles(values, n=4, method="inclusive"))

    def text(self, unit: str = "") -> str:
        """Return the median and the quartiles."""
        return f"{self.median:.2f}{unit} ({self.low:.2f}-{self.high:.2f})"


def ratio(costs: Costs, name: str, base: str) -> Spread:
    """Return how much dearer one is than another, compared within each round."""
    pairs = zip(costs[name], costs[base], strict=True)
    return Spread.of([one / other for one, other in pairs])


def quantile(values: Sequence[float], part: float) -> float:
    """Return the value that such a part of them do not exceed."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]
