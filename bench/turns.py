"""One claim and its acks, timed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

from bench.stores import AnyBackend

from gofastr_queue.records import Ack, StoredClaim, Want

LEASE = timedelta(minutes=5)


def claim_and_ack(
    backend: AnyBackend, want: Want, count: int
) -> tuple[float, Sequence[StoredClaim]]:
    """Return the seconds of claiming and acking ``count`` jobs, and the claims."""
    begin = time.perf_counter()
    claims = backend.queue_claim(want, count, LEASE, "bench", None).claims
    acked = backend.queue_ack([Ack(claim) for claim in claims], None)
    seconds = time.perf_counter() - begin
    assert len(acked) == count, f"{len(acked)} of {count} were claimed and acked"
    assert all(want.admits(claim.job.lane, claim.job.type) for claim in claims), "not wanted"
    return seconds, claims
