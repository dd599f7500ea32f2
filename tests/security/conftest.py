"""Each store in turn."""

from __future__ import annotations

import pytest
from tests.stores import memory, postgres, postgres_address, redis, redis_address, sqlite

from gofastr_queue_conformance import Harness

__all__ = ["memory", "postgres", "postgres_address", "redis", "redis_address", "sqlite"]


@pytest.fixture(params=["memory", "sqlite", "postgres", "redis"])
def harness(request: pytest.FixtureRequest) -> Harness:
    found: Harness = request.getfixturevalue(request.param)
    return found
