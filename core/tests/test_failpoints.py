"""Failpoints cost nothing unless the environment asks for one, and then everybody is told."""

from __future__ import annotations

import ast
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gofastr_queue import Queue, failpoints
from gofastr_queue.calls import resolve
from gofastr_queue_memory import MemoryBackend

ROOT = Path(__file__).parents[2]
SOURCES = [*ROOT.glob("core/src/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")]

WORK = """
import logging, sys
from gofastr_queue import BackendUnavailable, Queue
logging.basicConfig(format="%(levelname)s %(message)s")
queue = Queue.open("memory://")
for number in range(3):
    try:
        queue.enqueue("t")
    except BackendUnavailable as error:
        print("raised", error)
    print("stored", queue.stats()["pending"], flush=True)
"""


def run(wish: str, code: str = WORK) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {failpoints.VARIABLE: wish},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_the_variable_a_queue_calls_its_backend_itself() -> None:
    backend = MemoryBackend(10)
    hooks = resolve(backend).hooks

    own = {name for name in failpoints.OPERATIONS if hasattr(backend, name)}
    assert {"queue_put", "queue_claim", "queue_ack", "queue_turn"} <= own
    for name in own - {"queue_put"}:  # memory's has no transaction: core leaves it out
        assert getattr(hooks, name) == getattr(backend, name)
    with Queue(backend) as queue:
        queue.register_handler("t", print)
        assert queue._handlers.all()[0].call.__module__ == "gofastr_queue.handlers"


def test_without_the_variable_every_place_is_the_same_function_that_does_nothing() -> None:
    for name in failpoints.NAMES:
        assert failpoints.point(name) is failpoints.nothing
    assert failpoints.around("ack.before_send", print, "ack.after_commit") is print
    assert failpoints.around_hook("queue_ack", print) is print


def test_every_name_has_a_place_and_every_place_a_name() -> None:
    placed = {
        node.value
        for path in SOURCES
        if path.name != "failpoints.py"
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "failpoints"
        for node in call.args
        if isinstance(node, ast.Constant)
    }

    assert placed == set(failpoints.INNER)
    with pytest.raises(LookupError):
        failpoints.point("ack.somewhere")


def test_every_name_is_documented() -> None:
    page = (ROOT / "docs" / "failpoints.md").read_text("utf-8")

    told = set(re.findall(r"`([\w.]+)`", page))
    assert told >= {*failpoints.INNER, *failpoints.OPERATIONS.values(), *failpoints.ACTIONS}


def test_a_process_that_has_a_failpoint_says_so_loudly_and_once() -> None:
    done = run("ack.before_send:1:exit,nack.after_commit:7:stop")

    warnings = [line for line in done.stderr.splitlines() if line.startswith("WARNING")]
    assert done.returncode == 0
    assert len(warnings) == 1
    assert "FAILPOINTS ARE ON" in warnings[0]
    assert "ack.before_send, nack.after_commit" in warnings[0]
    assert failpoints.VARIABLE in warnings[0]


def test_exit_ends_the_process_at_the_nth_time() -> None:
    done = run("enqueue.after_commit:2:exit")

    assert done.returncode == failpoints.EXIT_CODE
    assert done.stdout.splitlines() == ["stored 1"]
    assert "failpoint enqueue.after_commit: exit" in done.stderr


@pytest.mark.parametrize(("place", "stored"), [("before_send", 2), ("after_commit", 3)])
def test_raise_is_an_unavailable_store_once(place: str, stored: int) -> None:
    done = run(f"enqueue.{place}:2:raise")

    assert done.returncode == 0
    assert len(re.findall("^raised failpoint enqueue", done.stdout, re.MULTILINE)) == 1
    assert done.stdout.splitlines()[-1] == f"stored {stored}"


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="there is no SIGSTOP here")
def test_stop_stops_the_process_until_it_is_told_to_go_on() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WORK],
        env=os.environ | {failpoints.VARIABLE: "enqueue.before_send:2:stop"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.send_signal(signal.SIGCONT)
        said, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert said.splitlines() == ["stored 1", "stored 2", "stored 3"]


def test_sleep_delays_and_changes_nothing_else() -> None:
    code = "import time\nbegan = time.monotonic()\n" + WORK + "print(time.monotonic() - began)\n"
    done = run("enqueue.before_send:1:sleep", code)

    *stored, seconds = done.stdout.splitlines()
    assert stored == ["stored 1", "stored 2", "stored 3"]
    assert float(seconds) >= failpoints.SLEEP_SECONDS


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ("ack.nowhere:1:exit", "no failpoint 'ack.nowhere'; known: ack.after_commit, "),
        ("ack.before_send:1:explode", "cannot 'explode'; known actions: exit, raise, sleep, stop"),
        ("ack.before_send:0:exit", "must be name:nth:action, nth from 1 on"),
        ("ack.before_send", "must be name:nth:action"),
        ("ack.before_send:1:exit,ack.before_send:2:exit", "is there twice"),
    ],
)
def test_what_cannot_be_is_refused_before_a_store_is_touched(
    wish: str, said: str, tmp_path: Path
) -> None:
    code = (
        "from gofastr_queue import InvalidOption, Queue\n"
        f"try:\n    Queue.open('sqlite:///{tmp_path}/jobs.db')\n"
        "except InvalidOption as error:\n    print(error)"
    )
    done = run(wish, code)

    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_nothing_stored_can_switch_one_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(failpoints.VARIABLE, "enqueue.after_commit:1:raise")
    with Queue.open("memory://") as queue:
        payload = {failpoints.VARIABLE: "enqueue.after_commit:1:raise"}

        assert queue.enqueue(failpoints.VARIABLE, payload).payload == payload
        claim = queue.dequeue()
        assert claim.job.payload == payload
        assert queue.ack(claim)
        queue.enqueue(failpoints.VARIABLE, payload)


@pytest.mark.parametrize("word", ["def", "async def"])
@pytest.mark.parametrize(("place", "began"), [("before", False), ("after", True)])
def test_a_handler_has_a_failpoint_on_each_side(word: str, place: str, *, began: bool) -> None:
    code = f"""
from gofastr_queue import Queue
from gofastr_queue.testing import drain
queue = Queue.open("memory://")
{word} handle(job):
    print("began")
queue.register_handler("t", handle)
queue.enqueue("t", max_attempts=1)
drain(queue)
print([error.message for error in queue.list_jobs("failed")[0].errors])
"""
    done = run(f"handler.{place}:1:raise", code)

    assert done.returncode == 0, done.stderr
    assert ("began" in done.stdout) is began
    assert f"failpoint handler.{place}" in done.stdout
