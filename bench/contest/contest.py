"""A store's arenas, one after the other: raw, ours and peers side by side."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Literal

from bench.contest import asleep
from bench.contest.arena import ARENAS, Arena
from bench.contest.bout import Bout
from bench.contest.caller import Caller
from bench.contest.field import OURS, RAW, WRAPPED, peers
from bench.contest.matrix import matrix
from bench.contest.mixed import Mixed
from bench.contest.referee import Referee
from bench.contest.rows import Results
from bench.ours.queues import WRAPPED as WRAPPED_VARIABLE
from bench.report import Row, say
from bench.sizes import Sizes

QUICK_PEERS = {"memory": 2, "sqlite": 1, "postgresql": 1, "redis": 1}
"""How many peers take part in a quick run that names none; the quickest stand first."""

Asked = tuple[str, ...] | Literal["all"]


def measure(store: str, asked: Asked, sizes: Sizes, chance: random.Random) -> Iterator[Row]:
    """Measure a store in each way of being durable."""
    chosen, left_out = peers(store, asked)
    if asked == "all" and not sizes.full("jobs"):
        some = QUICK_PEERS[store]
        left_out += [f"quick: peer {peer.name!r} is left out" for peer in chosen[some:]]
        chosen = chosen[:some]
    for said in left_out:
        say(f"{store}: {said}")
    modules = {OURS: "bench.ours", WRAPPED: "bench.ours"}
    if store != "memory":
        modules = {RAW: f"bench.raw.{store}"} | modules
    modules |= {peer.name: peer.module for peer in chosen}
    for opened in ARENAS[store]:
        with opened() as arena, ExitStack() as stack:
            callers = {
                who: stack.enter_context(_caller(arena, who, module))
                for who, module in modules.items()
            }
            referee = Referee(arena, callers)
            samples = Bout(referee, sizes, chance).run()
            Mixed(referee, sizes).run()
            sleepers = list(asleep.measure(arena, sizes))
        print(matrix(arena, samples))
        yield from Results(arena, samples, sizes).rows()
        yield from sleepers


def _caller(arena: Arena, who: str, module: str) -> Caller:
    environment = {WRAPPED_VARIABLE: "1"} if who == WRAPPED else {}
    return Caller(module, arena.place(who), **environment)
