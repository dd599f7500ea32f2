"""The conformance kit: what every backend promises, as tests.

A backend's whole conformance test is one class that inherits ``Suite`` and gives one fixture,
``harness``.  Nothing is skipped: where a backend lacks a capability, ``RefusingContract`` proves
that the operation is refused by name.
"""

from __future__ import annotations

from pathlib import Path
from pkgutil import iter_modules
from typing import ClassVar

import pytest

pytest.register_assert_rewrite(*(f"{__name__}.{module.name}" for module in iter_modules(__path__)))

# pytest rewrites the asserts only of modules that are imported after it was told so
from gofastr_queue_conformance.browsing import BrowsingContract  # noqa: E402
from gofastr_queue_conformance.carrying import CarryingContract  # noqa: E402
from gofastr_queue_conformance.certifying import shipping  # noqa: E402
from gofastr_queue_conformance.claiming import ClaimingContract  # noqa: E402
from gofastr_queue_conformance.concurrency import ConcurrencyContract  # noqa: E402
from gofastr_queue_conformance.diagnosing import DiagnosingContract  # noqa: E402
from gofastr_queue_conformance.extending import ExtendingContract  # noqa: E402
from gofastr_queue_conformance.fencing import FencingContract  # noqa: E402
from gofastr_queue_conformance.harness import OF_THE_KIT, Contract, Harness  # noqa: E402
from gofastr_queue_conformance.lost_replies import LostRepliesContract  # noqa: E402
from gofastr_queue_conformance.machine import LifecycleContract  # noqa: E402
from gofastr_queue_conformance.ordering import OrderingContract  # noqa: E402
from gofastr_queue_conformance.processes import ProcessesContract  # noqa: E402
from gofastr_queue_conformance.reclaiming import ReclaimingContract  # noqa: E402
from gofastr_queue_conformance.refusing import RefusingContract  # noqa: E402
from gofastr_queue_conformance.replaying import ReplayingContract  # noqa: E402
from gofastr_queue_conformance.restarting import RestartingContract  # noqa: E402
from gofastr_queue_conformance.scheduling import SchedulingContract  # noqa: E402
from gofastr_queue_conformance.scheduling_changes import ChangedSchedulesContract  # noqa: E402
from gofastr_queue_conformance.scheduling_processes import (  # noqa: E402
    ScheduledProcessesContract,
)
from gofastr_queue_conformance.scheduling_users import ScheduledContract  # noqa: E402
from gofastr_queue_conformance.storing import StoringContract  # noqa: E402
from gofastr_queue_conformance.transactions import TransactionsContract  # noqa: E402
from gofastr_queue_conformance.waking import WakingContract  # noqa: E402
from gofastr_queue_conformance.working import WorkingContract  # noqa: E402


class Suite(
    ScheduledProcessesContract,
    ProcessesContract,
    LostRepliesContract,
    WorkingContract,
    ConcurrencyContract,
    ScheduledContract,
    LifecycleContract,
    RefusingContract,
    TransactionsContract,
    WakingContract,
    DiagnosingContract,
    ChangedSchedulesContract,
    SchedulingContract,
    ReplayingContract,
    BrowsingContract,
    ExtendingContract,
    ReclaimingContract,
    FencingContract,
    OrderingContract,
    ClaimingContract,
    CarryingContract,
    RestartingContract,
    StoringContract,
):
    """Every contract; pytest runs the last base first, so the quick and telling ones lead.

    ``CERTIFICATE`` is the path of a certificate that a distribution ships: the last case fails once
    it no longer says what this run has shown.  ``GOFASTR_CERTIFICATES=write`` writes it anew.
    """

    TOPIC = OF_THE_KIT
    CERTIFICATE: ClassVar[Path | None] = None

    def test_the_shipped_certificate_says_what_this_run_has_shown(
        self, harness: Harness, pytestconfig: pytest.Config
    ) -> None:
        if self.CERTIFICATE is not None:
            shipping.check(type(self), self.CERTIFICATE, harness, pytestconfig)


__all__ = [
    "BrowsingContract",
    "CarryingContract",
    "ChangedSchedulesContract",
    "ClaimingContract",
    "ConcurrencyContract",
    "Contract",
    "DiagnosingContract",
    "ExtendingContract",
    "FencingContract",
    "Harness",
    "LifecycleContract",
    "LostRepliesContract",
    "OrderingContract",
    "ProcessesContract",
    "ReclaimingContract",
    "RefusingContract",
    "ReplayingContract",
    "RestartingContract",
    "ScheduledContract",
    "ScheduledProcessesContract",
    "SchedulingContract",
    "StoringContract",
    "Suite",
    "TransactionsContract",
    "WakingContract",
    "WorkingContract",
]
