"""Ratios are taken within rounds, at one speed of the machine."""

from __future__ import annotations

import pytest
from bench import calibration
from bench.contest.contestant import About
from bench.contest.payload import number_of, payload
from bench.contest.samples import DRAIN, Sample, Samples


def sample(who: str, round: int, rate: float, speed: float = 3.0) -> Sample:
    return Sample(DRAIN, who, round, 1_000, speed, 1_000 / rate)


def test_a_ratio_compares_within_rounds() -> None:
    samples = Samples(
        [sample("ours", 0, 200), sample("raw", 0, 100), sample("ours", 1, 40), sample("raw", 1, 10)]
    )

    ratio = samples.ratio((DRAIN, "ours"), (DRAIN, "raw"))

    assert ratio is not None
    assert (ratio.rounds, ratio.mixed) == (2, False)
    assert ratio.spread.median == pytest.approx(3.0)


def test_a_round_at_two_speeds_does_not_count() -> None:
    samples = Samples(
        [
            sample("ours", 0, 100),
            sample("raw", 0, 100),
            sample("ours", 1, 100, speed=3.0),
            sample("raw", 1, 10, speed=5.7),
        ]
    )

    ratio = samples.ratio((DRAIN, "ours"), (DRAIN, "raw"))

    assert ratio is not None
    assert (ratio.rounds, ratio.mixed) == (1, False)
    assert ratio.spread.median == pytest.approx(1.0)


def test_where_most_rounds_are_at_two_speeds_the_ratio_says_so() -> None:
    samples = Samples([sample("ours", 0, 100, speed=3.0), sample("raw", 0, 50, speed=5.7)])

    ratio = samples.ratio((DRAIN, "ours"), (DRAIN, "raw"))

    assert ratio is not None
    assert ratio.mixed


def test_without_a_common_round_there_is_no_ratio() -> None:
    samples = Samples([sample("ours", 0, 100), sample("raw", 1, 50)])

    assert samples.ratio((DRAIN, "ours"), (DRAIN, "raw")) is None


def test_the_best_peer_is_the_quickest_that_took_part() -> None:
    samples = Samples([sample("slow", 0, 100), sample("quick", 0, 200)])
    samples.about["slow"] = About("slow", "1", "")

    assert samples.best(DRAIN, DRAIN, ["slow", "quick", "absent"]) == "quick"
    assert samples.best(DRAIN, DRAIN, ["absent"]) is None


def test_times_are_scaled_by_the_machines_speed_and_not_by_its_load() -> None:
    usual = calibration.USUAL_MILLIS

    assert calibration.scale(usual / 2) == 1
    assert calibration.scale(1.5 * usual) == pytest.approx(1.5)
    assert calibration.scale(10 * usual) == calibration.SLOWEST


def test_each_payload_has_a_number_of_its_own() -> None:
    assert [number_of(payload(number)) for number in range(3)] == [0, 1, 2]
