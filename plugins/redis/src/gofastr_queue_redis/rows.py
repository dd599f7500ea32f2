"""Jobs as the scripts keep and tell them: texts, their fields parted by NUL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

from gofastr_queue.lifecycle import Status
from gofastr_queue.limits import INT32_MAX
from gofastr_queue.records import Draft, StoredError, StoredJob, Want

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

DIGITS = 18
"""Moments are microseconds since 1970 in so many digits."""

LETTERS = {"p": Status.PENDING, "c": Status.CLAIMED, "f": Status.FAILED}

SPREAD = "".join(map(chr, range(ord("!"), ord("~") + 1)))
"""What a body may end with."""

PLACE = 12
"""Places are so many hex digits."""

TOKEN = 32
"""Tokens are so many hex digits."""


def text(value: Any) -> str:
    """Return an answer as text, whether or not the client decodes."""
    return value.decode() if isinstance(value, bytes) else value


def moment(told: str) -> datetime:
    """Read a moment."""
    return EPOCH + timedelta(0, int(told[:-6]), int(told[-6:]))


def told(moment: datetime | None) -> str:
    """Write a moment; none is empty."""
    return "" if moment is None else f"{(moment - EPOCH) // MICROSECOND:0{DIGITS}}"


def line(lane: str, type: str) -> str:
    """Write what jobs of a lane and type begin with."""
    return f"{lane}\0{type}\0"


def is_wanted(line: str, want: Want) -> bool:
    """Tell whether jobs of a line are wanted; of what is no line, nobody knows."""
    lane, _, rest = line.partition("\0")
    type, end, _ = rest.partition("\0")
    return bool(end) and want.admits(lane, type)


def draft(given: Draft) -> Iterator[object]:
    """Write a draft: six arguments of ``put.lua``."""
    delay = "" if given.delay is None else given.delay // MICROSECOND
    times = (told(given.created_at), told(given.scheduled_at), str(delay))
    imported = given.status is not Status.PENDING or given.attempts or given.errors
    yield given.id
    yield line(given.lane, given.type)
    yield given.priority
    yield "\0".join(times) if any(times) else ""
    yield tail(given)
    yield _history(given) if imported else ""


def plain(given: Draft) -> tuple[object, ...]:
    """Write a plain draft: the arguments of ``put_plain.lua``."""
    return given.id, line(given.lane, given.type), given.priority, urgency(given), tail(given)


def urgency(given: Draft) -> str:
    """Write a priority as ranks have it: it falls as the priority rises."""
    return f"{INT32_MAX - given.priority:08x}"


def tail(given: Draft) -> str:
    """Write what a body ends with.

    The last character is there for Lua 5.1 alone.  Of a long text it hashes the last character and
    some thirty others: thousands of payloads that differ little had one hash, and took a second
    to store.
    """
    spread = SPREAD[crc32(given.id.encode()) % len(SPREAD)]
    return f"{given.max_attempts}\0{given.headers}\0{given.payload}{spread}"


def claimed(told: Sequence[Any], worker: str, lease_until: datetime) -> StoredJob:
    """Read a job as ``claim.lua`` tells it: id, body, attempts, scheduled_at, errors."""
    id, body, attempts, later, failures = told
    lane, type, priority, _, created, scheduled, max_attempts, headers, payload = _body(body)
    created_at = moment(created)
    if later:
        scheduled = text(later)
    return StoredJob(
        text(id),
        type,
        payload,
        lane,
        int(priority),
        int(max_attempts),
        attempts,
        Status.CLAIMED,
        created_at,
        created_at if scheduled == created else moment(scheduled),
        headers,
        errors(failures) if failures else (),
        worker,
        lease_until,
    )


def stored(told: Sequence[Any]) -> StoredJob:
    """Read a job: id, body, state, errors."""
    id, body, state, failures = told
    lane, type, priority, _, created, scheduled, max_attempts, headers, payload = _body(body)
    status, attempts, lease, worker = "p", "0", "", ""
    if state:
        status, lease, rest = _state(state)
        _, _, attempts, later, worker = rest.split("\0", 4)
        scheduled = later or scheduled
    return StoredJob(
        text(id),
        type,
        payload,
        lane,
        int(priority),
        int(max_attempts),
        int(attempts),
        LETTERS[status],
        moment(created),
        moment(scheduled),
        headers,
        errors(failures),
        worker,
        moment(lease) if lease else None,
    )


def place(told: Sequence[Any]) -> int:
    """Read the place of a job: id, body, state, errors."""
    _, body, state, _ = told
    return int(_state(state)[2][:PLACE], 16) if state else int(_body(body)[3])


def errors(told: Any) -> tuple[StoredError, ...]:
    """Read the errors of attempts."""
    if not told:
        return ()
    parts = iter(text(told).split("\0")[:-1])
    return tuple(
        StoredError(int(attempt), moment(at), said)
        for attempt, at, said in zip(parts, parts, parts, strict=True)
    )


def _state(told: Any) -> tuple[str, str, str]:
    """Part a state as ``state.lua`` writes it: status, end of the lease, and from the place on."""
    state: str = text(told)
    if state[0] == "c":
        return "c", state[1 + TOKEN : 1 + TOKEN + DIGITS], state[1 + TOKEN + DIGITS :]
    return state[0], "", state[1:]


def _body(told: Any) -> list[str]:
    return text(told)[:-1].split("\0", 8)


def _history(given: Draft) -> str:
    kept = "".join(f"{one.attempt}\0{told(one.at)}\0{one.text}\0" for one in given.errors)
    return f"{given.status[0]}\0{given.attempts}\0{kept}"
