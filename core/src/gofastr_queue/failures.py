"""The error text of an attempt: made, bounded and read by core, opaque to stores."""

from __future__ import annotations

import json
import traceback

from gofastr_queue.job import JobError
from gofastr_queue.records import StoredError

MAX_ERROR_BYTES = 8 * 1024
MAX_MESSAGE = 2_000
PARTS = 3  # kind, message, traceback
FRAMES = 20
"""The innermost frames of a traceback say where; deeper recursion repeats itself."""


def failure(kind: str, message: str, trace: str = "") -> str:
    """Return the text of an error, ASCII without line breaks, at most 8 KiB."""
    message = message[:MAX_MESSAGE]
    text = json.dumps([kind[:200], message, trace])
    while len(text) > MAX_ERROR_BYTES and (trace or message):
        excess = len(text) - MAX_ERROR_BYTES
        if trace:
            trace = trace[excess + len(trace) // 10 :]  # the innermost frames stand last
        else:
            message = message[: len(message) // 2]
        text = json.dumps([kind[:200], message, trace])
    return text


def describe(error: BaseException) -> str:
    """Return the text of a raised error, whatever its ``__str__`` does."""
    try:
        message = str(error)
    except BaseException as hostile:  # noqa: BLE001 - a handler's class may raise anything
        message = f"<its __str__ raised {type(hostile).__name__}>"
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return failure(type(error).__name__, message, "".join(traceback.format_list(frames)))


def read(stored: StoredError) -> JobError:
    """Return a stored error as users see it; text of unknown form becomes the message."""
    try:
        parts = json.loads(stored.text)
    except (ValueError, TypeError, RecursionError):
        parts = None
    if isinstance(parts, list) and len(parts) == PARTS and all(isinstance(p, str) for p in parts):
        return JobError(stored.attempt, stored.at, *parts)
    return JobError(stored.attempt, stored.at, "Unknown", stored.text)


EXPIRED = "LeaseExpired"
"""The kind of such an error."""

LEASE_EXPIRED = failure(
    EXPIRED, "the lease ran out before the worker settled the job: it died, hung or was cut"
)
"""What reclaiming keeps as the error of the attempt."""
