"""Counting all jobs of a long queue exactly, and listing the latest of them.

The goal's time is for a machine at its usual speed, as those of row D are; both are told.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator

from bench import backlog
from bench.calibration import calibrate, scale
from bench.report import Row, say
from bench.sizes import Sizes
from bench.spread import Spread
from bench.stores import Counts, Queue, Store

from gofastr_queue.lifecycle import Status
from gofastr_queue.records import JobQuery

GOAL_MILLIS = 150.0
REPETITIONS = 15

LISTED = 100
LISTINGS = {
    "": JobQuery(limit=LISTED),
    "pending": JobQuery(status=Status.PENDING, limit=LISTED),
    "claimed": JobQuery(status=Status.CLAIMED, limit=LISTED),
    "failed": JobQuery(status=Status.FAILED, limit=LISTED),
    "failed, of a type": JobQuery(status=Status.FAILED, type="mine", limit=LISTED),
    "of a lane": JobQuery(lane="lane-3", limit=LISTED),
}
"""The first page, which is the latest enqueued."""


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
    for name, query in LISTINGS.items():
        yield _listing(queue, store.name, name, query, sizes)
    queue.remove()


def _listing(queue: Queue, store: str, name: str, query: JobQuery, sizes: Sizes) -> Row:
    millis = []
    for _ in range(REPETITIONS):
        begin = time.perf_counter()
        page = queue.backend.queue_browse(query)
        millis.append(1_000 * (time.perf_counter() - begin))
        assert len(page.jobs) == LISTED, "not a full page"
        assert all(query.admits(job) for job in page.jobs), "not asked for"
    spread = Spread.of(millis)
    return Row(
        "counts",
        store,
        f"list_jobs({name}) of {sizes.others:,} jobs, {LISTED} of them",
        f"{spread.text(' ms')}, longest {max(millis):.0f}",
        full=sizes.full("others"),
        numbers={"milliseconds": millis},
    )


def _row(queue: Queue, store: str, state: str, sizes: Sizes) -> Row:
    millis, speed = [], calibrate()
    for _ in range(REPETITIONS):
        begin = time.perf_counter()
        stats = queue.backend.queue_stats()
        millis.append(1_000 * (time.perf_counter() - begin))
        found: Counts = Counter(
            {(one.status.value, one.lane, one.type): one.count for one in stats}
        )
        assert found == queue.counted(), "not exact"
    speed = (speed + calibrate()) / 2
    spread = Spread.of([one / scale(speed) for one in millis])
    measured = f"as measured {Spread.of(millis).median:.0f}, first {millis[0]:.0f}"
    goal = store == "postgresql"
    return Row(
        "counts",
        store,
        f"stats() of {sizes.others:,} jobs, {state}, exact",
        f"{spread.text(' ms')}; {measured}, longest {max(millis):.0f}, loop {speed:.1f} ms",
        f"≤ {GOAL_MILLIS:.0f} ms" if goal else "",
        spread.median <= GOAL_MILLIS if goal else None,
        sizes.full("others"),
        {"milliseconds": millis},
    )
