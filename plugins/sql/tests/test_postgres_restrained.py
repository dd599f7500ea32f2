"""A role that may only work with the queue, and a planner that may only loop.

These are the contracts whose statements choose rows; the whole kit does the same in
test_postgres_conformance_restrained.py, which make stress runs.
"""

from __future__ import annotations

import pytest

from gofastr_queue_conformance import Harness
from gofastr_queue_conformance.browsing import BrowsingContract
from gofastr_queue_conformance.claiming import ClaimingContract
from gofastr_queue_conformance.ordering import OrderingContract
from gofastr_queue_conformance.reclaiming import ReclaimingContract
from gofastr_queue_conformance.replaying import ReplayingContract
from gofastr_queue_conformance.scheduling import SchedulingContract
from gofastr_queue_conformance.storing import StoringContract


class TestPostgresRestrained(
    SchedulingContract,
    ReplayingContract,
    BrowsingContract,
    ReclaimingContract,
    OrderingContract,
    ClaimingContract,
    StoringContract,
):
    @pytest.fixture
    def harness(self, postgres_restrained: Harness) -> Harness:
        return postgres_restrained
