from __future__ import annotations

import pytest

from gofastr_queue_conformance import Harness, Suite


class TestRedis(Suite):
    @pytest.fixture
    def harness(self, redis: Harness) -> Harness:
        return redis
