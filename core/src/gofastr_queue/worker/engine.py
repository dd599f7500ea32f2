"""A worker: its pools, the keeper of its leases, and its reclaimer."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta

from gofastr_queue import failpoints
from gofastr_queue.consumer import Consumer
from gofastr_queue.handlers import Handler, Registry
from gofastr_queue.places import refuse_while_loading, verify
from gofastr_queue.records import Want
from gofastr_queue.retry import Backoff
from gofastr_queue.worker.children import STOP_SECONDS, Children
from gofastr_queue.worker.gate import Gate
from gofastr_queue.worker.keeper import STOPPED, Held, Keeper
from gofastr_queue.worker.loop import Loop
from gofastr_queue.worker.options import Options
from gofastr_queue.worker.pool import Pool
from gofastr_queue.worker.reclaimer import Reclaimer
from gofastr_queue.worker.running import Runner
from gofastr_queue.worker.slots import Tasks, Threads
from gofastr_queue.worker.suspects import Suspects

SETTLE_SECONDS = 3 * STOP_SECONDS
"""How long after its grace a worker may take to end processes and to settle their jobs."""

SETTLE_TICK = 0.01

log = logging.getLogger("gofastr_queue.worker")

after_stop_claiming = failpoints.point("shutdown.after_stop_claiming")


class Engine:
    """Runs a queue's jobs until it is stopped."""

    def __init__(
        self, consumer: Consumer, handlers: Registry, backoff: Backoff | None, options: Options
    ) -> None:
        self._handlers = handlers
        self._options = options
        self._gate = Gate(options.gate)
        self._keeper = Keeper(consumer)
        self._reclaimer = Reclaimer(
            consumer.reclaim, options.reclaim_interval, lambda: datetime.now(UTC)
        )
        suspects = Suspects(self._keeper)
        self._loop = Loop()
        self._children = Children()
        runner = Runner(
            consumer, handlers, self._gate, backoff, options.handler_timeout, self._children
        )

        def pool(name: str, slots: int, lane: str | None, kind: bool | None) -> Pool:
            return Pool(
                name,
                slots,
                lambda: self._want(lane, kind),
                consumer,
                handlers,
                self._keeper,
                self._gate,
                suspects,
                options.poll,
            )

        self._slots: list[Threads | Tasks] = []
        self._pools: list[Pool] = []
        if options.workers:
            self._pools.append(pool("threads", options.workers, None, kind=False))
            self._slots.append(Threads(self._pools[-1], runner, self._loop))
        for lane, number in options.lanes.items():
            self._pools.append(pool(f"lane-{lane}", number, lane, kind=None))
            self._slots.append(Threads(self._pools[-1], runner, self._loop))
        self._pools.append(pool("tasks", options.concurrency, None, kind=True))
        self._slots.append(Tasks(self._pools[-1], runner, self._loop))

    def start(self) -> None:
        """Begin claiming; raises ``InvalidOption`` for a handler that no process could import."""
        refuse_while_loading()
        for handler in self._handlers.all():
            if handler.place is not None:
                verify(handler.type, handler.function)
        if not self._handlers.all():
            log.warning("no handler is registered: this worker claims nothing until one is")
        self._handlers.on_change(self._changed)
        self._begin_loop()
        self._keeper.start()
        self._reclaimer.start(self._options.reclaim_interval)
        for slots in self._slots:
            slots.start()
        for pool in self._pools:
            pool.start()

    def nudge(self) -> None:
        """Look for jobs now."""
        for pool in self._pools:
            pool.nudge()

    def stop(self, grace: timedelta) -> bool:
        """Claim no more, give back what has not started, and wait for what runs.

        After ``grace`` the handlers that still run are told to stop and left to their leases, or
        ended with their process and settled; False then.
        """
        self._handlers.off_change(self._changed)
        deadline = time.monotonic() + grace.total_seconds()
        for pool in self._pools:
            pool.stop()
        after_stop_claiming()
        joined = [pool.join(deadline - time.monotonic()) for pool in self._pools]
        held = self._keeper.held()
        for one in held:
            one.cancel(STOPPED)
        self._settled({one for one in held if one.apart})
        self._children.close()
        for pool in self._pools:
            pool.end()
        self._keeper.stop()
        self._reclaimer.stop()
        self._loop.stop()
        return all(joined)

    def _changed(self) -> None:
        """Look for jobs of a handler that was registered."""
        self._begin_loop()
        self.nudge()

    def _begin_loop(self) -> None:
        """Begin the loop that a handler needs now, for its first job would wait for the import."""
        if any(handler.on_loop for handler in self._handlers.all()):
            self._loop.get()

    def _settled(self, ended: set[Held]) -> None:
        """Wait until jobs whose process was ended are settled, or the store cannot be reached."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while ended & set(self._keeper.held()) and time.monotonic() < deadline:
            time.sleep(SETTLE_TICK)

    def runs_here(self) -> bool:
        """Tell whether the caller is one of this worker's handlers."""
        return any(slots.runs_here() for slots in self._slots)

    def idle(self) -> bool:
        """Tell whether this worker holds no claim."""
        return all(pool.idle() for pool in self._pools)

    def want(self) -> Want | None:
        """Return what this worker would run now, in any lane; None if nothing."""
        return self._want(None, None)

    def _want(self, lane: str | None, kind: bool | None) -> Want | None:
        """Return what a pool takes: ``kind`` True for what runs on the loop, False for the rest.

        None for any.
        """
        handlers = self._handlers.all()
        if not handlers:
            return None
        lanes = None if lane is None else frozenset({lane})
        types = {handler.type for handler in handlers}
        mine = {handler.type for handler in handlers if _is(handler, kind)}
        closed = self._gate.refresh(types)
        if self._options.unregistered == "drop" and kind is not True:
            return Want(not_types=frozenset(types - mine | closed) or None, lanes=lanes)
        wanted = frozenset(mine - closed)
        return Want(types=wanted, lanes=lanes) if wanted else None


def _is(handler: Handler, kind: bool | None) -> bool:
    return kind is None or handler.on_loop is kind
