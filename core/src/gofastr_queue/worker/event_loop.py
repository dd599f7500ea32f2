"""An event loop in a thread of its own, and what runs ``async def`` handlers on it.

``loop`` imports this when the first handler needs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Coroutine

from gofastr_queue.handlers import Handler
from gofastr_queue.worker.keeper import Held
from gofastr_queue.worker.running import Runner, Settlement, context_of

log = logging.getLogger("gofastr_queue.worker")

CLEAN_UP_SECONDS = 1.0
"""What cancelled tasks have for their ``finally`` blocks when the worker stops."""


class EventLoop:
    """Runs from the start."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="gofastr-queue-loop", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the loop; tasks that still run are left where they are."""
        self._stopped = True
        self._finish()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(1)
        if not self._thread.is_alive() and not asyncio.all_tasks(self._loop):
            self._loop.close()

    def runs_here(self) -> bool:
        """Tell whether the caller is on the loop."""
        return threading.current_thread() is self._thread

    def soon(self, callback: Callable[[], None]) -> None:
        """Call something on the loop, from any thread."""
        self._loop.call_soon_threadsafe(callback)

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Begin a task, from the loop."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def call(self, runner: Runner, held: Held, handler: Handler) -> Settlement:
        """Run an ``async def`` handler and wait for its end, in a thread that is not the loop's."""
        return asyncio.run_coroutine_threadsafe(
            self.run(runner, held, handler), self._loop
        ).result()

    async def run(self, runner: Runner, held: Held, handler: Handler) -> Settlement:
        """Run an ``async def`` handler; over its timeout, or without its lease, it is cancelled.

        Nothing is let out: a SystemExit in a task would end the event loop.
        """
        context = context_of(held)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is a coroutine
        context.on_cancel(lambda: self._loop.call_soon_threadsafe(task.cancel))
        error: BaseException | None = None
        try:
            await handler.call(held.claim.job, context)
        except asyncio.CancelledError as raised:
            late = time.monotonic() >= held.stop_at
            error = TimeoutError("the handler ran over its timeout") if late else raised
        except BaseException as raised:  # noqa: BLE001 - see above
            error = raised
        return runner.settlement(held, handler, error)

    def _finish(self) -> None:
        """Let cancelled tasks clean up."""

        async def wait() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            if others:
                await asyncio.wait(others, timeout=CLEAN_UP_SECONDS)

        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(wait(), self._loop).result(2 * CLEAN_UP_SECONDS)

    def _run(self) -> None:
        """Run the loop, again when a SystemExit in somebody's task has ended it."""
        while not self._stopped:
            try:
                self._loop.run_forever()
            except BaseException:
                log.exception("a task has ended the event loop; it goes on")
