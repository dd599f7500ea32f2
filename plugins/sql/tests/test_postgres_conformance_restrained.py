from __future__ import annotations

import pytest

from gofastr_queue_conformance import Harness, Suite


class TestPostgresRestrained(Suite):
    EXAMPLES = 15  # the same code as on the main server, which is tried longer

    @pytest.fixture
    def harness(self, postgres_restrained: Harness) -> Harness:
        return postgres_restrained
