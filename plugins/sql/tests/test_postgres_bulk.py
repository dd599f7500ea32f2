"""Bulks go through COPY's text format, and every text comes back as it was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gofastr_queue import DuplicateJob
from gofastr_queue.lifecycle import Status
from gofastr_queue.records import Draft, JobQuery, Put, StoredError
from gofastr_queue_conformance import Harness
from gofastr_queue_sql.postgres import PostgresBackend
from gofastr_queue_sql.postgres_bulk import TOGETHER, Bulk
from gofastr_queue_sql.postgres_connection import Session

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

TEXTS = [
    "\\",
    "\\N",
    "\\.",
    "\\t",
    "a\tb",
    "a\nb\r\nc",
    "\r",
    "\n\\.\n",
    "\b\v\f\x01\x7f",
    "ünï 🦊",
    "",
    "ends in \\",
    '{"a": "b\\"c\\\\d\\n"}',
]
"""What COPY reads as something else, unless it is escaped: payload plugins may write any of it."""

ERROR = StoredError(1, NOW, "a\tb\\N\nc")


@pytest.fixture
def backend(postgres: Harness) -> Iterator[PostgresBackend]:
    opened = postgres.open()
    assert isinstance(opened, PostgresBackend)
    yield opened
    opened.queue_close()


@pytest.fixture
def drafts() -> list[Draft]:
    """Return more jobs than are written at once, of every kind."""
    texts = [text for text in TEXTS for _ in range(TOGETHER // 5)]
    return [
        Draft(
            f"id\\{number}",
            "type\\N",
            text,
            headers=text,
            lane=f"lane\\t{number % 3}",
            priority=number % 5 - 2,
            scheduled_at=NOW + timedelta(seconds=number % 4 - 2) if number % 7 == 0 else None,
            delay=timedelta(seconds=3) if number % 7 == 1 else None,
            created_at=NOW - timedelta(days=1) if number % 11 == 0 else None,
            status=Status.FAILED if number % 13 == 0 else Status.PENDING,
            attempts=3 if number % 13 == 0 else 0,
            errors=(ERROR,) if number % 13 == 0 else (),
        )
        for number, text in enumerate(texts)
    ]


def test_every_text_and_time_of_a_bulk_comes_back(
    backend: PostgresBackend, drafts: list[Draft]
) -> None:
    puts = backend.queue_put(drafts=drafts, on_conflict="error", now=NOW, transaction=None)

    assert [put.job for put in puts] == [draft.job(NOW) for draft in drafts]
    assert all(put.new for put in puts)
    found = backend.queue_browse(JobQuery()).jobs
    assert [*found] == [draft.job(NOW) for draft in reversed(drafts)]


def test_a_bulk_keeps_its_order_whatever_its_ids(backend: PostgresBackend) -> None:
    drafts = [Draft(f"{number:03}", "mail", "1") for number in reversed(range(3 * TOGETHER))]

    puts = backend.queue_put(drafts=drafts, on_conflict="error", now=None, transaction=None)

    listed = backend.queue_browse(JobQuery()).jobs
    assert [put.job for put in puts] == [*listed][::-1]
    assert [job.id for job in listed] == [draft.id for draft in drafts][::-1]


def test_a_bulk_with_taken_ids_stores_nothing_and_names_them(backend: PostgresBackend) -> None:
    backend.queue_put([Draft("taken\\N", "mail", "1")], "error", None, None)
    drafts = [Draft(f"{number}", "mail", "1") for number in range(TOGETHER + 1)]
    drafts += [Draft("taken\\N", "mail", "2"), Draft("7", "mail", "3")]

    with pytest.raises(DuplicateJob) as raised:
        backend.queue_put(drafts=drafts, on_conflict="error", now=None, transaction=None)

    assert raised.value.ids == ("taken\\N", "7")
    assert [job.id for job in backend.queue_browse(JobQuery()).jobs] == ["taken\\N"]


def test_an_id_that_was_taken_and_is_free_again_is_stored_by_the_next_try(
    backend: PostgresBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, tries = Bulk._copy, []

    def first_in_the_way(self: Bulk, connection: Session, *rest: Any) -> list[Put]:
        tries.append(rest)
        if len(tries) == 1:
            connection.execute("DO $$ BEGIN RAISE unique_violation; END $$")
        return copy(self, connection, *rest)

    backend.queue_put([Draft("other", "mail", "1")], "error", None, None)
    monkeypatch.setattr(Bulk, "_copy", first_in_the_way)
    drafts = [Draft(f"{number}", "mail", "1") for number in range(TOGETHER)]

    puts = backend.queue_put(drafts=drafts, on_conflict="error", now=NOW, transaction=None)

    assert [put.job for put in puts] == [draft.job(NOW) for draft in drafts]
    assert len(tries) == 2
    assert tries[0] == tries[1]
    listed = backend.queue_browse(JobQuery()).jobs
    assert [job.id for job in listed] == [*(draft.id for draft in reversed(drafts)), "other"]
