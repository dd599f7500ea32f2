"""What a producer or operator may give: every bound, checked before any input or output.

The same on every backend.  Each function returns what it checked, and otherwise raises
``InvalidJob`` (a job's field) or ``InvalidOption`` (anything else) naming the value and the remedy.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from gofastr_queue.errors import InvalidJob, InvalidOption
from gofastr_queue.job import DEFAULT_MAX_ATTEMPTS
from gofastr_queue.lifecycle import Status
from gofastr_queue.retry import LONGEST_DELAY

LONGEST_NAME = 255
"""Types, lanes and ids have at most this many characters."""

LONGEST_SHOWN = 80
"""Characters of a refused value that its error repeats."""

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1

LONGEST_LEASE = timedelta(days=365)

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)

ATOMIC_BULK = 10_000
"""``enqueue_many`` stores up to this many jobs all or none."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,47}")


def shown(value: object) -> str:
    """Return a value as an error shows it: short, on one line, whatever its repr does."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a repr may raise anything, an integer may be too long
        return f"a {type(value).__name__} that cannot be shown"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def name(field: str, value: object, *, empty: bool = False) -> str:
    """Check a type, lane or id."""
    if not isinstance(value, str):
        raise InvalidJob(f"{field} must be text, got {shown(value)}")
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


def max_attempts(value: object, default: int = DEFAULT_MAX_ATTEMPTS) -> int:
    """Check max_attempts; 0 means the default."""
    return _integer("max_attempts", value, 0, INT32_MAX) or int(default) or DEFAULT_MAX_ATTEMPTS


def moment(field: str, value: object) -> datetime:
    """Check a point in time: aware, from 1970 to 9000."""
    if not isinstance(value, datetime):
        raise InvalidJob(f"{field} must be an aware datetime, got {shown(value)}")
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
        raise InvalidJob(f"{field} must be a timedelta, got {shown(value)}")
    if not timedelta(0) <= value <= LONGEST_DELAY:
        raise InvalidJob(f"{field} must be between 0 and {LONGEST_DELAY.days} days, got {value}")
    return value


def lease(value: object) -> timedelta:
    """Check a lease: positive, at most a year."""
    return duration("lease", value, LONGEST_LEASE)


def duration(field: str, value: object, longest: timedelta = LONGEST_DELAY) -> timedelta:
    """Check a positive span of time."""
    if not isinstance(value, timedelta):
        raise InvalidOption(f"{field} must be a timedelta, got {shown(value)}")
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
            raise InvalidOption(f"{field} must be a possible time, got {shown(value)}") from None
    if zero and value == timedelta(0):
        return timedelta(0)
    return duration(field, value)


def count(field: str, value: object, least: int = 1) -> int:
    """Check a number of things."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= INT32_MAX:
        bound = f" of at least {least}" if least > INT32_MIN else ""
        raise InvalidOption(f"{field} must be an integer{bound}, got {shown(value)}")
    return value


def status(value: object) -> Status | None:
    """Check a status; empty means every one."""
    if value == "":
        return None
    try:
        return Status(value)  # type: ignore[arg-type] # what is no status raises
    except ValueError:
        known = ", ".join(repr(str(one)) for one in Status)
        raise InvalidOption(
            f"unknown status {shown(value)}; known: {known}, or '' for all"
        ) from None


def headers(value: object) -> Mapping[str, str]:
    """Check headers: texts by name."""
    if type(value) is dict and not value:
        return value
    if not isinstance(value, Mapping):
        raise InvalidJob(f"headers must map names to texts, got {shown(value)}")
    for key, text in value.items():
        for part in (key, text):
            if not isinstance(part, str) or not _is_unicode(part):
                raise InvalidJob(f"headers must map names to texts, got {shown(part)} among them")
    return value


def names(field: str, values: object) -> frozenset[str] | None:
    """Check a collection of types or lanes to choose from; empty means all."""
    if isinstance(values, str) or not isinstance(values, Collection):
        raise InvalidOption(f"{field} must be a collection of names, got {shown(values)}")
    return frozenset(name(field, value, empty=field == "lanes") for value in values) or None


def cursor(value: object) -> str:
    """Check the form of a cursor; whether a page gave it only its store can tell."""
    if not isinstance(value, str) or len(value) > LONGEST_NAME:
        raise InvalidOption(f"before must be a cursor from an earlier page, got {shown(value)}")
    return value


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def identifier(field: str, value: object) -> str:
    """Check the name of a table or schema."""
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        raise InvalidOption(
            f"{field} {shown(value)} is no plain identifier: a letter or underscore, "
            "then letters, digits or underscores, at most 48 in all"
        )
    return value


def _integer(field: str, value: object, least: int, most: int) -> int:
    if type(value) is int and least <= value <= most:
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidJob(f"{field} must be an integer, got {shown(value)}")
    if not least <= value <= most:
        raise InvalidJob(f"{field} must be between {least} and {most}, got {shown(value)}")
    return int(value)
