"""Claim and ack behind many other jobs: each kind of them alone, and all kinds together.

Waiting others are wanted too, but of lower priority; no claim may take any of the other kinds.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator
from functools import partial

from attrs import frozen
from bench.backlog import KINDS, MINE, fill, mine, put
from bench.report import Row, say
from bench.sizes import Sizes
from bench.spread import Costs, in_turn, ratio
from bench.stores import Queue, Store
from bench.turns import claim_and_ack

from gofastr_queue.records import EVERYTHING, Want

BATCHES = (1, 100)
FLAT = 1.2
GOALS = {"memory": 1.3, "sqlite": 1.5, "redis": 1.5}
GOAL = 2.0


@frozen
class Claim:
    """What a measured claim asks for, and the type of those jobs that it must bring."""

    name: str
    want: Want
    type: str = "mine"


LINE = Claim("one line", MINE)
LANE = Claim("one lane, all types", Want(lanes=frozenset({""})))
TYPE = Claim("one type, all lanes", Want(types=frozenset({"mine"})))
ALONE = Claim("one type, all lanes", Want(types=frozenset({"alone"})), "alone")
ALL = Claim("everything", EVERYTHING)

CLAIMS = {
    "waiting": (LINE, TYPE, ALL),
    "later": (LINE, TYPE, ALL),
    "lane": (LINE, LANE),
    "type": (LINE, TYPE),
    "failed": (LINE, TYPE, ALL),
    "claimed": (LINE, TYPE, ALL),
    "mixed": (LINE, ALONE),
}


@frozen
class Behind:
    """Three queues: without others, with a tenth of them, and with all of them."""

    kind: str
    queues: dict[int, Queue]

    @classmethod
    def filled(cls, store: Store, kind: str, count: int, chance: random.Random) -> Behind:
        """Make the queues of one kind of others."""
        behind = cls(kind, {size: store.queue() for size in (0, count // 10, count)})
        for size, queue in behind.queues.items():
            fill(queue.backend, kind, size, chance)
            assert queue.counted().total() == size, "not every job was stored"
        return behind

    def rows(self, store: str, state: str, sizes: Sizes) -> Iterator[Row]:
        """Measure every claim that must bring our own jobs."""
        counts = {size: queue.counted() for size, queue in self.queues.items()}
        for claim in CLAIMS[self.kind]:
            for batch in BATCHES:
                costs = in_turn(
                    sizes.rounds,
                    {
                        str(size): partial(_once, queue, claim, batch)
                        for size, queue in self.queues.items()
                    },
                )
                name = f"{batch} of {claim.name} behind {self.kind}, {state}"
                yield _row(name, store, costs, sizes)
        for size, queue in self.queues.items():
            assert queue.counted() == counts[size], "others were touched"

    def known(self) -> str:
        """Say what the planner knows of the largest queue."""
        return self.queues[max(self.queues)].known()

    def settle(self) -> bool:
        """Wait for upkeep of both queues that hold others."""
        return all(queue.settle() for size, queue in self.queues.items() if size)

    def remove(self) -> None:
        """Remove the queues."""
        for queue in self.queues.values():
            queue.remove()


def measure(store: Store, sizes: Sizes, chance: random.Random) -> Iterator[Row]:
    """Measure each kind directly after it was stored, then again after the store's upkeep."""
    kinds = []
    for kind in KINDS:
        say(f"{store.name}: storing {sizes.others:,} others, {kind}, and a tenth of them")
        behind = Behind.filled(store, kind, sizes.others, chance)
        kinds.append(behind)
        say(f"{store.name}: {behind.known()}")
        yield from behind.rows(store.name, "just stored", sizes)
        say(f"{store.name}: {behind.known()}")
    for behind in kinds:
        if behind.settle():
            say(f"{store.name}: {behind.kind}: {behind.known()}")
            yield from behind.rows(store.name, "after upkeep", sizes)
        behind.remove()


def _once(queue: Queue, claim: Claim, batch: int) -> float:
    fresh = [mine(type=claim.type) for _ in range(batch)]
    put(queue.backend, fresh)
    seconds, claims = claim_and_ack(queue.backend, claim.want, batch)
    assert {claim.job.id for claim in claims} == {draft.id for draft in fresh}, "took others"
    return seconds


def _row(name: str, store: str, costs: Costs, sizes: Sizes) -> Row:
    none, few, many = costs
    by_few, by_many, between = (
        ratio(costs, one, base) for one, base in ((few, none), (many, none), (many, few))
    )
    goal = GOALS.get(store, GOAL)
    values = (
        f"{1_000 * statistics.median(costs[none]):.2f} ms",
        f"{int(few):,}: {by_few.text()}",
        f"{int(many):,}: {by_many.text()}",
        f"between {between.text()}",
        f"longest {1_000 * max(costs[none]):.0f}, {1_000 * max(costs[many]):.0f} ms",
    )
    return Row(
        "others",
        store,
        f"claim+ack {name}",
        ", ".join(values),
        f"≤ {goal}, ≤ {goal}, ≤ {FLAT}",
        max(by_few.median, by_many.median) <= goal and between.median <= FLAT,
        sizes.full("others", "rounds"),
        {"seconds": costs},
    )
