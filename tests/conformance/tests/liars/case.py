"""What a trial runs: the kit, on the harness of whoever is on trial."""

from __future__ import annotations

import pytest

from gofastr_queue_conformance import Harness, Suite


class TestLiar(Suite):
    @pytest.fixture
    def harness(self, accused: Harness) -> Harness:
        return accused
