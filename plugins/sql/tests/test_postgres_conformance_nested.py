from __future__ import annotations

import pytest

from gofastr_queue_conformance import Harness, Suite


class TestPostgresNested(Suite):
    @pytest.fixture
    def harness(self, postgres_nested: Harness) -> Harness:
        return postgres_nested
