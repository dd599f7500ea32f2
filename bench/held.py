"""Claims while somebody else's transaction keeps every row version that it could still see."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from itertools import count
from threading import Thread

from attrs import frozen
from bench.backlog import mine, put
from bench.postgres import PostgresQueue
from bench.report import Row, say
from bench.sizes import Sizes
from bench.spread import quantile
from bench.stores import AnyBackend, Store
from bench.turns import LEASE

from gofastr_queue.records import EVERYTHING, Ack

RATE = 200
GOAL = 5.0
KEPT = 0.95
"""The part of the rate that must have been kept."""

BEFORE = 3
"""The time before is so many times shorter than the transaction."""

AT_MOST, AT_FULL_SPEED = 10, 100
WINDOWS = 6


@frozen
class Turn:
    """When a claim that brought jobs began, how long it took, and what it brought."""

    moment: float
    seconds: float
    jobs: int


def steady(backend: AnyBackend, seconds: float) -> list[Turn]:
    """Enqueue jobs one by one at the rate, and claim them as they come, from another thread."""
    wanted = round(RATE * seconds)
    begin = time.monotonic()

    def produce() -> None:
        for number in range(wanted):
            time.sleep(max(0.0, begin + number / RATE - time.monotonic()))
            put(backend, [mine()])

    producer = Thread(target=produce)
    producer.start()
    turns: list[Turn] = []
    acks: list[Ack] = []
    for tick in count():
        time.sleep(max(0.0, begin + tick / RATE - time.monotonic()))
        turn, acks = _turn(backend, acks, begin, AT_MOST)
        if turn.jobs:
            turns.append(turn)
        elif not producer.is_alive():
            break
    assert sum(turn.jobs for turn in turns) == wanted, "not every job was claimed once"
    return turns


def full_speed(backend: AnyBackend, seconds: float) -> list[Turn]:
    """Enqueue, claim and ack hundred jobs at a time, as fast as it goes."""
    begin = time.monotonic()
    turns: list[Turn] = []
    acks: list[Ack] = []
    while time.monotonic() < begin + seconds:
        put(backend, [mine() for _ in range(AT_FULL_SPEED)])
        turn, acks = _turn(backend, acks, begin, AT_FULL_SPEED)
        assert turn.jobs == AT_FULL_SPEED, "a claim was not full"
        turns.append(turn)
    backend.queue_ack(acks, None)
    return turns


def measure(store: Store, sizes: Sizes, chance: random.Random) -> Iterator[Row]:  # noqa: ARG001 - nothing is drawn
    """Measure before and during, at the rate and then as fast as it goes."""
    for run in (steady, full_speed):
        queue = store.queue()
        assert isinstance(queue, PostgresQueue)
        say(f"{store.name}: {run.__name__.replace('_', ' ')} before and during a transaction")
        run(queue.backend, 1)
        before = run(queue.backend, max(2, sizes.seconds / BEFORE))
        say(f"{store.name}: {queue.known()}")
        with queue.snapshot():
            during = run(queue.backend, sizes.seconds)
            say(f"{store.name}: {queue.known()}")
        assert not queue.counted(), "jobs are left"
        queue.remove()
        yield _row(store.name, before, during, sizes, steady=run is steady)


def _turn(backend: AnyBackend, acks: list[Ack], begin: float, limit: int) -> tuple[Turn, list[Ack]]:
    start = time.monotonic()
    batch = backend.queue_turn(acks, (), EVERYTHING, limit, LEASE, "bench", None)[1]
    turn = Turn(start - begin, time.monotonic() - start, len(batch.claims))
    return turn, [Ack(claim) for claim in batch.claims]


def _row(store: str, before: list[Turn], during: list[Turn], sizes: Sizes, *, steady: bool) -> Row:
    p95 = [_millis(turns, 95) for turns in (before, during)]
    p50 = [_millis(turns, 50) for turns in (before, during)]
    rates = [sum(turn.jobs for turn in turns) / turns[-1].moment for turns in (before, during)]
    windows = _windows(during, sizes.seconds)
    curve = " ".join(f"{_millis(turns, 95):.1f}" for turns in windows)
    held = p95[1] / p95[0]
    pace = f"{RATE} jobs/s" if steady else "full speed"
    return Row(
        "held",
        store,
        f"p95 of a claim at {pace}, in {sizes.seconds} s of a held transaction ÷ before",
        f"{held:.2f}: p50 {p50[0]:.1f} -> {p50[1]:.1f}, p95 {p95[0]:.1f} -> {p95[1]:.1f} ms, "
        f"by sixths {curve}; {rates[0]:,.0f} -> {rates[1]:,.0f} jobs/s",
        f"≤ {GOAL:.0f}" if steady else "",
        held <= GOAL and rates[1] >= KEPT * RATE if steady else None,
        sizes.full("seconds"),
        {
            "p50": p50,
            "p95": p95,
            "rates": rates,
            "curve_p50": [_millis(turns, 50) for turns in windows],
            "curve_p95": [_millis(turns, 95) for turns in windows],
            "curve_jobs": [sum(turn.jobs for turn in turns) for turns in windows],
        },
    )


def _millis(turns: list[Turn], percent: int) -> float:
    return 1_000 * quantile([turn.seconds for turn in turns], percent / 100)


def _windows(turns: list[Turn], seconds: float) -> list[list[Turn]]:
    """Return the turns of each sixth of the time."""
    windows: list[list[Turn]] = [[] for _ in range(WINDOWS)]
    for turn in turns:
        windows[min(WINDOWS - 1, int(WINDOWS * turn.moment / seconds))].append(turn)
    return windows
