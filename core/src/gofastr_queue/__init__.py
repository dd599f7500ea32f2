"""A job queue whose stores are plugins.  Everything a user needs is imported from here."""

from typing import TYPE_CHECKING

from gofastr_queue.capabilities import Capability
from gofastr_queue.errors import (
    BackendNotFound,
    BackendUnavailable,
    CorruptJob,
    CorruptSchedule,
    DuplicateJob,
    InvalidJob,
    InvalidOption,
    InvalidPlugin,
    InvalidSchedule,
    NoJob,
    QueueClosed,
    QueueError,
    SchemaTooNew,
    StoreFull,
    UnsupportedOperation,
)
from gofastr_queue.handlers import Bury, Context, Retry, Snooze
from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.job import Claim, Job, JobError, Page, Unreadable
from gofastr_queue.lifecycle import Status
from gofastr_queue.queue import Queue, Worker
from gofastr_queue.retry import Backoff
from gofastr_queue.scheduler import Scheduler
from gofastr_queue.schedules import Schedule

__version__ = "0.1.0"

__all__ = [
    "AsyncQueue",
    "BackendNotFound",
    "BackendUnavailable",
    "Backoff",
    "Bury",
    "Capability",
    "Claim",
    "Context",
    "CorruptJob",
    "CorruptSchedule",
    "DuplicateJob",
    "InvalidJob",
    "InvalidOption",
    "InvalidPlugin",
    "InvalidSchedule",
    "Job",
    "JobError",
    "NoJob",
    "Page",
    "Queue",
    "QueueClosed",
    "QueueError",
    "Retry",
    "Schedule",
    "Scheduler",
    "SchemaTooNew",
    "Snooze",
    "Status",
    "StoreFull",
    "Unreadable",
    "UnsupportedOperation",
    "Worker",
    "hookimpl",
]

if TYPE_CHECKING:
    from gofastr_queue.aio import AsyncQueue
else:

    def __getattr__(name: str) -> object:
        """Import what needs asyncio when it is asked for: asyncio takes a third of the time."""
        if name != "AsyncQueue":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from gofastr_queue.aio import AsyncQueue  # noqa: PLC0415 - as said

        return AsyncQueue

    def __dir__() -> list[str]:
        """Name it too."""
        return sorted({*globals(), *__all__})
