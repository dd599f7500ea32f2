"""Every error of the project: the docstring says what went wrong and what to do."""

from __future__ import annotations

from collections.abc import Sequence


class QueueError(Exception):
    """Root of every error raised by this project."""


class NoJob(QueueError):  # noqa: N818 - the seed's word, a signal rather than a fault
    """Nothing that was asked for is ready; try again later, or wait for a worker's wake-up."""


class QueueClosed(QueueError):  # noqa: N818 - the seed's word
    """The queue was closed; open a new one."""


class InvalidJob(QueueError, ValueError):  # noqa: N818
    """A job's type, payload or option is outside its limits; nothing was stored."""


class InvalidOption(QueueError, ValueError):  # noqa: N818
    """An option of a queue, worker or query has an impossible value; nothing was done."""


class InvalidSchedule(QueueError, ValueError):  # noqa: N818
    """A schedule's specification can never work; nothing was registered."""


class DuplicateJob(QueueError):  # noqa: N818
    """Ids are taken by stored jobs; nothing was stored.  ``ids`` names them."""

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids = tuple(ids)
        shown = ", ".join(repr(id) for id in self.ids[:3])
        more = f" and {len(self.ids) - 3} more" if len(self.ids) > 3 else ""  # noqa: PLR2004
        super().__init__(
            f"already stored: {shown}{more}; nothing was enqueued. "
            "Use other ids, or on_conflict='ignore' to keep the first"
        )


class UnsupportedOperation(QueueError):  # noqa: N818
    """The backend lacks the capability that an operation needs."""

    def __init__(self, backend: str, operation: str, capability: str) -> None:
        self.backend = backend
        self.operation = operation
        self.capability = capability
        super().__init__(
            f"backend {backend!r} cannot {operation}: it lacks the capability {capability}"
        )


class InvalidPlugin(QueueError, TypeError):  # noqa: N818
    """A backend or plugin does not fit the hooks; the queue was not opened."""


class BackendNotFound(QueueError):  # noqa: N818
    """No installed distribution serves this URL scheme, or more than one does."""


class BackendUnavailable(QueueError):  # noqa: N818
    """The store cannot be reached, refuses, or did not say whether an operation took effect.

    Repeating is safe for what is idempotent: an enqueue with the same id, an ack, a replay.
    """


class StoreFull(QueueError):  # noqa: N818
    """The store has no room; nothing was stored.  Make room, then try again."""


class CorruptJob(QueueError):  # noqa: N818
    """A stored payload cannot be read; the job is buried with this reason, never run."""


class CorruptSchedule(QueueError):  # noqa: N818
    """A stored schedule cannot be read; it is left alone, register it anew or remove it."""


class SchemaTooNew(QueueError):  # noqa: N818
    """The store was written by a later version; upgrade this installation."""
