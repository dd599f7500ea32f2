"""What a producer or operator may give: every bound, checked before any input or output.

The same on every backend.  Each function returns what it checked, and otherwise raises
``InvalidJob`` (a job's field) or ``InvalidOption`` (anything else) naming the value and the remedy.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta

from gofastr_queue.errors import InvalidJob, InvalidOption
from gofastr_queue.job import DEFAULT_MAX_ATTEMPTS
from gofastr_queue.lifecycle import Status
from gofastr_queue.retry import LONGEST_DELAY

LONGEST_NAME = 255
"""Types, lanes and ids have at most this many characters."""

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1

LONGEST_LEASE = timedelta(days=365)

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)

ATOMIC_BULK = 10_000
"""``enqueue_many`` stores up to this many jobs all or none."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,47}")


def name(field: str, value: object, *, empty: bool = False) -> str:
    """Check a type, lane or id."""
    if not isinstance(value, str):
        raise InvalidJob(f"{field} must be text, got {value!r}")
    if not value and not empty:
        raise InvalidJob(f"{field} must not be empty")
    if len(value) > LONGEST_NAME:
        raise InvalidJob(
            f"{field} has {len(value)} characters, the limit is {LONGEST_NAME}: {value[:40]!r}…"
        )
    if not value.isascii() or not value.isprintable():
        for character in value:
            if unicodedata.category(character) in ("Cc", "Cs"):
                raise InvalidJob(
                    f"{field} holds a control character or lone surrogate: {value[:80]!r}"
                )
    return value


def priority(value: object) -> int:
    """Check a priority: any 32-bit integer."""
    return _integer("priority", value, INT32_MIN, INT32_MAX)


def max_attempts(value: object) -> int:
    """Check max_attempts; 0 means the default, 3."""
    return _integer("max_attempts", value, 0, INT32_MAX) or DEFAULT_MAX_ATTEMPTS


def moment(field: str, value: object) -> datetime:
    """Check a point in time: aware, from 1970 to 9000."""
    if not isinstance(value, datetime):
        raise InvalidJob(f"{field} must be an aware datetime, got {value!r}")
    if value.tzinfo is None or value.utcoffset() is None:
        raise InvalidJob(
            f"{field} {value.isoformat()!r} is naive; give it a time zone, "
            "for instance datetime.now(timezone.utc)"
        )
    try:
        utc = value.astimezone(UTC)
    except OverflowError:
        utc = None
    if utc is None or not EARLIEST <= utc <= LATEST:
        raise InvalidJob(f"{field} {value.isoformat()!r} is outside the years 1970 to 9000")
    return utc


def delay(value: object, field: str = "delay") -> timedelta:
    """Check a delay: 0 to ten years."""
    if not isinstance(value, timedelta):
        raise InvalidJob(f"{field} must be a timedelta, got {value!r}")
    if not timedelta(0) <= value <= LONGEST_DELAY:
        raise InvalidJob(f"{field} must be between 0 and {LONGEST_DELAY.days} days, got {value}")
    return value


def lease(value: object) -> timedelta:
    """Check a lease: positive, at most a year."""
    return duration("lease", value, LONGEST_LEASE)


def duration(field: str, value: object, longest: timedelta = LONGEST_DELAY) -> timedelta:
    """Check a positive span of time."""
    if not isinstance(value, timedelta):
        raise InvalidOption(f"{field} must be a timedelta, got {value!r}")
    if not timedelta(0) < value <= longest:
        raise InvalidOption(
            f"{field} must be positive and at most {longest.days} days, got '{value}'"
        )
    return value


def span(field: str, value: object, *, zero: bool = False) -> timedelta:
    """Check how long to wait or work: a timedelta, or a number of seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            value = timedelta(seconds=value)
        except (OverflowError, ValueError):
            raise InvalidOption(f"{field} must be a possible time, got {value!r}") from None
    if zero and value == timedelta(0):
        return timedelta(0)
    return duration(field, value)


def count(field: str, value: object, least: int = 1) -> int:
    """Check a number of things."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= INT32_MAX:
        raise InvalidOption(f"{field} must be an integer of at least {least}, got {value!r}")
    return value


def status(value: object) -> Status | None:
    """Check a status; empty means every one."""
    if value == "":
        return None
    try:
        return Status(value)  # type: ignore[arg-type] # what is no status raises
    except ValueError:
        known = ", ".join(repr(str(one)) for one in Status)
        raise InvalidOption(f"unknown status {value!r}; known: {known}, or '' for all") from None


def identifier(field: str, value: object) -> str:
    """Check the name of a table or schema."""
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        raise InvalidOption(
            f"{field} {value!r} is no plain identifier: a letter or underscore, "
            "then letters, digits or underscores, at most 48 in all"
        )
    return value


def _integer(field: str, value: object, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidJob(f"{field} must be an integer, got {value!r}")
    if not least <= value <= most:
        raise InvalidJob(f"{field} must be between {least} and {most}, got {value}")
    return int(value)
