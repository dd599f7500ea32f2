"""How many jobs a worker claims ahead."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gofastr_queue.worker.pace import HORIZON, MOST, Pace

seconds = st.floats(min_value=0, max_value=3600, allow_nan=False)


def test_nothing_is_claimed_ahead_before_a_handler_was_measured() -> None:
    assert Pace().ahead(8) == 0


def test_handlers_that_outlast_the_horizon_leave_nothing_ahead() -> None:
    pace = Pace()
    for _ in range(50):
        pace.took(4 * HORIZON)

    assert pace.ahead(3) == 0


def test_quick_handlers_are_claimed_ahead_up_to_the_most() -> None:
    pace = Pace()
    for _ in range(50):
        pace.took(0.0)

    assert pace.ahead(4) == MOST


def test_one_slow_handler_counts_at_once() -> None:
    pace = Pace()
    for _ in range(50):
        pace.took(0.0001)
    before = pace.ahead(1)
    pace.took(1.0)

    assert before > 0
    assert pace.ahead(1) == 0


def test_one_quick_handler_among_slow_ones_changes_little() -> None:
    pace = Pace()
    for _ in range(50):
        pace.took(1.0)
    pace.took(0.0)

    assert pace.ahead(4) == 0


@given(st.lists(seconds, max_size=30), st.integers(1, 1_000))
def test_what_is_claimed_ahead_is_bounded_whatever_was_measured(
    measured: list[float], slots: int
) -> None:
    pace = Pace()
    for one in measured:
        pace.took(one)

    assert 0 <= pace.ahead(slots) <= MOST
