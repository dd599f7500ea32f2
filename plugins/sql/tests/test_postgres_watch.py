"""What a waiter makes of what it hears."""

from __future__ import annotations

import time

import pytest

from gofastr_queue.records import EVERYTHING, Want
from gofastr_queue_sql.postgres_watch import Watch

MAIL = Want(types=frozenset({"mail"}), lanes=frozenset({"", "eu"}))


@pytest.mark.parametrize(
    ("hint", "want", "told"),
    [
        ("\nmail", MAIL, True),
        ("eu\nmail", MAIL, True),
        ("us\nmail", MAIL, False),
        ("\nfilm", MAIL, False),
        ("\nfilm", EVERYTHING, True),
        ("", EVERYTHING, False),
        ("of somebody else", EVERYTHING, False),
    ],
)
def test_a_hint_that_names_a_wanted_job_needs_no_look(hint: str, want: Want, told: bool) -> None:
    watch = Watch(None, "channel")
    heard, wakes = watch.heard(), watch.wakes()
    watch.hear(hint)

    assert watch.wait(heard, wakes, time.monotonic() + 10, want) is told


def test_a_wait_that_hears_nothing_is_over_in_time() -> None:
    watch = Watch(None, "channel")
    began = time.monotonic()

    assert watch.wait(watch.heard(), watch.wakes(), began + 0.1, EVERYTHING) is None
    assert 0.1 <= time.monotonic() - began < 0.3
