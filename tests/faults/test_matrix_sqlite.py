"""Processes die at every failpoint while they work on a SQLite file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults import matrix_cases
from tests.faults.matrix_cases import Case
from tests.faults.matrix_run import Children
from tests.faults.matrix_stores import cases, judge, sqlite_store


@pytest.fixture(scope="module")
def children() -> Iterator[Children]:
    with Children("sqlite_utils") as children:
        yield children


def test_every_failpoint_has_a_case_or_no_place_here() -> None:
    assert matrix_cases.unreached("sqlite") == set()


@pytest.mark.parametrize("case", cases("sqlite"), ids=lambda case: case.name)
def test_nothing_is_lost_or_doubled_when_a_process_dies(
    case: Case,
    children: Children,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    judge(case, sqlite_store(tmp_path), children, tmp_path, request)
