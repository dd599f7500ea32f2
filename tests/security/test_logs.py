"""What a job carries is nobody's business in a log: payloads and headers are never logged."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

import pytest

from gofastr_queue import Bury, Context, Job, Queue, Retry, Snooze
from gofastr_queue.calls import resolve
from gofastr_queue.records import Draft
from gofastr_queue_conformance import Harness

CANARY = "canary-of-a-person"


def fails(job: Job) -> None:
    raise OSError(f"no room for {job.id}")


def buries() -> None:
    raise Bury("never again")


def retries() -> None:
    raise Retry(after=timedelta(0))


def snoozes() -> None:
    raise Snooze(timedelta(days=1))


def late(context: Context) -> None:
    context.progress(1, 2)
    while not context.cancelled:
        time.sleep(0.01)
    raise TimeoutError


def test_no_log_holds_a_payload_whatever_becomes_of_the_job(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    backend = harness.open()
    resolve(backend).hooks.queue_put(
        drafts=[
            Draft("corrupt", "fails", f"{{{CANARY}", f'{{"a": "{CANARY}"}}'),
            Draft("headed", "fails", "null", f'{{"a": "{CANARY}"}}'),
        ],
        on_conflict="error",
        now=None,
    )
    backend.queue_close()

    with Queue(harness.open(), lease=timedelta(seconds=1)) as queue:
        for handler in (fails, buries, retries, snoozes, late):
            queue.register_handler(handler.__name__, handler, timeout=timedelta(seconds=0.1))
        for type in ("fails", "buries", "retries", "snoozes", "late", "unknown"):
            queue.enqueue(type, {"name": CANARY}, max_attempts=2)
        stale = queue.enqueue("stale", CANARY, lane="stale")
        claim = queue.dequeue(lane="stale")
        assert queue.ack(claim)
        assert not queue.ack(claim)
        queue.start(3)
        deadline = time.monotonic() + 60
        while queue.stats() != {"pending": 1, "claimed": 0, "failed": 6}:
            assert time.monotonic() < deadline, queue.stats()
            time.sleep(0.02)

    assert stale.id in caplog.text
    assert "handler timed out" in caplog.text
    assert "cannot be read: buried" in caplog.text
    assert "is dropped" in caplog.text
    for record in caplog.records:
        assert CANARY not in f"{record.getMessage()} {vars(record)}"
    assert CANARY not in caplog.text


def test_a_corrupt_payload_is_not_repeated_in_the_error_that_is_kept(harness: Harness) -> None:
    backend = harness.open()
    resolve(backend).hooks.queue_put(
        drafts=[Draft("corrupt", "mail", f"{{{CANARY}")], on_conflict="error", now=None
    )
    backend.queue_close()

    with Queue(harness.open()) as queue:
        assert queue.claim(1) == []
        (job,) = queue.list_jobs("failed")

    assert job.errors[-1].kind == "CorruptJob"
    assert CANARY not in repr(job.errors)
