from __future__ import annotations

import pytest

from gofastr_queue_conformance import Harness, Suite


class TestRedisAsUser(Suite):
    EXAMPLES = 15  # the same code as on the main server, which is tried longer

    @pytest.fixture
    def harness(self, redis_as_user: Harness) -> Harness:
        return redis_as_user
