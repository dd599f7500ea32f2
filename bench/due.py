"""Very many jobs that fall due in the same second, and how evenly they drain."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Thread

from attrs import field, frozen
from bench import backlog
from bench.backlog import PAYLOAD
from bench.report import Row, say
from bench.sizes import Sizes
from bench.stores import AnyBackend, Store
from bench.turns import LEASE

from gofastr_queue.ids import new_id
from gofastr_queue.records import EVERYTHING, Ack, Draft

GOAL_SECONDS = 1.0
BATCH = 200
THREADS = 2
STORING = timedelta(microseconds=120)
"""How long storing one job may take: all are stored before the first falls due."""

IDLE_LIMIT = timedelta(seconds=30)
"""A drain that brought nothing for so long has ended, or never will."""


@frozen
class Drain:
    """What the claims of all threads brought: when, how much, and how long each took."""

    times: list[tuple[float, int]] = field(factory=list)
    ids: set[str] = field(factory=set)
    turns: list[float] = field(factory=list)

    def run(self, backend: AnyBackend, count: int) -> None:
        """Claim, and ack with the next claim, until all threads have claimed ``count``."""
        acks: list[Ack] = []
        last = time.monotonic()
        while True:
            begin = time.monotonic()
            batch = backend.queue_turn(acks, (), EVERYTHING, BATCH, LEASE, "bench", None)[1]
            end = time.monotonic()
            acks = [Ack(claim) for claim in batch.claims]
            if acks:
                self.turns.append(end - begin)
                self.times.append((time.time(), len(acks)))
                self.ids.update(ack.claim.job.id for ack in acks)
                last = end
            elif len(self.ids) >= count or end - last > IDLE_LIMIT.total_seconds():
                return
            else:
                wait = timedelta(seconds=0.1)
                backend.queue_wait(EVERYTHING, min(wait, batch.next_due or wait), batch.due)


def measure(store: Store, sizes: Sizes, chance: random.Random) -> Iterator[Row]:
    """Store the jobs, drain them as they fall due, and look for the longest gap."""
    queue = store.queue()
    second = datetime.now(UTC) + timedelta(seconds=10) + STORING * sizes.others
    say(f"{store.name}: storing {sizes.others:,} jobs for {second:%H:%M:%S}")
    backlog.store(queue.backend, (_draft(second, chance) for _ in range(sizes.others)))
    say(f"{store.name}: stored; {queue.known()}")
    assert datetime.now(UTC) < second, "storing took longer than was left until they fall due"
    time.sleep((second - datetime.now(UTC)).total_seconds())
    drain = Drain()
    threads = [Thread(target=drain.run, args=(queue.backend, sizes.others)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = sum(jobs for _, jobs in drain.times)
    assert taken == len(drain.ids) == sizes.others, f"{taken} claims of {len(drain.ids)} jobs"
    assert not queue.counted(), "jobs are left"
    say(f"{store.name}: {queue.known()}")
    queue.remove()
    yield _row(store.name, second.timestamp(), drain, sizes)


def _draft(second: datetime, chance: random.Random) -> Draft:
    return Draft(
        id=new_id(),
        type=f"type-{chance.randrange(10)}",
        payload=PAYLOAD,
        lane=f"lane-{chance.randrange(10)}",
        priority=chance.randrange(-50, 50),
        scheduled_at=second + timedelta(microseconds=chance.randrange(1_000_000)),
    )


def _row(store: str, second: float, drain: Drain, sizes: Sizes) -> Row:
    times = sorted(drain.times)
    moments = [second, *(moment for moment, _ in times)]
    gap = max(later - earlier for earlier, later in pairwise(moments))
    rates = _rates(second, times)
    return Row(
        "due",
        store,
        f"longest gap while {sizes.others:,} jobs of one second drain",
        f"{gap:.2f} s; longest claim {max(drain.turns):.2f} s; "
        f"{sizes.others / (moments[-1] - second):,.0f} jobs/s, by tenths "
        + " ".join(f"{rate / 1000:.1f}k" for rate in rates),
        f"≤ {GOAL_SECONDS:.0f} s",
        gap <= GOAL_SECONDS,
        sizes.full("others"),
        {"gap": gap, "jobs_per_second": rates, "longest_claim": max(drain.turns)},
    )


def _rates(second: float, times: list[tuple[float, int]]) -> list[float]:
    """Return jobs a second for each tenth of the jobs."""
    total = sum(jobs for _, jobs in times)
    rates: list[float] = []
    begin, since, done = second, 0, 0
    for moment, jobs in times:
        done += jobs
        if done * 10 >= total * (len(rates) + 1):
            rates.append((done - since) / (moment - begin))
            begin, since = moment, done
    return rates
