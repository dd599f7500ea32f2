"""Counting all jobs of a long queue exactly."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator

from bench import backlog
from bench.report import Row, say
from bench.sizes import Sizes
from bench.spread import Spread
from bench.stores import Counts, Queue, Store

GOAL_MILLIS = 150.0
REPETITIONS = 15


def measure(store: Store, sizes: Sizes, chance: random.Random) -> Iterator[Row]:
    """Count directly after the jobs were stored, then again after the store's upkeep."""
    queue = store.queue()
    say(f"{store.name}: storing {sizes.others:,} jobs of all kinds to count")
    backlog.fill(queue.backend, "mixed", sizes.others, chance)
    assert queue.counted().total() == sizes.others, "not every job was stored"
    say(f"{store.name}: {queue.known()}")
    yield _row(queue, store.name, "just stored", sizes)
    if queue.settle():
        say(f"{store.name}: {queue.known()}")
        yield _row(queue, store.name, "after upkeep", sizes)
    queue.remove()


def _row(queue: Queue, store: str, state: str, sizes: Sizes) -> Row:
    millis = []
    for _ in range(REPETITIONS):
        begin = time.perf_counter()
        stats = queue.backend.queue_stats()
        millis.append(1_000 * (time.perf_counter() - begin))
        found: Counts = Counter(
            {(one.status.value, one.lane, one.type): one.count for one in stats}
        )
        assert found == queue.counted(), "not exact"
    spread = Spread.of(millis)
    goal = store == "postgresql"
    return Row(
        "counts",
        store,
        f"stats() of {sizes.others:,} jobs, {state}, exact",
        f"{spread.text(' ms')}, first {millis[0]:.0f}, longest {max(millis):.0f}",
        f"≤ {GOAL_MILLIS:.0f} ms" if goal else "",
        spread.median <= GOAL_MILLIS if goal else None,
        sizes.full("others"),
        {"milliseconds": millis},
    )
