"""Backoff is exact, finite and capped, whatever the number of attempts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gofastr_queue import Backoff, InvalidOption
from gofastr_queue.retry import LONGEST_DELAY

SECOND = timedelta(seconds=1)
BASES = st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(hours=1))
CAPS = st.none() | st.timedeltas(min_value=timedelta(microseconds=1), max_value=2 * LONGEST_DELAY)


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 80), (6, 160), (7, 300)]
)
def test_five_seconds_double_up_to_five_minutes(attempts: int, seconds: int) -> None:
    assert Backoff(5 * SECOND, 300 * SECOND).delay(attempts) == seconds * SECOND


def test_the_cap_holds_from_the_first_attempt() -> None:
    assert Backoff(10 * SECOND, 3 * SECOND).delay(1) == 3 * SECOND


@pytest.mark.parametrize("base", [0.001, 1, 5, 3600])
@pytest.mark.parametrize("cap", [timedelta(milliseconds=1), timedelta(minutes=5), None])
def test_ten_thousand_attempts_are_finite_monotone_and_capped(
    base: float, cap: timedelta | None
) -> None:
    backoff = Backoff(timedelta(seconds=base), cap)

    delays = [backoff.delay(attempts) for attempts in range(1, 10_001)]

    assert delays == sorted(delays)
    assert delays[0] > timedelta(0)
    assert delays[-1] == (LONGEST_DELAY if cap is None else cap)


@given(BASES, CAPS, st.integers(1, 10_000))
def test_the_delay_is_the_formula_of_the_documentation(
    base: timedelta, cap: timedelta | None, attempts: int
) -> None:
    micros = (base // timedelta(microseconds=1)) * 2 ** (attempts - 1)
    longest = min(cap or LONGEST_DELAY, LONGEST_DELAY)

    delay = Backoff(base, cap).delay(attempts)

    assert delay // timedelta(microseconds=1) == min(micros, longest // timedelta(microseconds=1))


@given(BASES, CAPS, st.integers(1, 10_000), st.floats(0, 1))
def test_jitter_only_adds_and_at_most_its_share(
    base: timedelta, cap: timedelta | None, attempts: int, jitter: float
) -> None:
    plain = Backoff(base, cap).delay(attempts)

    delay = Backoff(base, cap, jitter).delay(attempts)

    slack = timedelta(microseconds=1)  # of rounding
    assert plain <= delay <= min(plain + plain * jitter + slack, LONGEST_DELAY)


def test_jitter_spreads_jobs_that_failed_together() -> None:
    backoff = Backoff(timedelta(minutes=1), jitter=0.5)

    assert len({backoff.delay(1) for _ in range(100)}) > 50


@pytest.mark.parametrize("value", [timedelta(0), timedelta(-1), 5, 5.0, "5s", None, True])
def test_a_base_is_a_positive_timedelta(value: Any) -> None:
    with pytest.raises(InvalidOption, match="backoff base must be a positive timedelta, got"):
        Backoff(value)


@pytest.mark.parametrize("value", [timedelta(0), timedelta(-1), 300, "300", True])
def test_a_cap_is_none_or_a_positive_timedelta(value: Any) -> None:
    with pytest.raises(InvalidOption, match="backoff max must be a positive timedelta, got"):
        Backoff(SECOND, value)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf"), True, "0.5", None])
def test_a_jitter_is_a_share(value: Any) -> None:
    with pytest.raises(InvalidOption, match="backoff jitter must be between 0 and 1, got"):
        Backoff(SECOND, jitter=value)
