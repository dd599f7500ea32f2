"""What a handler says of its progress is told when it must be left."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from gofastr_queue import Claim, Context, Job
from gofastr_queue.worker.keeper import Held

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_a_cancelled_handlers_progress_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    claim = Claim(Job(type="import", id="7"), "token", NOON)
    context = Context(claim, lambda _claim, _lease: True)
    held = Held(claim, leased_until=0.0, context=context)
    context.progress(3, 10)

    with caplog.at_level(logging.WARNING):
        held.cancel("handler timed out")
        held.cancel("handler timed out")

    assert context.cancelled
    assert context.wait(timedelta(hours=1)), "a cancelled handler does not sleep"
    (record,) = caplog.records
    assert "job 7" in record.getMessage()
    assert "progress 3 of 10" in record.getMessage()
