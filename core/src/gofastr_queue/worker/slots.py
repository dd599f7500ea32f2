"""What runs the jobs of a pool: threads, or tasks on one event loop."""

from __future__ import annotations

import itertools
import threading

from gofastr_queue.handlers import Handler
from gofastr_queue.records import Outcome, Release
from gofastr_queue.worker.keeper import Held
from gofastr_queue.worker.loop import Loop
from gofastr_queue.worker.pool import Pool
from gofastr_queue.worker.running import Runner, Settlement


class Threads:
    """Slots that are threads; an ``async def`` handler occupies one while the loop runs it."""

    def __init__(self, pool: Pool, runner: Runner, loop: Loop) -> None:
        self._pool = pool
        self._runner = runner
        self._loop = loop
        self._threads = [
            threading.Thread(
                target=self._run,
                args=(slot,),
                name=f"gofastr-queue-{pool.name}-{slot}",
                daemon=True,
            )
            for slot in range(pool.slots)
        ]

    def start(self) -> None:
        """Start every thread."""
        for thread in self._threads:
            thread.start()

    def runs_here(self) -> bool:
        """Tell whether the caller is one of these threads."""
        return threading.current_thread() in self._threads

    def _run(self, slot: int) -> None:
        held = self._pool.take(slot)
        while held is not None:
            held = self._pool.swap(slot, held, self._runner.run(held, self._call_async))

    def _call_async(self, held: Held, handler: Handler) -> Settlement:
        return self._loop.get().call(self._runner, held, handler)


class Tasks:
    """Slots that are tasks on an event loop."""

    def __init__(self, pool: Pool, runner: Runner, loop: Loop) -> None:
        self._pool = pool
        self._runner = runner
        self._loop = loop
        self._free = pool.slots
        self._names = itertools.count()

    def start(self) -> None:
        """Take jobs whenever the pool has some."""
        self._pool.on_jobs = lambda: self._loop.get().soon(self._take)

    def runs_here(self) -> bool:
        """Tell whether the caller is one of these tasks."""
        return self._loop.runs_here()

    def _take(self) -> None:
        while self._free:
            slot = next(self._names)
            held = self._pool.try_take(slot)
            if held is None:
                return
            self._free -= 1
            self._loop.get().spawn(self._run(slot, held))

    async def _run(self, slot: int, held: Held) -> None:
        handler = self._runner.prepare(held)
        settlement: Settlement
        if isinstance(handler, Release):
            settlement = handler
        elif handler.on_loop:
            settlement = await self._loop.get().run(self._runner, held, handler)
        else:  # registered anew for a thread or process meanwhile
            settlement = Release(held.claim, Outcome.GIVE_BACK)
        self._pool.finish(slot, held, settlement)
        self._free += 1
        self._take()
