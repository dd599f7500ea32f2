"""Every bound on what a queue takes: shown in security.md, and tried at its edge on every store.

The numbers are the code's own, so neither the page nor the test can fall behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from attrs import frozen

from gofastr_queue import Job, Queue, Scheduler
from gofastr_queue.consumer import CLAIM_CHUNK
from gofastr_queue.cron import LONGEST_SPEC
from gofastr_queue.limits import (
    ATOMIC_BULK,
    EARLIEST,
    INT32_MAX,
    INT32_MIN,
    LATEST,
    LONGEST_LEASE,
    LONGEST_NAME,
)
from gofastr_queue.payload import MAX_BYTES, MAX_DEPTH, MAX_DIGITS, MAX_HEADER_BYTES
from gofastr_queue.retry import LONGEST_DELAY
from gofastr_queue.schedules import LONGEST_ID

Operation = Callable[[Queue], Any]

MICROSECOND = timedelta(microseconds=1)

NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - refused for having no zone

NUMBERS: tuple[Any, ...] = (True, -1, 1.0, float("nan"), float("inf"), "5", None, 10**30)
"""What is no number of things anywhere."""


@frozen
class Bound:
    """What is bounded, how, the outermost that is taken, and the first that is refused."""

    what: str
    shown: str
    taken: tuple[Operation, ...]
    refused: tuple[Operation, ...]


def number(value: int) -> str:
    """Return a number with its thousands apart."""
    return f"{value:,}".replace(",", " ")


def enqueued(**fields: Any) -> Operation:
    """Return an enqueue of a job with these fields."""
    return lambda queue: queue.enqueue(**({"type": "mail"} | fields))


def stored(**fields: Any) -> Operation:
    """Return an enqueue of a ``Job``, which has fields of its own."""
    return lambda queue: queue.enqueue_many([Job(type="mail", **fields)])


def called(name: str, *arguments: Any, **options: Any) -> Operation:
    """Return a call of one of the queue's methods."""
    return lambda queue: getattr(queue, name)(*arguments, **options)


def scheduled(name: str, *arguments: Any, **options: Any) -> Operation:
    """Return a registration of a schedule."""
    return lambda queue: getattr(Scheduler(queue), name)(*arguments, **options)


def extended(lease: Any) -> Operation:
    """Return an extension of a new claim."""

    def extend(queue: Queue) -> None:
        queue.enqueue("mail", lane="extended")
        claim = queue.dequeue(lane="extended")
        try:
            queue.extend(claim, lease)
        finally:
            queue.ack(claim)

    return extend


def nested(depth: int) -> Any:
    """Return lists inside lists."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def _name(field: str, least: int) -> Bound:
    return Bound(
        f"a job's `{field}`",
        f"{least} to {LONGEST_NAME} characters, no control characters, no lone surrogates",
        tuple(enqueued(**{field: one}) for one in ("é" * LONGEST_NAME, "' --", "x")),
        tuple(
            enqueued(**{field: one})
            for one in ("x" * (LONGEST_NAME + 1), "a\nb", "\0", "\x9f", "\ud800", 5, b"x", True)
        ),
    )


BOUNDS = (
    _name("type", 1),
    _name("lane", 0),
    _name("id", 1),
    Bound(
        "a payload, as JSON",
        f"{MAX_BYTES // 1024} KiB, unless `max_payload_bytes=` says otherwise",
        (enqueued(payload="x" * (MAX_BYTES - 2)), enqueued(payload="€" * ((MAX_BYTES - 2) // 3))),
        (enqueued(payload="x" * (MAX_BYTES - 1)), enqueued(payload="€" * (MAX_BYTES // 3))),
    ),
    Bound(
        "lists and objects inside each other",
        f"{MAX_DEPTH} deep, unless `max_payload_depth=` says otherwise",
        (enqueued(payload=nested(MAX_DEPTH)),),
        (enqueued(payload=nested(MAX_DEPTH + 1)), enqueued(payload=nested(100_000))),
    ),
    Bound(
        "an integer in a payload",
        f"{number(MAX_DIGITS)} digits",
        (enqueued(payload=10**MAX_DIGITS - 1),),
        (enqueued(payload=10**MAX_DIGITS), enqueued(payload=-(10**MAX_DIGITS))),
    ),
    Bound(
        "a job's `headers`, as JSON",
        f"{MAX_HEADER_BYTES // 1024} KiB, texts by name",
        (stored(headers={"a": "x" * (MAX_HEADER_BYTES - 9)}),),
        (stored(headers={"a": "x" * (MAX_HEADER_BYTES - 8)}), stored(headers={"a": 5})),
    ),
    Bound(
        "`priority`",
        f"{number(INT32_MIN)} to {number(INT32_MAX)}",
        (enqueued(priority=INT32_MIN), enqueued(priority=INT32_MAX)),
        tuple(
            enqueued(priority=one)
            for one in (INT32_MIN - 1, INT32_MAX + 1, *NUMBERS)
            if type(one) is not int or one != -1
        ),
    ),
    Bound(
        "`max_attempts`",
        f"1 to {number(INT32_MAX)}; 0 means 3",
        (enqueued(max_attempts=0), enqueued(max_attempts=INT32_MAX)),
        tuple(enqueued(max_attempts=one) for one in (INT32_MAX + 1, *NUMBERS)),
    ),
    Bound(
        "`scheduled_at` and `created_at`",
        f"aware, the years {EARLIEST.year} to {LATEST.year}",
        tuple(enqueued(scheduled_at=one) for one in (EARLIEST, LATEST)),
        tuple(
            enqueued(scheduled_at=one)
            for one in (EARLIEST - MICROSECOND, LATEST + MICROSECOND, NAIVE, 0, "now")
        ),
    ),
    Bound(
        "`delay`",
        f"0 to {number(LONGEST_DELAY.days)} days",
        (enqueued(delay=timedelta(0)), enqueued(delay=LONGEST_DELAY)),
        tuple(enqueued(delay=one) for one in (-MICROSECOND, LONGEST_DELAY + MICROSECOND, 5, True)),
    ),
    Bound(
        "a lease",
        f"more than 0, at most {LONGEST_LEASE.days} days",
        (extended(LONGEST_LEASE), extended(timedelta(hours=1))),
        tuple(
            extended(one)
            for one in (timedelta(0), -MICROSECOND, LONGEST_LEASE + MICROSECOND, 30, True)
        ),
    ),
    Bound(
        "jobs that `enqueue_many` stores all or none",
        f"{number(ATOMIC_BULK)}; more need `chunk=`",
        (called("enqueue_many", [Job(type="mail")] * ATOMIC_BULK),),
        (
            called("enqueue_many", [Job(type="mail")] * (ATOMIC_BULK + 1)),
            called("enqueue_many", [Job(type="mail")] * 2, chunk=0),
        ),
    ),
    Bound(
        "the `limit` of `claim`",
        f"1 to {number(INT32_MAX)}; each {number(CLAIM_CHUNK)} jobs are claimed in one step",
        (called("claim", 1), called("claim", INT32_MAX)),
        tuple(called("claim", one) for one in (0, INT32_MAX + 1, *NUMBERS)),
    ),
    Bound(
        "the `limit` of `replay_many` and `purge`",
        f"1 to {number(INT32_MAX)}; none given means all",
        (
            called("replay_many", limit=INT32_MAX),
            called("replay_many", limit=None),
            called("purge", "failed", limit=INT32_MAX),
        ),
        tuple(
            operation
            for one in (0, INT32_MAX + 1, *NUMBERS)
            if one is not None
            for operation in (
                called("replay_many", limit=one),
                called("purge", "failed", limit=one),
            )
        ),
    ),
    Bound(
        "the `limit` of a listing",
        f"up to {number(INT32_MAX)}; 0 or less means 100",
        (called("list_jobs", limit=INT32_MAX), called("list_jobs", limit=INT32_MIN)),
        tuple(
            called("list_jobs", limit=one)
            for one in (INT32_MAX + 1, INT32_MIN - 1, True, 1.0, "5", None)
        ),
    ),
    Bound(
        "a schedule's `id`",
        f"1 to {LONGEST_ID} characters, as a job's",
        (scheduled("every", timedelta(hours=1), "mail", id="x" * LONGEST_ID),),
        (
            scheduled("every", timedelta(hours=1), "mail", id="x" * (LONGEST_ID + 1)),
            scheduled("every", timedelta(hours=1), "mail", id="a\nb"),
        ),
    ),
    Bound(
        "a schedule's period",
        f"more than 0, at most {number(LONGEST_DELAY.days)} days",
        (scheduled("every", LONGEST_DELAY, "mail"), scheduled("every", MICROSECOND, "mail")),
        tuple(
            scheduled("every", one, "mail")
            for one in (timedelta(0), -MICROSECOND, LONGEST_DELAY + MICROSECOND, 5)
        ),
    ),
    Bound(
        "a cron specification",
        f"{LONGEST_SPEC} characters",
        (scheduled("cron", "0 0 1 1 *".ljust(LONGEST_SPEC), "mail"),),
        (
            scheduled("cron", "0 0 1 1 *".ljust(LONGEST_SPEC + 1), "mail"),
            scheduled("cron", "0 0 30 2 *", "mail"),
        ),
    ),
)


def table() -> str:
    """Return the bounds as a Markdown table."""
    rows = [f"| {one.what} | {one.shown} |" for one in BOUNDS]
    return "\n".join(["| what | bound |", "|---|---|", *rows, ""])
