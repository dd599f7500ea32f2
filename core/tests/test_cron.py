"""Ticks of cron's fields: a function of the specification and the zone alone."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gofastr_queue import InvalidSchedule
from gofastr_queue.cron import cron
from gofastr_queue.rules import Every, From, Rule, every

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)

ZONES = (
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Pacific/Chatham",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "Asia/Tehran",
    "Pacific/Auckland",
    "UTC",
)

SPECS = (
    "30 1 * * *",
    "0,30 1 * * *",
    "*/15 * * * *",
    "0 2 * * *",
    "30 2 * * *",
    "*/10 1 * * *",
    "0 0 * * *",
    "59 23 * * *",
    "7 */2 * * *",
    "0 0-23 * * *",
    "*/20 0-3,23 * * 0",
    "0 3 1,15 * 1",
    "0 12 29 2 *",
    "* * * * *",
)


def walked(spec: str, tz: str, begin: datetime, end: datetime) -> list[datetime]:
    """Return the ticks in [begin, end) by walking every minute: slow, and nothing to get wrong.

    Fixed hours fire when their minute shows for the first time, or has been passed over.
    """
    texts = spec.split()
    minutes, hours, days, months, weekdays = (
        _numbers(text, least, most)
        for text, least, most in zip(texts, (0, 0, 1, 1, 0), (59, 23, 31, 12, 6), strict=True)
    )

    def fits(wall: datetime) -> bool:
        by_month, by_week = wall.day in days, wall.isoweekday() % 7 in weekdays
        either = texts[2] != "*" and texts[4] != "*"
        return (
            wall.minute in minutes
            and wall.hour in hours
            and wall.month in months
            and (by_month or by_week if either else by_month and by_week)
        )

    zone = ZoneInfo(tz)
    moment = begin - DAY
    highest = moment.astimezone(zone).replace(tzinfo=None)
    ticks = []
    while moment < end:
        wall = moment.astimezone(zone).replace(tzinfo=None)
        if texts[1].startswith("*"):
            fired = fits(wall)
        else:
            fired = False
            while highest < wall:
                highest += MINUTE
                fired = fits(highest) or fired
        if fired and moment >= begin:
            ticks.append(moment)
        moment += MINUTE
    return ticks


def _numbers(text: str, least: int, most: int) -> set[int]:
    found: set[int] = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        begin = least if first == "*" else int(first)
        end = most if first == "*" else int(last or first)
        found |= set(range(begin, end + 1, int(step or 1)))
    return found


def ticks(rule: Rule, begin: datetime, end: datetime) -> list[datetime]:
    """Return the ticks in (begin, end], forwards."""
    found: list[datetime] = []
    tick = rule.after(begin)
    while tick is not None and tick <= end:
        found.append(tick)
        tick = rule.after(tick)
    return found


def backwards(rule: Rule, begin: datetime, end: datetime) -> list[datetime]:
    found: list[datetime] = []
    tick = rule.latest(end)
    while tick is not None and tick > begin:
        found.append(tick)
        tick = rule.latest(tick - MICROSECOND)
    return found[::-1]


def day(tz: str, year: int, month: int, number: int) -> tuple[datetime, datetime]:
    """Return where a day on the wall begins and ends."""
    zone = ZoneInfo(tz)
    begin = datetime(year, month, number, tzinfo=zone)
    following = date(year, month, number) + DAY
    end = datetime(following.year, following.month, following.day, tzinfo=zone)
    return begin.astimezone(UTC), end.astimezone(UTC)


CHANGES = [
    ("America/New_York", (2026, 11, 1), 100),
    ("America/New_York", (2026, 3, 8), 92),
    ("Europe/Berlin", (2026, 10, 25), 100),
    ("Europe/Berlin", (2026, 3, 29), 92),
    ("Australia/Lord_Howe", (2026, 4, 5), 98),
    ("Australia/Lord_Howe", (2026, 10, 4), 94),
]


@pytest.mark.parametrize(("tz", "when", "quarters"), CHANGES)
def test_where_clocks_are_moved_nothing_is_doubled_and_nothing_lost(
    tz: str, when: tuple[int, int, int], quarters: int
) -> None:
    begin, end = day(tz, *when)
    counts = {
        spec: len(ticks(cron(spec, tz), begin - MICROSECOND, end - MICROSECOND))
        for spec in SPECS[:6]
    }

    assert counts == {
        "30 1 * * *": 1,
        "0,30 1 * * *": 2,
        "*/15 * * * *": quarters,
        "0 2 * * *": 1,
        "30 2 * * *": 1,
        "*/10 1 * * *": 6,
    }


@pytest.mark.parametrize(
    ("spec", "when", "expected"),
    [
        ("30 1 * * *", (2026, 11, 1), "2026-11-01T05:30:00+00:00"),
        ("0 2 * * *", (2026, 3, 8), "2026-03-08T07:00:00+00:00"),
        ("30 2 * * *", (2026, 3, 8), "2026-03-08T07:00:00+00:00"),
    ],
)
def test_a_repeated_hour_counts_the_first_time_and_a_missing_one_at_the_change(
    spec: str, when: tuple[int, int, int], expected: str
) -> None:
    begin, end = day("America/New_York", *when)

    found = ticks(cron(spec, "America/New_York"), begin, end)

    assert [tick.isoformat() for tick in found] == [expected]


def test_minutes_that_are_left_out_together_count_once() -> None:
    begin, end = day("America/New_York", 2026, 3, 8)

    assert len(ticks(cron("0,30 2,3 * * *", "America/New_York"), begin, end)) == 2


moments = st.integers(0, 35 * 365 * 24 * 60).map(
    lambda minutes: datetime(2005, 1, 1, tzinfo=UTC) + minutes * MINUTE
)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ZONES), st.sampled_from(SPECS), moments)
@example("America/Sao_Paulo", "0 0 * * *", datetime(2018, 11, 3, tzinfo=UTC))
@example("America/Sao_Paulo", "59 23 * * *", datetime(2018, 2, 17, tzinfo=UTC))
@example("America/Sao_Paulo", "*/15 * * * *", datetime(2018, 2, 17, tzinfo=UTC))
@example("Africa/Cairo", "0 0 * * *", datetime(2026, 4, 23, tzinfo=UTC))
@example("Africa/Cairo", "*/15 * * * *", datetime(2026, 10, 29, tzinfo=UTC))
@example("Asia/Tehran", "59 23 * * *", datetime(2021, 9, 20, tzinfo=UTC))
@example("Asia/Tehran", "0 0 * * *", datetime(2022, 3, 21, tzinfo=UTC))
@example("Pacific/Chatham", "*/20 0-3,23 * * 0", datetime(2026, 4, 4, tzinfo=UTC))
@example("Pacific/Auckland", "30 2 * * *", datetime(2026, 9, 26, tzinfo=UTC))
def test_ticks_are_those_of_a_walk_over_every_minute(tz: str, spec: str, begin: datetime) -> None:
    end = begin + 2 * DAY
    rule = cron(spec, tz)

    found = ticks(rule, begin - MICROSECOND, end - MICROSECOND)

    assert found == walked(spec, tz, begin, end)
    assert found == backwards(rule, begin - MICROSECOND, end - MICROSECOND)


@pytest.mark.parametrize(
    ("tz", "begin"),
    [
        ("America/Goose_Bay", datetime(2008, 11, 1, tzinfo=UTC)),  # back from 00:01 to 23:01
        ("America/Goose_Bay", datetime(2008, 3, 8, tzinfo=UTC)),
        ("Pacific/Apia", datetime(2011, 12, 29, tzinfo=UTC)),  # a whole day left out
        ("Pacific/Kwajalein", datetime(1993, 8, 19, tzinfo=UTC)),
        ("Africa/Casablanca", datetime(2026, 2, 14, tzinfo=UTC)),
        ("Antarctica/Troll", datetime(2026, 3, 28, tzinfo=UTC)),  # by two hours
    ],
)
@pytest.mark.parametrize("spec", ["* * * * *", "*/7 0,23 * * *", "1 0 * * *"])
def test_strange_changes_are_walked_right_too(tz: str, begin: datetime, spec: str) -> None:
    end = begin + 3 * DAY

    found = ticks(cron(spec, tz), begin - MICROSECOND, end - MICROSECOND)

    assert found == walked(spec, tz, begin, end)
    assert found == backwards(cron(spec, tz), begin - MICROSECOND, end - MICROSECOND)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.sampled_from(SPECS),
    moments,
    st.lists(st.integers(0, 60 * 24 * 4), max_size=12),
)
def test_any_split_of_an_interval_has_the_same_ticks(
    tz: str, spec: str, begin: datetime, cuts: list[int]
) -> None:
    rule = cron(spec, tz)
    end = begin + 4 * DAY
    edges = [begin, *(begin + cut * MINUTE for cut in sorted(cuts)), end]

    parts = [ticks(rule, one, other) for one, other in pairwise(edges)]

    whole = ticks(rule, begin, end)
    assert [tick for part in parts for tick in part] == whole
    assert whole == sorted(set(whole))


def test_a_leap_day_is_found_past_a_century_without_one() -> None:
    assert cron("0 0 29 2 *").after(datetime(2096, 3, 1, tzinfo=UTC)) == datetime(
        2104, 2, 29, tzinfo=UTC
    )
    assert cron("0 0 29 2 *").latest(datetime(2104, 2, 28, tzinfo=UTC)) == datetime(
        2096, 2, 29, tzinfo=UTC
    )


def test_either_day_fits_if_both_are_set() -> None:
    begin = datetime(2026, 6, 1, tzinfo=UTC) - MICROSECOND
    found = ticks(cron("0 0 13 * fri"), begin, begin + 30 * DAY)

    assert [tick.day for tick in found] == [5, 12, 13, 19, 26]


@pytest.mark.parametrize(
    ("spec", "same"),
    [
        ("@hourly", "0 * * * *"),
        ("@Daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * sun"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 jan *"),
        ("@annually", "0 0 1 1 *"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("0 0 * * MON-FRI", "0 0 * * 1-5"),
        ("5-5 * * * *", "5 * * * *"),
        ("*/1 * * * *", "* * * * *"),
        ("50/5 * * * *", "50,55 * * * *"),
        ("  0   0 * * *  ", "0 0 * * *"),
    ],
)
def test_what_is_spelt_otherwise_is_the_same(spec: str, same: str) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    until = begin + 400 * DAY if "1 " in same else begin + 9 * DAY

    found = ticks(cron(spec), begin, until)

    assert found == ticks(cron(same), begin, until)
    assert found


REFUSED = {
    "": "five fields",
    "* * * *": "five fields",
    "* * * * * *": "five fields",
    "@reboot": "@reboot",
    "@every 5m": "five fields",
    "60 * * * *": "minute",
    "-1 * * * *": "minute",
    "*/0 * * * *": "minute",
    "1.5 * * * *": "minute",
    "h * * * *": "minute",
    "r(0-9) * * * *": "minute",
    "\u0663 * * * *": "minute",
    "* 24 * * *": "hour",
    "* 5-1 * * *": "hour",
    "* * 0 * *": "day of month",
    "* * 32 * *": "day of month",
    "* * l * *": "day of month",
    "* * ? * *": "day of month",
    "0 0 30 2 *": "day of month",
    "0 0 31 4,6,9,11 *": "day of month",
    "* * * 13 *": "month",
    "* * * foo *": "month",
    "* * * * 8": "day of week",
    "* * * * mon#1": "day of week",
    "* * * * ,": "day of week",
    "\0": "five fields",
}


@pytest.mark.parametrize(("spec", "named"), REFUSED.items(), ids=map(ascii, REFUSED))
def test_what_can_never_work_is_refused_by_the_name_of_its_field(spec: str, named: str) -> None:
    with pytest.raises(InvalidSchedule, match=named):
        cron(spec)


@pytest.mark.parametrize("spec", [None, 5, b"* * * * *", ["*"], "* " * 5_000, "9" * 10_240])
def test_what_is_no_specification_is_refused_unread(spec: object) -> None:
    began = time.perf_counter()
    with pytest.raises(InvalidSchedule, match="spec"):
        cron(spec)

    assert time.perf_counter() - began < 1


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=300)
    | st.lists(st.text("0123456789*/-,# @LRWH?abcjnuz", max_size=12), min_size=5, max_size=5).map(
        " ".join
    )
)
def test_junk_is_refused_or_has_ticks(spec: str) -> None:
    try:
        rule = cron(spec)
    except InvalidSchedule:
        return
    assert rule.after(datetime(2026, 1, 1, tzinfo=UTC)) is not None


@pytest.mark.parametrize(
    "tz",
    [
        *("", "Mars/Olympus", "localtime", "right/UTC", "../UTC", "/etc/localtime", "UTC\0"),
        *("x" * 9_999, None, 5, UTC),
    ],
    ids=repr,
)
def test_what_is_no_zone_of_ianas_is_refused(tz: object) -> None:
    with pytest.raises(InvalidSchedule, match="tz"):
        cron("* * * * *", tz)


ANCHOR = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_an_interval_ticks_from_its_anchor_without_drift() -> None:
    rule = Every(timedelta(seconds=7), ANCHOR)

    assert rule.latest(ANCHOR - MICROSECOND) is None
    assert rule.latest(ANCHOR) == ANCHOR
    assert rule.after(ANCHOR - DAY) == ANCHOR
    assert rule.after(ANCHOR) == ANCHOR + timedelta(seconds=7)
    assert rule.after(ANCHOR + 1_000 * DAY) == ANCHOR + 12_342_858 * timedelta(seconds=7)


def test_an_interval_may_begin_after_its_anchor() -> None:
    rule = Every(HOUR, ANCHOR, first=1)

    assert rule.latest(ANCHOR + HOUR - MICROSECOND) is None
    assert rule.after(ANCHOR - DAY) == ANCHOR + HOUR


def test_no_tick_is_out_of_the_possible_years() -> None:
    assert Every(timedelta(days=3_650), ANCHOR).after(datetime(8999, 1, 1, tzinfo=UTC)) is None
    assert cron("0 0 1 1 *").after(datetime(9000, 1, 1, tzinfo=UTC)) is None
    assert cron("0 0 1 1 *").latest(datetime(1969, 1, 1, tzinfo=UTC)) is None


def test_a_start_leaves_out_what_was_before() -> None:
    rule = From(cron("0 * * * *"), ANCHOR)

    assert rule.after(ANCHOR - DAY) == ANCHOR
    assert rule.latest(ANCHOR - MICROSECOND) is None
    assert rule.latest(ANCHOR + MINUTE) == ANCHOR


@pytest.mark.parametrize("period", [timedelta(0), -MINUTE, timedelta(days=3_651), 60, None, True])
def test_what_is_no_period_is_refused(period: object) -> None:
    with pytest.raises(InvalidSchedule, match="every"):
        every(period)
