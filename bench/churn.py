"""Many jobs that pass through a queue of steady length, and the space that they leave behind.

Of one priority they pass first in, first out.  Of random priorities the least urgent stay for ever,
scattered over all that came.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from itertools import product

from attrs import evolve, field, frozen
from bench import backlog
from bench.pairs import Pairs
from bench.report import Row, say
from bench.sizes import Sizes
from bench.stores import Queue, Store
from bench.turns import LEASE

from gofastr_queue.records import EVERYTHING, Ack, Draft

BATCH = 100
GOAL = 5.0
SAMPLES = 100
PAIRS = Pairs.of(2, 5)


@frozen
class Passage:
    """Sizes and times as jobs passed through."""

    mixed: bool
    sizes: list[int] = field(factory=list)
    moments: list[float] = field(factory=list)

    def drafts(self, count: int, chance: random.Random) -> list[Draft]:
        """Return new jobs."""
        made = PAIRS.drafts(count, chance)
        return [one if self.mixed else evolve(one, priority=0) for one in made]

    def run(self, queue: Queue, count: int, rate: int, chance: random.Random) -> None:
        """Pass ``count`` jobs through, at most ``rate`` a second; 0 is as fast as they go."""
        backend, acks, begin = queue.backend, list[Ack](), time.monotonic()
        for passed in range(0, count, BATCH):
            if passed % max(BATCH, count // SAMPLES) < BATCH:
                self.sizes.append(queue.size())
                self.moments.append(time.monotonic())
            if rate:
                time.sleep(max(0.0, begin + passed / rate - time.monotonic()))
            backlog.put(backend, self.drafts(BATCH, chance))
            batch = backend.queue_turn(acks, (), EVERYTHING, BATCH, LEASE, "bench", None)[1]
            acks = [Ack(claim) for claim in batch.claims]
            assert len(acks) == BATCH, "a claim was not full"
        backend.queue_ack(acks, None)
        self.sizes.append(queue.size())
        self.moments.append(time.monotonic())


def measure(store: Store, sizes: Sizes, chance: random.Random) -> Iterator[Row]:
    """Pass the jobs through as fast as they go, then at a given rate, in two orders."""
    for rate, mixed in product((0, sizes.rate), (False, True)):
        passage = Passage(mixed)
        fresh, queue = store.queue(), store.queue()
        for each in (fresh, queue):
            backlog.store(each.backend, iter(passage.drafts(sizes.live, chance)))
        pace = f"at {rate:,} a second" if rate else "at full speed"
        pace += ", of random priorities" if mixed else ", of one priority"
        say(f"{store.name}: {sizes.passing:,} jobs pass {pace} through {sizes.live:,}")
        passage.run(queue, sizes.passing, rate, chance)
        assert queue.counted().total() == sizes.live, "the length was not steady"
        say(f"{store.name}: {queue.known()}")
        yield _row(store.name, pace, passage, fresh.size(), sizes)
        fresh.remove()
        queue.remove()


def _row(store: str, pace: str, passage: Passage, fresh: int, sizes: Sizes) -> Row:
    times = [size / fresh for size in passage.sizes]
    passed = sizes.passing / (passage.moments[-1] - passage.moments[0])
    goal = GOAL if store == "postgresql" else None
    return Row(
        "churn",
        store,
        f"size with {sizes.live:,} live, {sizes.passing:,} passing {pace} ÷ fresh",
        f"largest {max(times):.2f}, at the end {times[-1]:.2f} times {fresh / 1e6:.1f} MB; "
        f"{passed:,.0f} jobs/s; by tenths " + " ".join(f"{one:.1f}" for one in times[10::10]),
        f"≤ {goal}" if goal else "",
        max(times) <= goal if goal else None,
        sizes.full("live", "passing"),
        {"fresh_bytes": fresh, "bytes": passage.sizes, "moments": passage.moments},
    )
