"""What runs the jobs of a pool: threads, or tasks on one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import threading

from gofastr_queue.handlers import Handler
from gofastr_queue.records import Outcome, Release
from gofastr_queue.worker.keeper import Held
from gofastr_queue.worker.pool import Pool
from gofastr_queue.worker.running import Runner, Settlement

log = logging.getLogger("gofastr_queue.worker")

CLEAN_UP_SECONDS = 1.0
"""What cancelled tasks have for their ``finally`` blocks when the worker stops."""


class Loop:
    """An event loop in a thread of its own, started when first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False

    def get(self) -> asyncio.AbstractEventLoop:
        """Return the running loop."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._run, args=(self._loop,), name="gofastr-queue-loop", daemon=True
                )
                self._thread.start()
            return self._loop

    def stop(self) -> None:
        """Stop the loop; tasks that still run are left where they are."""
        with self._lock:
            if self._loop is None or self._thread is None:
                return
            self._stopped = True
            self._finish(self._loop)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(1)
            if not self._thread.is_alive() and not asyncio.all_tasks(self._loop):
                self._loop.close()

    def runs_here(self) -> bool:
        """Tell whether the caller is on the loop."""
        return threading.current_thread() is self._thread

    def _finish(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let cancelled tasks clean up."""

        async def wait() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            if others:
                await asyncio.wait(others, timeout=CLEAN_UP_SECONDS)

        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(wait(), loop).result(2 * CLEAN_UP_SECONDS)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run the loop, again when a SystemExit in somebody's task has ended it."""
        while not self._stopped:
            try:
                loop.run_forever()
            except BaseException:
                log.exception("a task has ended the event loop; it goes on")


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
        while (held := self._pool.take(slot)) is not None:
            self._pool.finish(slot, held, self._runner.run(held, self._call_async))

    def _call_async(self, held: Held, handler: Handler) -> Settlement:
        running = self._runner.run_async(held, handler)
        return asyncio.run_coroutine_threadsafe(running, self._loop.get()).result()


class Tasks:
    """Slots that are tasks on an event loop."""

    def __init__(self, pool: Pool, runner: Runner, loop: Loop) -> None:
        self._pool = pool
        self._runner = runner
        self._loop = loop
        self._free = pool.slots
        self._names = itertools.count()
        self._running: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Take jobs whenever the pool has some."""
        self._pool.on_jobs = lambda: self._loop.get().call_soon_threadsafe(self._take)

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
            task = asyncio.get_running_loop().create_task(self._run(slot, held))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _run(self, slot: int, held: Held) -> None:
        handler = self._runner.prepare(held)
        settlement: Settlement
        if isinstance(handler, Release):
            settlement = handler
        elif handler.on_loop:
            settlement = await self._runner.run_async(held, handler)
        else:  # registered anew for a thread or process meanwhile
            settlement = Release(held.claim, Outcome.GIVE_BACK)
        self._pool.finish(slot, held, settlement)
        self._free += 1
        self._take()
