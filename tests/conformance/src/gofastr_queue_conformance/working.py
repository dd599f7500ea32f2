"""The worker's contract: what a worker promises on every backend."""

from __future__ import annotations

from gofastr_queue_conformance.working_closing import (
    ClosingContract,
    JoiningContract,
    SignalsContract,
)
from gofastr_queue_conformance.working_faults import OutageContract, PluginsContract
from gofastr_queue_conformance.working_gate import GateContract, RegisteringContract
from gofastr_queue_conformance.working_lanes import AheadContract, LanesContract
from gofastr_queue_conformance.working_leases import LeasesContract
from gofastr_queue_conformance.working_outcomes import OutcomesContract
from gofastr_queue_conformance.working_pickup import PickupContract


class WorkingContract(
    OutcomesContract,
    LeasesContract,
    LanesContract,
    AheadContract,
    GateContract,
    RegisteringContract,
    PickupContract,
    JoiningContract,
    ClosingContract,
    SignalsContract,
    OutageContract,
    PluginsContract,
):
    """Workers: outcomes, leases, lanes, gate, closing, and a store that fails."""
