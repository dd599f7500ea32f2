"""The user's type: a queue, opened on one store.

Its verbs stand by topic: ``producing``, ``consuming``, ``operating``, ``scheduling``,
``working``.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from gofastr_queue.queue.consuming import Consuming
from gofastr_queue.queue.operating import Operating
from gofastr_queue.queue.producing import Producing
from gofastr_queue.queue.scheduling import Scheduling
from gofastr_queue.queue.working import Working


class Queue(Producing, Consuming, Operating, Scheduling, Working):
    """A job queue on one store.

    Safe to use from any thread.  Every method raises ``QueueClosed`` after ``close``, and
    ``BackendUnavailable`` when the store cannot be reached or did not answer.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Worker:
    """A queue's worker as an object: ``with Worker(queue, 4): ...`` runs jobs inside the block.

    Takes what ``Queue.start`` takes.  Leaving the block closes the queue.
    """

    def __init__(self, queue: Queue, workers: int = 4, **options: Any) -> None:
        self.queue = queue
        self._workers = workers
        self._options = options

    def start(self) -> None:
        """Run jobs in the background."""
        self.queue.start(self._workers, **self._options)

    def run(self) -> None:
        """Run jobs until SIGTERM or SIGINT."""
        self.queue.run(self._workers, **self._options)

    def stop(self) -> None:
        """Stop and close the queue."""
        self.queue.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


__all__ = ["Queue", "Worker"]
