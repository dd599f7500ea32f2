"""Several worker processes: replaced when they die, told to stop, gone with their supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from core.tests.watched import is_alive, until

from gofastr_queue import Queue
from gofastr_queue.cli.supervisor import LONGEST_PAUSE, YOUNG, Supervisor, pause_after

needs_signals = pytest.mark.skipif(
    sys.platform == "win32", reason="signals end a process at once there"
)

APP = """
import os, sys, time
from datetime import timedelta
from pathlib import Path
from gofastr_queue import Queue

queue = Queue.open("sqlite:///jobs.db", lease=timedelta(seconds=1.5))
memory = Queue.open("memory://")

@queue.handler("work")
def work(job):
    Path(f"runs-{job.id}-{os.getpid()}").touch()
    if job.attempts == 1:
        time.sleep(job.payload)
    Path(f"read-{job.id}").write_text(repr(sys.stdin.read()))
"""

ENDS_WHEN_TOLD = "import sys; sys.stdin.readline()"
ENDS_NEVER = "import time; time.sleep(600)"


class Time:
    """A monotonic clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Supervised:
    """A supervisor of interpreters that run some code, and what it says."""

    def __init__(self, code: str, processes: int, clock: Callable[[], float]) -> None:
        self.said: list[str] = []
        self.supervisor = Supervisor(
            [sys.executable, "-c", code], processes, self.said.append, clock=clock
        )

    def until_said(self, text: str) -> None:
        """Tend until a text was said, and forget what was said."""
        until(lambda: self.supervisor.tend() or any(text in line for line in self.said))  # type: ignore[func-returns-value] # None goes on
        self.said.clear()


@contextmanager
def supervised(
    code: str, processes: int = 1, clock: Callable[[], float] = time.monotonic
) -> Iterator[Supervised]:
    made = Supervised(code, processes, clock)
    try:
        yield made
    finally:
        for pid in made.supervisor.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        made.supervisor.stop(60)


def test_pauses_double_up_to_a_limit() -> None:
    assert [pause_after(number) for number in (0, 1, 2, 3)] == [0.0, 0.5, 1.0, 2.0]
    assert pause_after(1_000_000) == LONGEST_PAUSE


def test_a_process_that_dies_young_is_replaced_after_growing_pauses() -> None:
    clock = Time()
    with supervised("raise SystemExit(3)", clock=clock) as one:
        one.until_said("ended with exit code 3 after 0.0 s; another starts in 0.5 s")
        clock.now += 0.49
        one.supervisor.tend()
        assert one.supervisor.pids == []

        clock.now += 0.02
        one.supervisor.tend()

        assert len(one.supervisor.pids) == 1
        one.until_said("another starts in 1.0 s")


@needs_signals
def test_the_pauses_begin_anew_when_a_process_has_lived() -> None:
    clock = Time()
    with supervised(ENDS_NEVER, clock=clock) as one:
        for _ in range(2):
            one.supervisor.tend()
            os.kill(one.supervisor.pids[0], signal.SIGKILL)
            one.until_said("was ended by SIGKILL")
            clock.now += LONGEST_PAUSE
        one.supervisor.tend()
        clock.now += YOUNG

        os.kill(one.supervisor.pids[0], signal.SIGKILL)

        one.until_said("after 10.0 s; another starts in 0.0 s")
        one.supervisor.tend()
        os.kill(one.supervisor.pids[0], signal.SIGKILL)
        one.until_said("another starts in 0.5 s")


def test_one_death_leaves_the_others_alone() -> None:
    with supervised(ENDS_NEVER, processes=3) as one:
        one.supervisor.tend()
        first, second, third = one.supervisor.pids

        os.kill(second, signal.SIGTERM)
        one.until_said("another starts")
        until(lambda: one.supervisor.tend() or len(one.supervisor.pids) == 3)  # type: ignore[func-returns-value] # None goes on

        assert one.supervisor.pids[::2] == [first, third]
        assert one.supervisor.pids[1] != second


def test_a_command_used_wrongly_is_not_started_again() -> None:
    clock = Time()
    with supervised("raise SystemExit(2)", clock=clock) as one:
        one.until_said("ended with exit code 2: not started again")
        clock.now += 3600
        one.supervisor.tend()

        assert one.supervisor.refused
        assert one.supervisor.pids == []


def test_an_exit_code_of_2_is_a_death_like_others_once_a_process_has_lived() -> None:
    clock = Time()
    with supervised("import sys; sys.stdin.readline(); sys.exit(2)", clock=clock) as one:
        one.supervisor.tend()
        clock.now += YOUNG
        (process,) = (place.process for place in one.supervisor._places)
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()

        one.until_said("ended with exit code 2 after 10.0 s; another starts in 0.0 s")

        assert not one.supervisor.refused


def test_stopping_asks_and_waits() -> None:
    with supervised(ENDS_WHEN_TOLD, processes=2) as one:
        one.supervisor.tend()
        pids = one.supervisor.pids

        assert one.supervisor.stop(60)

        assert [is_alive(pid) for pid in pids] == [False, False]
        assert one.said == []


def test_what_does_not_stop_is_killed_by_pid_and_told() -> None:
    with supervised(ENDS_NEVER, processes=2) as one:
        one.supervisor.tend()
        pids = one.supervisor.pids

        assert not one.supervisor.stop(0.2)

        assert [is_alive(pid) for pid in pids] == [False, False]
        assert [line.endswith("did not stop: killed") for line in one.said] == [True, True]


def test_a_process_that_fails_while_stopping_did_not_end_well() -> None:
    with supervised("import sys; sys.stdin.readline(); sys.exit(5)") as one:
        one.supervisor.tend()

        assert not one.supervisor.stop(60)

        assert "ended with exit code 5" in one.said[0]


# The command, with real queues


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Iterator[Queue]:
    with Queue.open(f"sqlite:///{folder}/jobs.db") as queue:
        yield queue


@contextmanager
def working(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    options = ["--processes=2", "--workers=1", "--reclaim-interval=200ms", *arguments]
    with subprocess.Popen(
        [sys.executable, "-m", "gofastr_queue", "work", *options],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def runners(folder: Path, job: str = "*") -> list[int]:
    """Return the processes that have started a job."""
    return [int(path.name.rpartition("-")[2]) for path in folder.glob(f"runs-{job}-*")]


@needs_signals
def test_a_killed_worker_is_replaced_and_its_job_runs_again(folder: Path, store: Queue) -> None:
    store.enqueue("work", 600, id="a")

    with working(folder, "app:queue") as process:
        until(lambda: len(runners(folder, "a")) == 1)
        os.kill(runners(folder, "a")[0], signal.SIGKILL)
        until(lambda: not any(store.stats().values()))
        process.terminate()
        _, errors = process.communicate(timeout=60)

    assert process.returncode == 0, errors
    assert len(runners(folder, "a")) == 2
    assert "was ended by SIGKILL" in errors


@needs_signals
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_supervisor_lets_running_handlers_finish(
    folder: Path, store: Queue, number: signal.Signals
) -> None:
    for id in ("a", "b", "c"):
        store.enqueue("work", 1.0, id=id)

    with working(folder, "app:queue") as process:
        until(lambda: len(runners(folder)) == 2)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)

    assert process.returncode == 0, errors
    (left,) = store.list_jobs()
    assert (left.id, left.status, left.attempts) == ("c", "pending", 0)
    assert not any(is_alive(pid) for pid in runners(folder))


@needs_signals
def test_workers_exit_by_themselves_when_their_supervisor_is_killed(
    folder: Path, store: Queue
) -> None:
    store.enqueue("work", 600, id="a")
    store.enqueue("work", 600, id="b")

    with working(folder, "app:queue") as process:
        until(lambda: len(runners(folder)) == 2)
        process.kill()
        process.wait(30)
        until(lambda: not any(is_alive(pid) for pid in runners(folder)), seconds=15)

    assert store.stats() == {"pending": 0, "claimed": 2, "failed": 0}


def test_what_a_handler_reads_from_stdin_is_not_the_supervisors(folder: Path, store: Queue) -> None:
    store.enqueue("work", 0, id="a")

    with working(folder, "app:queue") as process:
        until(lambda: not any(store.stats().values()))
        process.terminate()
        process.communicate(timeout=60)

    assert (folder / "read-a").read_text() == "''"


@pytest.mark.parametrize(
    ("target", "said"),
    [("app:nothing", "module 'app' has no 'nothing'"), ("app:memory", "not shared by processes")],
)
def test_what_no_process_can_run_ends_with_wrong_usage(
    folder: Path, target: str, said: str
) -> None:
    with working(folder, target) as process:
        _, errors = process.communicate(timeout=60)

    assert process.returncode == 2
    assert said in errors
    assert "not started again" in errors


@needs_signals
def test_a_crash_loop_is_logged_with_its_exit_code(folder: Path) -> None:
    (folder / "crash.py").write_text("import os\nos._exit(7)\n")

    with working(folder, "crash:queue") as process:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(4)]
        process.terminate()
        process.communicate(timeout=60)

    assert all("ended with exit code 7" in line for line in lines)
    assert any("another starts in 1.0 s" in line for line in lines)
