from __future__ import annotations

import pytest

from gofastr_queue_conformance import Harness, Suite


class TestPostgres(Suite):
    @pytest.fixture
    def harness(self, postgres: Harness) -> Harness:
        return postgres
