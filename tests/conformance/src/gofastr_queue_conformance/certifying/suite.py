"""What ``certify`` runs: the whole suite on the store that it was given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gofastr_queue_conformance import Harness, Suite
from gofastr_queue_conformance.certifying.store import Store

STORE = pytest.StashKey[Store]()


class TestBackend(Suite):
    """Every case, on an empty store."""

    @pytest.fixture
    def harness(self, pytestconfig: pytest.Config) -> Iterator[Harness]:
        with pytestconfig.stash[STORE].fresh() as harness:
            yield harness
