"""Handlers in processes: ended at their time, never noticed by other jobs, never orphans."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from core.tests.watched import is_alive, only_error, pid_in, until

from gofastr_queue import Job, Queue, hookimpl
from gofastr_queue.worker import children

needs_signals = pytest.mark.skipif(
    sys.platform == "win32", reason="signals end a process at once there"
)

MARGIN = 3 * (0.1 + children.STOP_SECONDS)
"""Seconds beyond its timeout in which a handler is ended: 0.1 s to notice, 0.5 s to leave."""


@pytest.fixture
def queue() -> Iterator[Queue]:
    with Queue.open("memory://") as queue:
        yield queue


# Time


@pytest.mark.parametrize("name", ["spin", "hold_the_lock", "ignore_sigterm", "swallow"])
def test_a_handler_is_ended_at_its_timeout_and_no_other_job_notices(
    queue: Queue, handlers: Any, tmp_path: Path, name: str
) -> None:
    beside: list[float] = []
    queue.register_handler("hangs", getattr(handlers, name), timeout=1, process=True)
    queue.register_handler("note", handlers.note, process=True)
    queue.register_handler("beside", lambda: beside.append(time.monotonic()))
    queue.start(2, lanes={"beside": 1})
    queue.enqueue("hangs", {"path": str(tmp_path / "pid")}, id="hangs", max_attempts=1)
    pid = pid_in(tmp_path / "pid")
    began = time.monotonic()
    while queue.stats()["failed"] == 0 and time.monotonic() < began + 10:
        queue.enqueue("beside", lane="beside")  # a lane, for the first notes wait for a process
        queue.enqueue("note", str(tmp_path))
        time.sleep(0.05)
    took = time.monotonic() - began
    assert queue.join(30)

    error = only_error(queue, "hangs")
    assert error.kind == "TimeoutError"
    assert error.message == "the handler ran over its timeout; its process was ended"
    assert 0.3 <= took <= 1 + MARGIN
    assert not is_alive(pid)
    gaps = [later - sooner for sooner, later in pairwise(beside)]
    assert max(gaps) < 0.5, f"seconds without a job: {gaps}"
    assert len(list(tmp_path.iterdir())) == len(beside) + 1


def test_the_workers_handler_timeout_holds_for_processes(
    queue: Queue, handlers: Any, tmp_path: Path
) -> None:
    queue.register_handler("spin", handlers.spin, process=True, max_attempts=1)
    queue.enqueue("spin", {"path": str(tmp_path / "pid")}, id="spins")
    queue.start(1, handler_timeout=0.3)

    assert only_error(queue, "spins").kind == "TimeoutError"


@needs_signals
def test_a_handler_over_its_time_may_clean_up_and_what_it_started_ends_with_it(
    queue: Queue, handlers: Any, tmp_path: Path
) -> None:
    queue.register_handler("sleep", handlers.sleep, timeout=0.3, process=True, max_attempts=1)
    queue.register_handler("more", handlers.start_another, timeout=1, process=True, max_attempts=1)
    queue.enqueue("sleep", {"path": str(tmp_path / "sleep"), "seconds": 600})
    queue.enqueue("more", {"path": str(tmp_path / "more")})
    queue.start(2)
    assert queue.join(30)

    assert (tmp_path / "sleep.ended").exists()
    assert not (tmp_path / "sleep.done").exists()
    until(lambda: not is_alive(pid_in(tmp_path / "more")), seconds=5)


def test_an_import_has_a_time_of_its_own(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_import.py").write_text(
        "import sys, time\n"
        "def work(job): pass\n"
        "if 'gofastr_queue.worker.child' in sys.modules: time.sleep(1)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    work = importlib.import_module("slow_import").work
    queue.register_handler("work", work, timeout=0.5, process=True, max_attempts=1)
    queue.enqueue("work")
    queue.start(1)
    assert queue.join(30)
    assert queue.stats()["failed"] == 0
    queue.close()

    monkeypatch.setattr(children, "START_SECONDS", 0.5)
    with Queue.open("memory://") as impatient:
        impatient.register_handler("work", work, process=True, max_attempts=1)
        impatient.enqueue("work", id="never")
        impatient.start(1)
        assert "'slow_import' was not imported within" in only_error(impatient, "never").message


# Death


@needs_signals
@pytest.mark.parametrize(
    ("number", "said"),
    [
        (3, "ended with exit code 3"),
        (0, "ended with exit code 0"),
        (-int(signal.SIGSEGV), "was ended by SIGSEGV"),
        (-int(signal.SIGKILL), "was ended by SIGKILL"),
        (-int(signal.SIGTERM), "was ended by SIGTERM"),
    ],
)
def test_a_process_that_dies_fails_its_attempt_and_says_how(
    queue: Queue, handlers: Any, number: int, said: str
) -> None:
    queue.register_handler("die", handlers.die, process=True, max_attempts=1)
    queue.enqueue("die", number, id="dies")
    queue.start(1)

    error = only_error(queue, "dies")
    assert (error.kind, error.message) == ("ProcessDied", f"the handler's process {said}")


@needs_signals
def test_a_death_is_one_attempt_and_the_slot_gets_a_new_process(
    queue: Queue, handlers: Any
) -> None:
    queue.register_handler("die", handlers.die, process=True)
    queue.register_handler("leave", handlers.leave_a_child, process=True)
    queue.enqueue("die", 3)
    queue.enqueue("leave")
    queue.start(1)

    assert queue.join(30)
    assert queue.list_jobs() == []


@needs_signals
def test_an_idle_process_that_was_killed_costs_no_attempt(
    queue: Queue, handlers: Any, tmp_path: Path
) -> None:
    queue.register_handler("note", handlers.note, process=True)
    first = queue.enqueue("note", str(tmp_path))
    queue.start(1)
    assert queue.join(30)
    os.kill(pid_in(tmp_path / first.id), signal.SIGKILL)
    second = queue.enqueue("note", str(tmp_path), max_attempts=1)
    assert queue.join(30)

    assert pid_in(tmp_path / second.id) != pid_in(tmp_path / first.id)


@needs_signals
def test_ctrl_c_is_not_for_children(queue: Queue, handlers: Any, tmp_path: Path) -> None:
    queue.register_handler("sleep", handlers.sleep, process=True, max_attempts=1)
    queue.enqueue("sleep", {"path": str(tmp_path / "sleep"), "seconds": 0.5})
    queue.start(1)
    pid = pid_in(tmp_path / "sleep")
    assert os.getpgid(pid) != os.getpgid(0), "a terminal would send it Ctrl-C too"
    os.kill(pid, signal.SIGINT)
    assert queue.join(30)

    assert (tmp_path / "sleep.done").exists()


def test_jobs_go_back_uncounted_when_no_process_can_be_started(
    queue: Queue,
    handlers: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    real = children.Child
    tries: list[int] = []

    def child() -> children.Child:
        tries.append(1)
        if len(tries) == 1:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return real()

    monkeypatch.setattr(children, "Child", child)
    queue.register_handler("note", handlers.note, process=True)
    job = queue.enqueue("note", str(tmp_path), max_attempts=1)
    queue.start(1)
    until((tmp_path / job.id).exists)

    assert "no process for job" in caplog.text


def test_two_hundred_jobs_run_in_two_processes(queue: Queue, handlers: Any, tmp_path: Path) -> None:
    queue.register_handler("note", handlers.note, process=True)
    queue.enqueue_many([Job(type="note", payload=str(tmp_path)) for _ in range(200)])
    queue.start(2)
    assert queue.join(30)
    pids = {pid_in(path) for path in tmp_path.iterdir()}
    assert len(list(tmp_path.iterdir())) == 200
    assert len(pids) == 2
    queue.close()

    assert not any(is_alive(pid) for pid in pids)


# Leases, context


class ForgetfulStore:
    """Tells the worker, once a file exists, that nothing it holds is its own any more."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @hookimpl(wrapper=True)
    def queue_extend(self) -> Generator[None, Any, Any]:
        kept = yield
        return [] if self._path.exists() else kept


def test_a_handler_whose_lease_is_lost_is_ended(handlers: Any, tmp_path: Path) -> None:
    lease = timedelta(seconds=0.9)
    with Queue.open("memory://", lease=lease, plugins=[ForgetfulStore(tmp_path / "pid")]) as queue:
        queue.register_handler("spin", handlers.spin, process=True, max_attempts=1)
        queue.enqueue("spin", {"path": str(tmp_path / "pid")}, id="lost")
        queue.start(1)
        pid = pid_in(tmp_path / "pid")
        until(lambda: not is_alive(pid), seconds=5)

        assert only_error(queue, "lost").kind == "LeaseLost"


def test_leases_are_renewed_while_a_process_holds_its_interpreters_lock(
    handlers: Any, tmp_path: Path
) -> None:
    with Queue.open("memory://", lease=timedelta(seconds=1.5)) as queue:
        queue.register_handler("hold", handlers.hold_the_lock, process=True, timeout=4)
        queue.enqueue("hold", {"path": str(tmp_path / "pid")}, id="held", max_attempts=1)
        queue.start(1, reclaim_interval=0.1)

        assert only_error(queue, "held").kind == "TimeoutError"


def test_a_context_extends_and_tells_progress(
    queue: Queue, handlers: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    queue.register_handler("use", handlers.use_context, timeout=1, process=True, max_attempts=1)
    queue.enqueue("use", {"path": str(tmp_path / "used"), "seconds": 600}, id="used")
    queue.start(1)
    until((tmp_path / "used").exists)
    claimed = queue.get("used")
    assert claimed is not None
    assert claimed.lease_until is not None
    assert claimed.lease_until - datetime.now(UTC) > timedelta(seconds=900)

    assert only_error(queue, "used").kind == "TimeoutError"
    assert (tmp_path / "used").read_text() == "True False"
    assert "progress 7 of 10" in caplog.text


def test_an_extension_that_the_store_refuses_is_raised_in_the_handler(
    handlers: Any, tmp_path: Path
) -> None:
    class Away:
        @hookimpl(wrapper=True)
        def queue_extend(self) -> Generator[None, Any, Any]:
            yield
            raise RuntimeError("the store is away")

    with Queue.open("memory://", plugins=[Away()]) as queue:
        queue.register_handler("use", handlers.use_context, process=True, max_attempts=1)
        queue.enqueue("use", {"path": str(tmp_path / "used"), "seconds": 0}, id="used")
        queue.start(1)

        error = only_error(queue, "used")
        assert (error.kind, "the store is away" in error.message) == ("BackendUnavailable", True)


# The end of a worker


def test_close_waits_for_running_processes_within_its_time(
    queue: Queue, handlers: Any, tmp_path: Path
) -> None:
    queue.register_handler("sleep", handlers.sleep, process=True)
    queue.enqueue("sleep", {"path": str(tmp_path / "sleep"), "seconds": 0.5})
    queue.start(1)
    pid = pid_in(tmp_path / "sleep")
    queue.close(timeout=20)

    assert (tmp_path / "sleep.done").exists()
    assert not is_alive(pid)


@pytest.mark.parametrize("name", ["spin", "hold_the_lock"])
def test_close_ends_processes_when_its_time_is_over_and_settles_their_jobs(
    handlers: Any, tmp_path: Path, name: str
) -> None:
    store = "memory://closing"
    with Queue.open(store) as other, Queue.open(store) as queue:
        queue.register_handler("hangs", getattr(handlers, name), process=True)
        queue.register_handler("last", getattr(handlers, name), process=True, max_attempts=1)
        ids = [queue.enqueue(type, {"path": str(tmp_path / type)}).id for type in ("hangs", "last")]
        queue.start(2)
        pids = [pid_in(tmp_path / type) for type in ("hangs", "last")]
        began = time.monotonic()
        queue.close(timeout=0.2)
        took = time.monotonic() - began
        left = [other.get(id) for id in ids]

        assert [job and (job.status, job.attempts) for job in left] == [
            ("pending", 1),
            ("failed", 1),
        ]
        assert [job.errors[0].kind for job in left if job] == ["WorkerStopped"] * 2
        assert not any(is_alive(pid) for pid in pids)
        assert took < 0.2 + MARGIN
        assert other.claim(1)[0].job.id == ids[0]


def test_a_process_that_still_starts_when_the_worker_ends_costs_no_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "starts_slowly.py").write_text(
        "import sys, time\n"
        "def work(job): pass\n"
        "if 'gofastr_queue.worker.child' in sys.modules: time.sleep(600)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    work = importlib.import_module("starts_slowly").work
    store = "memory://starting"
    with Queue.open(store) as other, Queue.open(store) as queue:
        queue.register_handler("work", work, process=True)
        job = queue.enqueue("work", max_attempts=1)
        queue.start(1)
        until(lambda: queue.stats()["claimed"])
        time.sleep(1)
        queue.close(timeout=0)

        left = other.get(job.id)
        assert left is not None
        assert (left.status, left.attempts) == ("pending", 0)


ORPHANING = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
import process_handlers
from gofastr_queue import Queue

queue = Queue.open("memory://")
for name in ("note", "sleep", "hold_the_lock"):
    queue.register_handler(name, getattr(process_handlers, name), process=True)
    queue.enqueue(name, {{"path": name, "seconds": 600}} if name != "note" else ".", id=name)
    if name == "note":
        queue.start(3)
        queue.join(30)
time.sleep(600)
"""


@needs_signals
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_its_worker_however_that_ends(
    tmp_path: Path, number: signal.Signals
) -> None:
    with subprocess.Popen([sys.executable, "-c", ORPHANING], cwd=tmp_path) as worker:
        try:
            pids = {pid_in(tmp_path / name) for name in ("note", "sleep", "hold_the_lock")}
        finally:
            worker.send_signal(number)
            worker.wait(30)

    try:
        until(lambda: not any(is_alive(pid) for pid in pids), seconds=5)
    finally:
        for pid in filter(is_alive, pids):
            os.kill(pid, signal.SIGKILL)


def test_sigterm_ends_processes_after_the_grace_time(tmp_path: Path) -> None:
    code = ORPHANING.replace("queue.start(3)", "queue.start(3, grace=0.2)")
    code = code.replace("time.sleep(600)\n", "queue.run(3, grace=0.3)\n").replace(
        "        queue.start(3, grace=0.2)\n        queue.join(30)\n", "        pass\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path) as worker:
        pids = {pid_in(tmp_path / name) for name in ("sleep", "hold_the_lock")}
        began = time.monotonic()
        worker.terminate()
        assert worker.wait(30) == 0

    assert time.monotonic() - began < 0.3 + 2 * MARGIN
    assert not any(is_alive(pid) for pid in pids)
