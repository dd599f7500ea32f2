"""Works by name: what a process does in steps, and what the store must hold after each.

Both the test and its child import this; the child once its failpoint is set.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from attrs import frozen
from tests.faults import matrix_work as do
from tests.faults.matrix_work import BULK, CHUNK, Ledger, State

from gofastr_queue import Queue, Scheduler

NOWHERE = Ledger(Path(os.devnull))


@frozen(eq=False)
class Work:
    """``prepare`` is done by the test, ``act`` by the child.

    ``expected(done)`` is the state after so many of ``steps``, a fraction where a step commits in
    parts; None where threads decide, and the ledger alone explains the state.  ``again`` repeats
    everything, as whoever got no answer may do: then the state is that after all steps.
    """

    act: Callable[[Queue, Ledger], object]
    expected: Callable[[float], State] | None = None
    prepare: Callable[[Queue], object] = lambda _: None
    again: Callable[[Queue], object] | None = None
    steps: int = 2
    new: bool = False
    """The child makes the store."""


WORKS = {
    "enqueue": Work(
        do.enqueue,
        lambda done: do.states((int(done), "pending", 0)),
        again=lambda queue: do.enqueue(queue, NOWHERE),
    ),
    "bulk": Work(
        do.bulk, lambda done: do.states((int(done) * BULK, "pending", 0)), again=do.bulk_again
    ),
    "claim": Work(
        do.claim,
        lambda done: do.states((int(2 * done), "claimed", 1), (4 - int(2 * done), "pending", 0)),
        prepare=lambda queue: do.put(queue, 4),
    ),
    "claim past others": Work(do.claim_past, do.past, prepare=do.behind_others),
    "ack": Work(
        do.ack,
        lambda done: do.states((2 * int(done), "gone", 0), (4 - 2 * int(done), "claimed", 1)),
        prepare=lambda queue: do.put(queue, 4),
    ),
    "nack": Work(
        do.nack,
        lambda done: do.states((2 * int(done), "pending", 1), (4 - 2 * int(done), "claimed", 1)),
        prepare=lambda queue: do.put(queue, 4),
    ),
    "bury": Work(
        do.nack,
        lambda done: do.states((2 * int(done), "failed", 1), (4 - 2 * int(done), "claimed", 1)),
        prepare=lambda queue: do.put(queue, 4, max_attempts=1),
    ),
    "release": Work(
        do.release,
        lambda done: do.states((int(done), "pending", 0), (2 - int(done), "claimed", 1)),
        prepare=lambda queue: do.put(queue, 2),
    ),
    "turn": Work(
        do.turn,
        lambda done: [
            do.states((2, "claimed", 1), (2, "pending", 0)),
            do.states((1, "gone", 0), (1, "claimed", 2), (1, "claimed", 1), (1, "pending", 0)),
            do.states((2, "gone", 0), (1, "claimed", 2), (1, "claimed", 1)),
        ][int(done)],
        prepare=lambda queue: do.put(queue, 4),
    ),
    "extend": Work(
        do.extend, lambda _: do.states((2, "claimed", 1)), prepare=lambda queue: do.put(queue, 2)
    ),
    "reclaim": Work(
        do.reclaim,
        lambda done: {
            f"a{number}": (
                ("failed" if number % 2 else "pending") if number < 2 * done else "claimed",
                1,
            )
            for number in range(4)
        },
        prepare=lambda queue: do.expire(queue, 3, 1, 3, 1),
        again=lambda queue: queue.reclaim(),
    ),
    "reclaim many": Work(
        do.reclaim_many,
        lambda done: do.states(
            (CHUNK * int(done), "pending", 1), (CHUNK * (2 - int(done)), "claimed", 1)
        ),
        prepare=lambda queue: do.expire(queue, *[3] * 2 * CHUNK),
        again=lambda queue: queue.reclaim(),
    ),
    "replay": Work(
        do.replay,
        lambda done: do.states(
            ([0, 1, 4][int(done)], "pending", 0), ([4, 3, 0][int(done)], "failed", 1)
        ),
        prepare=lambda queue: do.fail(queue, 4),
        again=lambda queue: queue.replay_many(),
    ),
    "replay many": Work(
        lambda queue, _: queue.replay_many(),
        lambda done: do.states(
            (CHUNK * int(done), "pending", 0), (CHUNK * (2 - int(done)), "failed", 1)
        ),
        prepare=lambda queue: do.fail(queue, 2 * CHUNK),
        again=lambda queue: queue.replay_many(),
    ),
    "purge": Work(
        do.purge,
        lambda done: do.states(
            (2, "gone" if done >= 1 else "failed", 1), (2, "gone" if done >= 2 else "pending", 0)
        ),
        prepare=do.failed_and_pending,
        again=lambda queue: queue.purge(""),
    ),
    "purge many": Work(
        lambda queue, _: queue.purge("pending"),
        lambda done: do.states(
            (CHUNK * int(done), "gone", 0), (CHUNK * (2 - int(done)), "pending", 0)
        ),
        prepare=lambda queue: do.put(queue, 2 * CHUNK),
        again=lambda queue: queue.purge("pending"),
    ),
    "register": Work(
        do.register,
        lambda done: do.schedules(*("s0", "s1")[: int(done)]),
        again=lambda queue: do.register(queue, NOWHERE),
    ),
    "fire": Work(
        do.fire,
        do.fired,
        prepare=lambda queue: do.scheduled(queue, "s0", "s1"),
        again=lambda queue: Scheduler(queue).run_once(),
    ),
    "fire many": Work(
        lambda queue, _: Scheduler(queue).run_once(),
        lambda done: (
            do.schedules("s0") | {f"s0 #{number}": ("pending", 0) for number in range(int(done))}
        ),
        prepare=lambda queue: do.scheduled(queue, "s0", late=3.5 * do.HOUR),
        again=lambda queue: Scheduler(queue).run_once(),
        steps=4,
    ),
    "unregister": Work(
        do.unregister,
        lambda done: do.schedules(*("s0", "s1")[int(done) :]),
        prepare=lambda queue: do.scheduled(queue, "s0", "s1"),
        again=lambda queue: do.unregister(queue, NOWHERE),
    ),
    "migrate": Work(lambda *_: None, lambda _: {}, new=True),
    "worker": Work(do.work_all, prepare=lambda queue: do.put(queue, 12)),
    "long handlers": Work(do.work_long, prepare=lambda queue: do.put(queue, 2)),
    "stop": Work(do.stop, prepare=lambda queue: do.put(queue, 12)),
}
