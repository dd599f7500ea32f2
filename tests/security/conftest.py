"""Each store in turn."""

from __future__ import annotations

import pytest
from tests.stores import memory, postgres, redis, sqlite

from gofastr_queue_conformance import Harness

__all__ = ["memory", "postgres", "redis", "sqlite"]


@pytest.fixture(params=["memory", "sqlite", "postgres", "redis"])
def harness(request: pytest.FixtureRequest) -> Harness:
    found: Harness = request.getfixturevalue(request.param)
    return found
