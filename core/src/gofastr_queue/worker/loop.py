"""The event loop that a worker's ``async def`` handlers share, once it has one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gofastr_queue.worker.event_loop import EventLoop


class Loop:
    """Begins with the first such handler: to import asyncio takes a third of a start."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: EventLoop | None = None

    def get(self) -> EventLoop:
        """Return the running loop."""
        with self._lock:
            if self._begun is None:
                from gofastr_queue.worker.event_loop import EventLoop  # noqa: PLC0415 - see above

                self._begun = EventLoop()
            return self._begun

    def stop(self) -> None:
        """Stop the loop, if it has begun."""
        with self._lock:
            begun = self._begun
        if begun is not None:
            begun.stop()

    def runs_here(self) -> bool:
        """Tell whether the caller is on the loop."""
        return self._begun is not None and self._begun.runs_here()
