from __future__ import annotations

from pathlib import Path

import pytest

import gofastr_queue_sql
from gofastr_queue_conformance import Harness, Suite


class TestSqlite(Suite):
    CERTIFICATE = Path(gofastr_queue_sql.__file__).parent / "certificates" / "sqlite.json"

    @pytest.fixture
    def harness(self, sqlite: Harness) -> Harness:
        return sqlite
