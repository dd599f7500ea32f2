"""Every mutant still breaks the code it means, and every promise has one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.breaks)
def test_a_mutant_replaces_exactly_one_place(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text("utf-8")

    assert text.count(mutant.old) == 1
    assert mutant.old != mutant.new


def test_every_promise_has_a_mutant() -> None:
    assert {mutant.promise for mutant in MUTANTS} == set(range(1, 13))
