"""In every store the driver and our queue do all works, and hold what the rows claim."""

from __future__ import annotations

import random
from contextlib import ExitStack

import pytest
from bench.contest.arena import ARENAS
from bench.contest.bout import Bout
from bench.contest.caller import Caller
from bench.contest.field import OURS, RAW
from bench.contest.mixed import Mixed
from bench.contest.referee import Referee
from bench.contest.samples import (
    BULK,
    DRAIN,
    DRAIN_2,
    ENQUEUE,
    IDLE,
    MIXED,
    PICKUP,
    RAW_1,
    RAW_10,
    RESTED,
)
from bench.raw.sqlite import RawSqlite
from bench.sizes import Sizes

from gofastr_queue import Queue

SIZES = Sizes(jobs=400, repeats=1, pickups=3, seconds=1)


@pytest.mark.parametrize(
    ("store", "mode"),
    [(store, mode) for store, arenas in ARENAS.items() for mode in range(len(arenas))],
)
@pytest.mark.timeout(300)
def test_everybody_does_every_work(store: str, mode: int) -> None:
    modules = {OURS: "bench.ours"} | ({} if store == "memory" else {RAW: f"bench.raw.{store}"})
    with ARENAS[store][mode]() as arena, ExitStack() as stack:
        callers = {
            who: stack.enter_context(Caller(module, arena.place(who)))
            for who, module in modules.items()
        }
        referee = Referee(arena, callers)
        chance = random.Random(1)  # noqa: S311 - repeatable, no secret
        samples = Bout(referee, SIZES, chance).run()
        Mixed(referee, SIZES).run()

    assert not samples.failed
    of_all, of_ours = {ENQUEUE, BULK, DRAIN}, {PICKUP, RESTED, MIXED, IDLE}
    two = set() if store == "memory" else {DRAIN_2}
    done = {(one.work, one.who) for one in samples.every}
    assert {work for work, who in done if who == OURS} == of_all | of_ours | two
    if RAW in modules:
        assert {work for work, who in done if who == RAW} == of_all | {RAW_1, RAW_10}


def test_what_the_driver_stores_our_queue_can_run(tmp_path: object) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db?synchronous=normal"
    driver = RawSqlite(url)
    driver.obey({"do": "enqueue", "jobs": 2})
    driver.obey({"do": "bulk", "jobs": 2, "by": 2})

    with Queue.open(url) as queue:
        claims = queue.claim(10)
        numbers = [claim.job.payload["number"] - 1_000_000 for claim in claims]
        acked = queue.ack_many(claims)

    assert numbers == [0, 1, 2, 3]
    assert len(acked) == 4
    assert driver.obey({"do": "left"}) == {"jobs": 0}
    driver.close()
