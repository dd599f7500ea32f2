"""A role that may only work with the queue, and a planner that may only loop.

The whole kit does the same in test_postgres_conformance_restrained.py, which make stress runs.
"""

from __future__ import annotations

import pytest

from gofastr_queue_conformance import Calls, Harness


class TestPostgresRestrained(Calls):
    EXAMPLES = 5  # the same code as on the main server, which is tried longer

    @pytest.fixture
    def harness(self, postgres_restrained: Harness) -> Harness:
        return postgres_restrained
