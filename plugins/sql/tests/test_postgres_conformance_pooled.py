from __future__ import annotations

import pytest

from gofastr_queue_conformance import Harness, Suite


class TestPostgresPooled(Suite):
    @pytest.fixture
    def harness(self, postgres_pooled: Harness) -> Harness:
        return postgres_pooled
