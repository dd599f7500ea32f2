from __future__ import annotations

import pytest

from gofastr_queue_conformance import Harness, Suite


class TestPostgresBefore(Suite):
    @pytest.fixture
    def harness(self, postgres_before: Harness) -> Harness:
        return postgres_before
