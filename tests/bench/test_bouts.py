"""A contestant that does not do what its rows would claim takes no further part."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from bench.contest.arena import ARENAS
from bench.contest.bout import Bout
from bench.contest.caller import Caller, ContestantError, Refusal
from bench.contest.referee import Referee
from bench.contest.rows import Results
from bench.contest.samples import BULK, DRAIN, DRAIN_2, ENQUEUE, PICKUP, Samples
from bench.report import Row
from bench.sizes import Sizes

SIZES = Sizes(jobs=200, repeats=2, pickups=4, budget=0.1)

Measured = Callable[[str], tuple[Samples, list[Row]]]


@pytest.fixture
def measured() -> Measured:
    def run(how: str) -> tuple[Samples, list[Row]]:
        (opened,) = ARENAS["memory"]
        with opened() as arena, Caller("tests.bench.cheat", f"memory://{how}") as cheat:
            chance = random.Random(1)  # noqa: S311 - repeatable, no secret
            samples = Bout(Referee(arena, {"cheat": cheat}), SIZES, chance).run()
        return samples, list(Results(arena, samples, SIZES).rows())

    return run


def test_an_honest_one_has_a_row_for_each_work(measured: Measured) -> None:
    samples, rows = measured("honest")

    assert not samples.failed
    assert {one.work for one in samples.every} == {ENQUEUE, DRAIN, PICKUP}
    assert [one.jobs for one in samples.of(DRAIN, "cheat")] == [200, 200]
    assert len(samples.of(BULK, "cheat")) + len(samples.of(DRAIN_2, "cheat")) == 0
    assert samples.refused[DRAIN_2, "cheat"] == "tests.bench.cheat: one process"
    assert not any(row.failed for row in rows)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("buffers", "holds 9 jobs, not 50"),
        ("twice", "handled 51 times, not 50"),
        ("keeps", "not done in time"),
        ("not-durable", "is not 'in memory': 'sometimes'"),
        ("dies", "ended as 3"),
    ],
)
def test_a_dishonest_one_fails(
    measured: Measured, monkeypatch: pytest.MonkeyPatch, how: str, why: str
) -> None:
    monkeypatch.setenv("BENCH_DONE_SECONDS", "1")

    samples, rows = measured(how)

    assert why in samples.failed["cheat"]
    assert not samples.of(DRAIN, "cheat")
    assert [row.verdict for row in rows if row.failed] == ["FAILED"]


def test_an_unknown_order_is_an_error_and_not_the_end() -> None:
    with ExitStack() as stack:
        cheat = stack.enter_context(Caller("tests.bench.cheat", "memory://honest"))
        with pytest.raises(ContestantError, match="KeyError: 'dance'"):
            cheat.ask("dance", 10)
        with pytest.raises(Refusal, match="no bulk"):
            cheat.ask("bulk", 10, jobs=10, by=5)
        assert cheat.ask("left", 10) == {"jobs": 0}


def test_one_that_gives_no_answer_in_time_is_ended() -> None:
    with Caller("tests.bench.cheat", "memory://honest") as cheat:
        cheat.ask("left", 10)
        with pytest.raises(ContestantError, match="no answer in 0 s"):
            cheat.ask("pickup", 0.1, jobs=100, pause=1)
