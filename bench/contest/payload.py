"""What every contestant enqueues: a JSON object of 100 bytes with a number of its own."""

from __future__ import annotations

FIRST = 1_000_000
"""Numbers are told from here on, so that each has as many digits."""

SUBJECT = "x" * 45


def payload(number: int) -> dict[str, str | int]:
    """Return the payload of a job; its JSON without spaces has 100 bytes."""
    return {"number": FIRST + number, "to": "user@example.com", "subject": SUBJECT}


def number_of(payload: dict[str, str | int]) -> int:
    """Return the number of a payload."""
    return int(payload["number"]) - FIRST
