"""Claim and ack from a backlog over few and many pairs of lane and type.

Each claim is compared with that of a line, the only one of its queue, which is named.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, islice, product

from attrs import frozen
from bench import backlog
from bench.backlog import PAYLOAD, crowd, put
from bench.report import Row, say
from bench.sizes import Sizes
from bench.spread import Costs, in_turn, ratio
from bench.stores import Queue, Store
from bench.turns import claim_and_ack

from gofastr_queue.ids import new_id
from gofastr_queue.records import EVERYTHING, Draft, JobQuery, Want

BATCHES = (1, 100)
GOALS = {100: 2.0, 1_000: 5.0}
BASE = "line"
"""With one pair only and asked for by name, which is the least that a claim can cost."""

CROWD = 5_000
"""Jobs in front of all others that a claim by types does not want."""


@frozen
class Pairs:
    """So many lanes and types, of which each combination has jobs."""

    lanes: tuple[str, ...]
    types: tuple[str, ...]

    @classmethod
    def of(cls, lanes: int, types: int) -> Pairs:
        """Name the lanes and types."""
        return cls(
            tuple(f"lane-{number}" for number in range(lanes)),
            tuple(f"type-{number}" for number in range(types)),
        )

    def __len__(self) -> int:
        return len(self.lanes) * len(self.types)

    def drafts(self, count: int, chance: random.Random) -> Iterator[Draft]:
        """Yield jobs, of every pair in turn."""
        every = cycle(product(self.lanes, self.types))
        return (draft(lane, type, chance) for lane, type in islice(every, count))

    @property
    def tenth(self) -> int:
        """A tenth of the types, at least one."""
        return max(1, len(self.types) // 10)


def draft(lane: str, type: str, chance: random.Random) -> Draft:
    """Return a job of one pair, of random priority."""
    return Draft(
        id=new_id(), type=type, payload=PAYLOAD, lane=lane, priority=chance.randrange(-50, 50)
    )


ALL_PAIRS = (Pairs.of(1, 1), Pairs.of(10, 10), Pairs.of(10, 100))

Wanting = Callable[[Pairs], Want]


def by_types(pairs: Pairs) -> Want:
    """Want all types by name."""
    return Want(types=frozenset(pairs.types))


def one_pair(pairs: Pairs) -> Want:
    """Want one pair."""
    return Want(types=frozenset(pairs.types[:1]), lanes=frozenset(pairs.lanes[:1]))


CLAIMS: dict[str, Wanting] = {
    "everything": lambda _: EVERYTHING,
    "all types by name": by_types,
    "a tenth of the types": lambda pairs: Want(types=frozenset(pairs.types[: pairs.tenth])),
    "one pair": one_pair,
}


def measure(store: Store, sizes: Sizes, chance: random.Random) -> Iterator[Row]:
    """Measure directly after the jobs were stored, then again after the store's upkeep."""
    queues = {pairs: store.queue() for pairs in ALL_PAIRS}
    say(f"{store.name}: storing {sizes.pairs:,} jobs over 1, 100 and 1,000 pairs")
    for pairs, queue in queues.items():
        backlog.store(queue.backend, pairs.drafts(sizes.pairs, chance))
    many = queues[ALL_PAIRS[-1]]
    say(f"{store.name}: {many.known()}")
    yield from _rows(store, "just stored", queues, sizes, chance)
    if all(queue.settle() for queue in queues.values()):
        say(f"{store.name}: {many.known()}")
        yield from _rows(store, "after upkeep", queues, sizes, chance)
    for queue in queues.values():
        queue.remove()


def _rows(
    store: Store, state: str, queues: dict[Pairs, Queue], sizes: Sizes, chance: random.Random
) -> Iterator[Row]:
    """Measure each claim, and the claim by types once more behind a crowd of another pair."""
    for name, wanting in CLAIMS.items():
        yield from _claims(store, f"{name}, {state}", wanting, queues, sizes, chance)
    _check(queues, sizes.pairs, 0)
    for queue in queues.values():
        backlog.store(queue.backend, crowd(CROWD))
    behind = f"all types by name behind {CROWD:,} of another, {state}"
    yield from _claims(store, behind, by_types, queues, sizes, chance)
    _check(queues, sizes.pairs, CROWD)
    for queue in queues.values():
        queue.backend.queue_purge(JobQuery(type="crowd"))


def _claims(
    store: Store,
    name: str,
    wanting: Wanting,
    queues: dict[Pairs, Queue],
    sizes: Sizes,
    chance: random.Random,
) -> Iterator[Row]:
    one = ALL_PAIRS[0]
    for batch in BATCHES:
        measures = {
            str(len(pairs)): partial(_once, queue, wanting(pairs), batch, chance)
            for pairs, queue in queues.items()
        }
        measures[BASE] = partial(_once, queues[one], one_pair(one), batch, chance)
        yield _row(f"{batch} of {name}", store.name, in_turn(sizes.rounds, measures), sizes)


def _once(queue: Queue, want: Want, batch: int, chance: random.Random) -> float:
    """Claim and ack; then store as many jobs of the same pairs."""
    seconds, claims = claim_and_ack(queue.backend, want, batch)
    fresh = [draft(claim.job.lane, claim.job.type, chance) for claim in claims]
    put(queue.backend, fresh)
    return seconds


def _check(queues: dict[Pairs, Queue], count: int, crowd: int) -> None:
    for pairs, queue in queues.items():
        counted = queue.counted()
        assert counted.total() == count + crowd, "the backlog did not keep its size"
        assert len(counted) == len(pairs) + bool(crowd), "a pair has no job"


def _row(name: str, store: str, costs: Costs, sizes: Sizes) -> Row:
    ratios = {count: ratio(costs, str(count), BASE) for count in (1, *GOALS)}
    values = (
        f"{1_000 * statistics.median(costs[BASE]):.2f} ms",
        *(f"{count:,}: {spread.text()}" for count, spread in ratios.items()),
    )
    return Row(
        "pairs",
        store,
        f"claim+ack {name}: pairs ÷ the line of one pair",
        ", ".join(values),
        ", ".join(f"{count:,}: ≤ {goal}" for count, goal in GOALS.items()),
        all(ratios[count].median <= goal for count, goal in GOALS.items()),
        sizes.full("pairs", "rounds"),
        {"seconds": costs},
    )
