"""The mutants that only processes under faults notice, and that of suspects."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

WORKER = "core/src/gofastr_queue/worker"
SQLITE = "plugins/sql/src/gofastr_queue_sql/sqlite_sql"


def _faults(promise: int, breaks: str, file: str, old: str, new: str, tests: str) -> Mutant:
    return Mutant(promise, f"faults: {breaks}", file, old, new, tests)


FAULTS = [
    _faults(
        2,
        "a late ack counts although another took over",
        f"{SQLITE}/ack.sql",
        "WHERE id = ? AND token = ? AND",
        "WHERE id = ? AND (1 OR token = ?) AND",
        "tests/faults/test_pauses.py -k sqlite",
    ),
    _faults(
        3,
        "a claim whose worker dies is not counted",
        f"{SQLITE}/claim.sql",
        "attempts = attempts + 1",
        "attempts = max(attempts, 1)",
        "tests/faults/test_kills.py -k sqlite",
    ),
    _faults(
        10,
        "no lease is renewed",
        f"{WORKER}/keeper.py",
        "kept = {claim.token for claim in self._consumer.extend([h.claim for h in held])}",
        "kept = {one.claim.token for one in held}",
        "tests/faults/test_long_handlers.py -k sqlite",
    ),
    _faults(
        10,
        "no handler learns that its lease ran out",
        f"{WORKER}/keeper.py",
        "                    one.cancel(LEASE_RAN_OUT)",
        "                    pass",
        "tests/faults/test_long_handlers.py -k sqlite",
    ),
    _faults(
        10,
        "suspects are held together",
        f"{WORKER}/suspects.py",
        "        if not suspects:\n",
        "        if True:\n",
        "core/tests/test_worker_suspects.py",
    ),
    _faults(
        10,
        "jobs are claimed while a suspect may kill",
        f"{WORKER}/pool.py",
        "        if self._suspects.quiet_until() > time.monotonic():\n            return 0\n",
        "",
        "core/tests/test_worker_suspects.py",
    ),
]
