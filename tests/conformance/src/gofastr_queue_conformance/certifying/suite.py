"""What ``certify`` runs: the whole suite on the store that it was given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gofastr_queue_conformance import Harness, Suite
from gofastr_queue_conformance.certifying.collecting import topic_of
from gofastr_queue_conformance.certifying.store import Store

STORE = pytest.StashKey[Store]()

ALONE = frozenset({"crashing", "lifecycle", "restarting"})
"""Topics whose cases must find a store gone that lasts only while somebody has it open."""


class TestBackend(Suite):
    """Every case, on an empty store."""

    @pytest.fixture
    def harness(self, request: pytest.FixtureRequest) -> Iterator[Harness]:
        store = request.config.stash[STORE]
        with store.fresh(alone=topic_of(TestBackend, request.node) in ALONE) as harness:
            yield harness
