"""Ids are UUIDs of version 7: unique, and in the order of their making."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

import pytest

from gofastr_queue import limits
from gofastr_queue.ids import new_id


def test_an_id_is_a_uuid_of_version_7_with_the_time_in_front() -> None:
    before = time.time_ns() // 1_000_000
    made = UUID(new_id())
    after = time.time_ns() // 1_000_000

    assert made.version == 7
    assert made.variant == RFC_4122
    assert before <= made.int >> 80 <= after


def test_an_id_is_a_name_within_the_limits() -> None:
    made = new_id()

    assert limits.name("id", made) == made
    assert str(UUID(made)) == made


def test_ids_a_quarter_of_a_microsecond_apart_are_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = itertools.count(1_767_225_600_000_999_000, 250)
    monkeypatch.setattr(time, "time_ns", lambda: next(moments))

    made = [new_id() for _ in range(10_000)]

    assert made == sorted(made)


def test_ids_of_many_threads_are_distinct() -> None:
    with ThreadPoolExecutor(8) as threads:
        batches = threads.map(lambda _: [new_id() for _ in range(5_000)], range(8))

    assert len({id for batch in batches for id in batch}) == 40_000
