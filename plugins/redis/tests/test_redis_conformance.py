from __future__ import annotations

from pathlib import Path

import pytest

import gofastr_queue_redis
from gofastr_queue_conformance import Harness, Suite


class TestRedis(Suite):
    CERTIFICATE = Path(gofastr_queue_redis.__file__).parent / "certificates" / "redis.json"

    @pytest.fixture
    def harness(self, redis: Harness) -> Harness:
        return redis
