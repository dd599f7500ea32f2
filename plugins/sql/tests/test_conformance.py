from __future__ import annotations

import pytest

from gofastr_queue_conformance import Harness, Suite


class TestSqlite(Suite):
    @pytest.fixture
    def harness(self, sqlite: Harness) -> Harness:
        return sqlite
