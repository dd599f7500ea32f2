"""A user who may only use the commands that docs/redis.md lists, on the keys of queues.

The whole kit does the same in test_redis_conformance_as_user.py, which make stress runs.
"""

from __future__ import annotations

import pytest

from gofastr_queue_conformance import Calls, Harness


class TestRedisAsUser(Calls):
    EXAMPLES = 5  # the same code as on the main server, which is tried longer

    @pytest.fixture
    def harness(self, redis_as_user: Harness) -> Harness:
        return redis_as_user
