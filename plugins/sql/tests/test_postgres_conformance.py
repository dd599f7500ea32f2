from __future__ import annotations

from pathlib import Path

import pytest

import gofastr_queue_sql
from gofastr_queue_conformance import Harness, Suite


class TestPostgres(Suite):
    EXAMPLES = 15  # each takes a second; make stress tries thousands
    CERTIFICATE = Path(gofastr_queue_sql.__file__).parent / "certificates" / "postgresql.json"

    @pytest.fixture
    def harness(self, postgres_emptied: Harness) -> Harness:
        return postgres_emptied
