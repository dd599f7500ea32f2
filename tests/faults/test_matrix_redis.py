"""Processes die at every failpoint while they work on Redis with an append-only file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults import matrix_cases
from tests.faults.matrix_cases import Case
from tests.faults.matrix_run import Children
from tests.faults.matrix_stores import cases, judge, redis_store
from tests.servers.redis import Address, any_server


@pytest.fixture(scope="module")
def children() -> Iterator[Children]:
    with Children("redis") as children:
        yield children


@pytest.fixture(scope="module")
def server() -> Iterator[Address]:
    with any_server() as address:
        yield address


def test_every_failpoint_has_a_case_or_no_place_here() -> None:
    assert matrix_cases.unreached("redis") == set()


@pytest.mark.parametrize("case", cases("redis"), ids=lambda case: case.name)
def test_nothing_is_lost_or_doubled_when_a_process_dies(
    case: Case,
    server: Address,
    children: Children,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    judge(case, redis_store(server), children, tmp_path, request)
