"""Bounds, each at its edge: the last value that is taken and the first that is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from enum import Enum

import pytest

from gofastr_queue import InvalidJob, InvalidOption, QueueError, Status, limits
from gofastr_queue.retry import LONGEST_DELAY

HUGE = pytest.param(10**5_000, id="5 000 digits")
"""An integer that Python refuses to turn into text."""


@pytest.mark.parametrize(
    "name",
    ["a", "x" * 255, "send-email", "ä", "日本語", "🙂", "with space", "a\u00a0b", "' OR 1=1"],
)
def test_a_name_is_returned_as_it_was_given(name: str) -> None:
    assert limits.name("type", name) == name


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "empty"),
        ("x" * 256, "256 characters, the limit is 255"),
        ("a\nb", r"'a\\nb'"),
        ("a\tb", "control character"),
        ("\x00", "control character"),
        ("a\x7f", "control character"),
        ("a\x85b", "control character"),
        ("a\ud800", "lone surrogate"),
        (5, "must be text, got 5"),
        (b"mail", "must be text, got b'mail'"),
        (None, "must be text, got None"),
        (True, "must be text, got True"),
        (["mail"], "must be text"),
    ],
)
def test_a_bad_name_is_refused_and_named(name: object, says: str) -> None:
    with pytest.raises(InvalidJob, match=says) as caught:
        limits.name("type", name)

    assert str(caught.value).startswith("type ")


def test_only_a_lane_may_be_empty() -> None:
    assert limits.name("lane", "", empty=True) == ""


def test_the_text_about_a_long_name_is_short() -> None:
    with pytest.raises(InvalidJob) as caught:
        limits.name("type", "x" * 1_000_000)

    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("value", [-(2**31), -1, 0, 1, 2**31 - 1])
def test_a_priority_is_any_32_bit_integer(value: int) -> None:
    assert limits.priority(value) == value


@pytest.mark.parametrize(
    "value", [2**31, -(2**31) - 1, 10**30, True, False, "5", 1.0, None, float("nan"), HUGE]
)
def test_no_other_priority_is_taken(value: object) -> None:
    with pytest.raises(InvalidJob, match="priority must be"):
        limits.priority(value)


def test_max_attempts_of_zero_means_three() -> None:
    assert limits.max_attempts(0) == 3
    assert limits.max_attempts(1) == 1


def test_max_attempts_are_a_plain_integer_whoever_gives_them() -> None:
    class Tries(int, Enum):
        FEW = 5

    assert type(limits.max_attempts(Tries.FEW)) is int
    assert type(limits.max_attempts(0, Tries.FEW)) is int


@pytest.mark.parametrize("value", [-1, 2**31, True, False, "5", 2.0, HUGE])
def test_no_other_max_attempts_are_taken(value: object) -> None:
    with pytest.raises(InvalidJob, match="max_attempts must be"):
        limits.max_attempts(value)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(9000, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, tzinfo=timezone(timedelta(hours=-1))),
    ],
)
def test_a_moment_is_returned_in_utc(moment: datetime) -> None:
    checked = limits.moment("scheduled_at", moment)

    assert checked == moment
    assert checked.tzinfo is UTC


@pytest.mark.parametrize(
    ("moment", "says"),
    [
        (datetime(2026, 1, 1), "naive; give it a time zone"),  # noqa: DTZ001 - the bad input
        (datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), "1969.*outside the years 1970 to 9000"),
        (datetime(9999, 12, 31, tzinfo=UTC), "9999.*outside the years"),
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))), "outside the years"),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=12))), "outside the years"),
        (1_700_000_000, "must be an aware datetime, got 1700000000"),
        ("2026-01-01T00:00:00Z", "must be an aware datetime, got '2026"),
        (datetime(2026, 1, 1, tzinfo=UTC).date(), "must be an aware datetime"),
    ],
)
def test_any_other_moment_is_refused(moment: object, says: str) -> None:
    with pytest.raises(InvalidJob, match=f"^scheduled_at.*{says}"):
        limits.moment("scheduled_at", moment)


@pytest.mark.parametrize("delay", [timedelta(0), timedelta(microseconds=1), LONGEST_DELAY])
def test_a_delay_is_zero_to_ten_years(delay: timedelta) -> None:
    assert limits.delay(delay) == delay


@pytest.mark.parametrize(
    "delay", [timedelta(microseconds=-1), LONGEST_DELAY + timedelta(microseconds=1), 5, "5", True]
)
def test_no_other_delay_is_taken(delay: object) -> None:
    with pytest.raises(InvalidJob, match="delay must be"):
        limits.delay(delay)


@pytest.mark.parametrize("lease", [timedelta(microseconds=1), timedelta(days=365)])
def test_a_lease_is_positive_and_at_most_a_year(lease: timedelta) -> None:
    assert limits.lease(lease) == lease


@pytest.mark.parametrize(
    "lease", [timedelta(0), timedelta(seconds=-1), timedelta(days=366), 30, 30.0, "30", True]
)
def test_no_other_lease_is_taken(lease: object) -> None:
    with pytest.raises(InvalidOption, match="lease must be"):
        limits.lease(lease)


@pytest.mark.parametrize("span", [0.5, 2, timedelta(seconds=2)])
def test_a_span_is_a_timedelta_or_seconds(span: timedelta | float) -> None:
    assert limits.span("poll", span) in (timedelta(seconds=0.5), timedelta(seconds=2))


@pytest.mark.parametrize(
    "span", [0, -1, float("nan"), float("inf"), 1e300, HUGE, True, "5", None, timedelta(0)]
)
def test_no_other_span_is_taken(span: object) -> None:
    with pytest.raises(InvalidOption, match="poll must be"):
        limits.span("poll", span)


def test_a_span_of_nothing_is_taken_only_where_it_makes_sense() -> None:
    assert limits.span("timeout", 0, zero=True) == timedelta(0)
    with pytest.raises(InvalidOption):
        limits.span("timeout", -1, zero=True)


@pytest.mark.parametrize("count", [0, -1, 2**31, True, 1.0, "1", None, HUGE])
def test_a_count_is_an_integer_from_one(count: object) -> None:
    assert limits.count("limit", 1) == 1
    with pytest.raises(InvalidOption, match="limit must be an integer of at least 1"):
        limits.count("limit", count)


def test_a_status_is_known_or_empty() -> None:
    assert limits.status("failed") is Status.FAILED
    assert limits.status("") is None


@pytest.mark.parametrize("status", ["dead", "Pending", "pending ", 5, None, ["pending"]])
def test_an_unknown_status_is_refused_with_the_known_ones(status: object) -> None:
    with pytest.raises(InvalidOption, match=r"unknown status .*'pending', 'claimed', 'failed'"):
        limits.status(status)


@pytest.mark.parametrize("name", ["queue_jobs", "_", "J", "a1", "x" * 48])
def test_an_identifier_is_ascii_letters_digits_and_underscores(name: str) -> None:
    assert limits.identifier("table", name) == name


HOSTILE_NAMES = [
    "",
    " ",
    "1jobs",
    "x" * 49,
    "my jobs",
    "my-jobs",
    'x"; DROP TABLE queue_jobs; --',
    "x'; --",
    "x]",
    "`x`",
    "x;",
    "x\x00",
    "x\n",
    "temp.x",
    "pg_temp.x",
    "jóbs",
    "jobs\u2019",
    "\uff4aobs",
    "jobs\ud800",
    "jobs()",
    "jobs--",
    "jobs/*",
    "$jobs",
    "%s",
    "{columns}",
    5,
    None,
    True,
    b"jobs",
    ["jobs"],
]


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_whatever_is_no_identifier_is_refused(name: object) -> None:
    with pytest.raises(InvalidOption, match=r"table .* is no plain identifier: a letter or"):
        limits.identifier("table", name)


def test_bad_values_can_be_caught_as_value_errors_and_as_queue_errors() -> None:
    assert issubclass(InvalidJob, ValueError)
    assert issubclass(InvalidOption, ValueError)
    assert issubclass(InvalidJob, QueueError)
