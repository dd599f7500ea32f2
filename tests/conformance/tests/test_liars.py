"""The kit refutes backends that lie, each by the case named for its lie."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from pkgutil import iter_modules

import pytest
from tests.conformance.tests.liars import catalogue
from tests.conformance.tests.liars.catalogue import LIARS, Liar
from tests.conformance.tests.liars.honest import Memory, Sqlite
from tests.conformance.tests.liars.trial import HERE, trial

for module in iter_modules([str(HERE)]):
    importlib.import_module(f"{catalogue.__name__.rpartition('.')[0]}.{module.name}")

REFUTED = (AssertionError, pytest.fail.Exception)


@pytest.mark.parametrize("liar", LIARS, ids=lambda liar: liar.name)
def test_a_liar_is_refuted_by_the_case_of_its_lie_and_passes_others(
    liar: Liar, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("liar", liar.name)

    raised = trial(liar.backend.harness, {liar.refuted_by, *liar.passes}, tmp_path)

    assert set(raised) == {liar.refuted_by}, {case: f"{one!r}" for case, one in raised.items()}
    caught = raised[liar.refuted_by]
    assert isinstance(caught.value, REFUTED), f"no refutation: {caught!r}"
    assert not f"{caught.value}".startswith("Timeout"), "the case hangs where it should refute"
    assert all(Path(entry.path).parent != HERE for entry in caught.traceback), "in the liar's code"


@pytest.mark.parametrize("honest", [Memory, Sqlite])
def test_an_honest_backend_passes_what_its_liars_do_not(
    honest: type[Memory | Sqlite], tmp_path: Path
) -> None:
    cases = {liar.refuted_by for liar in LIARS if liar.honest is honest}

    assert trial(honest.harness, cases, tmp_path) == {}


def test_every_liar_is_caught_by_one_case_and_passes_some() -> None:
    assert len(LIARS) >= 30
    assert [liar.name for liar in LIARS if len(liar.passes) < 3] == []
    assert [liar.name for liar in LIARS if liar.refuted_by in liar.passes] == []


def test_every_liar_says_its_one_lie() -> None:
    lies = Counter(liar.backend.__doc__ for liar in LIARS)

    assert None not in lies
    assert [lie for lie, count in lies.items() if count > 1] == []
