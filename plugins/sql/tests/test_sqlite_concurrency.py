"""Many processes on one file: separate interpreters, default settings, nothing lost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from gofastr_queue import Queue

PROCESSES = 8

OPENS = """
import sys
from gofastr_queue import Queue

print("ready", flush=True)
for line in sys.stdin:
    with Queue.open(line.strip()) as queue:
        queue.enqueue("mail", sys.argv[1])
    print("done", flush=True)
"""

WORKS = """
import sys
from gofastr_queue import Job, Queue

me, count = sys.argv[2], int(sys.argv[3])
with Queue.open(sys.argv[1]) as queue:
    print("ready", flush=True)
    sys.stdin.readline()
    acked = []
    def work(limit):
        claims = queue.claim(limit)
        acked.extend(claim.job.id for claim in queue.ack_many(claims))
        return claims
    for number in range(0, count, 4):
        queue.enqueue("mail", id=f"{me}-{number}")
        queue.enqueue_many([Job(type="mail", id=f"{me}-{number + n}") for n in (1, 2, 3)])
        work(4)
    while work(10):
        pass
print(*acked)
"""

FORKS = """
import os, sys
from gofastr_queue import Queue

queue = Queue.open(sys.argv[1])
queue.enqueue("mail", id="by the parent, before")
claim = queue.dequeue()
child = os.fork()
if child == 0:
    status = 1
    try:
        queue.enqueue("mail", id="by the child")
        assert queue.ack(claim)
        assert queue.dequeue().job.id == "by the child"
        queue.close()
        status = 0
    finally:
        os._exit(status)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, status
queue.enqueue("mail", id="by the parent, after")
print(queue.stats())
"""

OWN_CONNECTION = """
import os, sqlite3, sys
from gofastr_queue import BackendUnavailable, Queue
from gofastr_queue_sql import SqliteBackend

connection = sqlite3.connect(sys.argv[1], check_same_thread=False)
queue = Queue(SqliteBackend(connection))
child = os.fork()
if child == 0:
    status = 1
    try:
        queue.enqueue("mail")
    except BackendUnavailable as error:
        status = 0 if "belongs to the parent process" in str(error) else 2
    finally:
        os._exit(status)
_, status = os.waitpid(child, 0)
queue.enqueue("mail")
print(os.waitstatus_to_exitcode(status), queue.stats()["pending"])
"""


Process = subprocess.Popen[str]
Start = Callable[..., Process]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start interpreters that end with the test at the latest."""
    started: list[Process] = []

    def start(code: str, *arguments: str) -> Process:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def tell(processes: Sequence[Process], line: str) -> None:
    """Say something to every process, as nearly at once as can be."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(line + "\n")
        process.stdin.flush()


def hear(processes: Sequence[Process]) -> list[str]:
    """Return the next line of every process."""
    return [process.stdout.readline().strip() for process in processes if process.stdout]


def end(processes: Sequence[Process]) -> list[str]:
    """Let every process end well and return what each has printed last."""
    ends = [process.communicate(timeout=90) for process in processes]
    codes = [process.returncode for process in processes]
    assert (codes, [errors for _, errors in ends]) == ([0] * len(ends), [""] * len(ends))
    return [output.strip() for output, _ in ends]


def test_eight_interpreters_may_open_a_new_file_at_once(tmp_path: Path, start: Start) -> None:
    processes = [start(OPENS, str(number)) for number in range(PROCESSES)]
    hear(processes)
    urls = [f"sqlite:///{tmp_path}/{round}.db" for round in range(25)]

    heard = []
    for url in urls:
        tell(processes, url)
        heard.append(hear(processes))
    end(processes)

    assert heard == [["done"] * PROCESSES] * len(urls)
    for url in urls:
        with Queue.open(url) as queue:
            payloads = sorted(job.payload for job in queue.list_jobs())
            assert payloads == [str(number) for number in range(PROCESSES)]


@pytest.mark.timeout(240)
def test_eight_processes_lose_and_double_nothing_and_are_never_locked_out(
    tmp_path: Path, start: Start
) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    each = 200
    processes = [start(WORKS, url, str(number), str(each)) for number in range(PROCESSES)]
    hear(processes)
    tell(processes, "go")

    acked = [id for output in end(processes) for id in output.split()]

    enqueued = [f"{process}-{number}" for process in range(PROCESSES) for number in range(each)]
    with Queue.open(url) as queue:
        assert queue.stats() == {"pending": 0, "claimed": 0, "failed": 0}
    assert sorted(acked) == sorted(enqueued)


def test_a_forked_child_and_its_parent_both_go_on(tmp_path: Path, start: Start) -> None:
    (output,) = end([start(FORKS, f"sqlite:///{tmp_path}/jobs.db")])

    assert output == "{'pending': 1, 'claimed': 1, 'failed': 0}"


def test_a_callers_connection_is_not_used_in_a_forked_child(tmp_path: Path, start: Start) -> None:
    (output,) = end([start(OWN_CONNECTION, str(tmp_path / "jobs.db"))])

    assert output == "0 1"
