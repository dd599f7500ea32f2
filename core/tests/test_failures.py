"""Error texts: bounded and storable, whatever was raised; readable, whatever is stored."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gofastr_queue import JobError
from gofastr_queue.failures import LEASE_EXPIRED, MAX_ERROR_BYTES, describe, failure, read
from gofastr_queue.records import StoredError

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ANY_TEXT = st.text(st.characters(), max_size=200)


class StrRaisesError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


class StrExitsError(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)


class StrIsNoTextError(Exception):
    def __str__(self) -> str:
        number: Any = 5
        return number  # type: ignore[no-any-return] # the hostile part


class StrIsHugeError(Exception):
    def __str__(self) -> str:
        return "x" * 100_000_000


def raised(error: BaseException) -> BaseException:
    try:
        raise error  # noqa: TRY301 - to give it a traceback
    except BaseException as caught:  # noqa: BLE001 - whatever it is
        return caught


def kept(text: str) -> JobError:
    """Return an error as it comes back from a store."""
    return read(StoredError(2, NOON, text))


def test_an_error_keeps_its_class_message_and_place() -> None:
    error = kept(describe(raised(ValueError("no such user"))))

    assert (error.attempt, error.at) == (2, NOON)
    assert (error.kind, error.message) == ("ValueError", "no such user")
    assert "in raised" in error.traceback
    assert "test_failures.py" in error.traceback


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (StrRaisesError(), "<its __str__ raised RuntimeError>"),
        (StrExitsError(), "<its __str__ raised SystemExit>"),
        (StrIsNoTextError(), "<its __str__ raised TypeError>"),
    ],
)
def test_an_error_without_a_text_is_kept_by_its_class(error: Exception, message: str) -> None:
    assert kept(describe(raised(error))).kind == type(error).__name__
    assert kept(describe(raised(error))).message == message


def test_a_hundred_megabytes_of_message_are_cut() -> None:
    text = describe(raised(StrIsHugeError()))

    assert len(text) <= MAX_ERROR_BYTES
    assert kept(text).message == "x" * 2_000


def test_the_innermost_frames_of_an_endless_recursion_are_kept() -> None:
    def endless(depth: int) -> int:
        return endless(depth + 1)

    try:
        endless(0)
    except RecursionError as error:
        text = describe(error)

    assert len(text) <= MAX_ERROR_BYTES
    assert "in endless" in kept(text).traceback
    assert "in test_the_innermost_frames" not in kept(text).traceback


@pytest.mark.parametrize("piece", ["\x00", "\n", "\x1b[31m", "\ud800", "\U0001f642", '"', "\\"])
def test_stored_text_is_one_line_of_ascii_whatever_the_message(piece: str) -> None:
    text = describe(raised(ValueError(piece * 50_000)))

    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= MAX_ERROR_BYTES
    assert set(kept(text).message) == set(piece)


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT, st.integers(1, 200))
def test_every_failure_fits_and_can_be_read(
    kind: str, message: str, trace: str, times: int
) -> None:
    text = failure(kind * times, message * times, trace * times)

    assert len(text.encode()) <= MAX_ERROR_BYTES
    assert text.isascii()
    assert (kind * times).startswith(kept(text).kind)
    assert (message * times).startswith(kept(text).message)
    assert (trace * times).endswith(kept(text).traceback)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain words",
        "5",
        "null",
        "{",
        "[]",
        '["a", "b"]',
        '["a", "b", "c", "d"]',
        '"abc"',
        '{"a": 1, "b": 2, "c": 3}',
        "[" * 100_000,
        "1" * 5_000,
    ],
    ids=lambda text: text[:12],
)
def test_text_of_unknown_form_becomes_the_message(text: str) -> None:
    assert kept(text) == JobError(2, NOON, "Unknown", text)


def test_an_expired_lease_says_so() -> None:
    assert kept(LEASE_EXPIRED).kind == "LeaseExpired"
    assert "lease ran out" in kept(LEASE_EXPIRED).message
    assert len(json.loads(LEASE_EXPIRED)) == 3
