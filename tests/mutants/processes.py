"""The mutants of process mode: handlers that are not ended, and processes that stay."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

WORKER = "core/src/gofastr_queue/worker"
TESTS = "core/tests/test_worker_processes.py core/tests/test_process_handlers.py"


def _processes(breaks: str, file: str, old: str, new: str) -> Mutant:
    return Mutant(10, f"processes: {breaks}", f"{WORKER}/{file}", old, new, TESTS)


PROCESSES = [
    _processes(
        "a process is not ended at its time",
        "children.py",
        "        held.context.on_cancel(lambda: self._end(task))\n",
        "",
    ),
    _processes(
        "a process that does not heed SIGTERM is not killed",
        "children.py",
        "        killer.start()\n",
        "",
    ),
    _processes(
        "a process that holds the lock outlives a killed worker",
        "child.py",
        "ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)",
        "pass",
    ),
    _processes(
        "every job has a process of its own",
        "children.py",
        "            if end is not None and child.fit:\n",
        "            if False:\n",
    ),
]
