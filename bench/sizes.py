"""How much is measured: the sizes of the goals, and smaller ones for a quick look."""

from __future__ import annotations

from attrs import frozen


@frozen
class Sizes:
    """Counts of jobs, rounds and seconds; the defaults are those that the goals name.

    ``budget`` is how many seconds a peer may take for a work: a slow one does fewer jobs.
    """

    others: int = 1_000_000
    rounds: int = 60
    pairs: int = 100_000
    live: int = 10_000
    passing: int = 500_000
    rate: int = 2_000
    seconds: int = 60
    jobs: int = 20_000
    repeats: int = 5
    pickups: int = 300
    budget: float = 6.0

    def full(self, *names: str) -> bool:
        """Tell whether these sizes are no smaller than the goals name them."""
        return all(getattr(self, name) >= getattr(FULL, name) for name in names)


FULL = Sizes()
QUICK = Sizes(20_000, 8, 100_000, 2_000, 20_000, 4_000, 4, 4_000, 2, 40, 1.0)
