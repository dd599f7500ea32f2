"""The example is what the page says: short, of documented names, and safe when it is killed."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pluggy
import pytest

import gofastr_queue_files
from gofastr_queue import InvalidOption, Queue
from gofastr_queue.hookspecs import PROJECT, Acking, hookspec
from gofastr_queue.records import Ack
from gofastr_queue_files import FilesBackend, connect

SOURCES = sorted(Path(gofastr_queue_files.__file__).parent.glob("*.py"))
PAGE = Path(__file__).parents[3] / "docs" / "write-a-backend.md"
MOST_LINES = 350


def code_lines(path: Path) -> int:
    """Count the lines that are neither empty nor documentation."""
    text = path.read_text("utf-8")
    said: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            said |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(text.splitlines(), 1)
    return sum(bool(line.strip()) and number not in said for number, line in lines)


def test_the_example_has_at_most_350_lines_of_code() -> None:
    assert sum(map(code_lines, SOURCES)) <= MOST_LINES


def test_the_example_imports_only_what_the_page_names() -> None:
    table = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `gofastr")]
    documented = {
        (module.strip("` "), name.strip("` "))
        for _, module, names, _ in (line.split("|") for line in table)
        for name in names.split(",")
    }
    imported = {
        (node.module, one.name)
        for path in [*SOURCES, Path(__file__).with_name("test_conformance.py")]
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("gofastr_queue")
        for one in node.names
        if not str(node.module).startswith("gofastr_queue_files")
    }

    assert imported
    assert imported <= documented


def test_a_hook_that_gains_an_argument_leaves_the_backend_working(tmp_path: Path) -> None:
    class Later(Acking):
        @hookspec(firstresult=True)
        def queue_ack(self, acks: Any, now: datetime | None, why: str = "") -> Any: ...

    backend = FilesBackend(tmp_path)
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Later)
    manager.register(backend)
    with Queue(backend) as queue:
        queue.enqueue("mail")
        claim = queue.dequeue()

        acked = manager.hook.queue_ack(acks=[Ack(claim)], now=None, why="done")

        assert [ack.claim for ack in acked] == [claim]
        assert queue.stats() == {"pending": 0, "claimed": 0, "failed": 0}


MOVES = """
import sys
from gofastr_queue import Queue
queue = Queue.open(sys.argv[1])
print("ready", flush=True)
while True:
    for claim in queue.claim(3):
        queue.nack(claim, "again")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL there")
def test_a_process_killed_between_two_moves_leaves_each_job_once(tmp_path: Path) -> None:
    url = f"files://{tmp_path / 'queue'}"
    with Queue.open(url) as queue:
        ids = {queue.enqueue("mail", max_attempts=2**31 - 1).id for _ in range(20)}
        for number in range(8):
            with subprocess.Popen(
                [sys.executable, "-c", MOVES, url], stdout=subprocess.PIPE, text=True
            ) as process:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                time.sleep(0.01 * number)
                os.kill(process.pid, signal.SIGKILL)

            jobs = queue.list_jobs()
            assert {job.id for job in jobs} == ids
            assert len(jobs) == len(ids)


@pytest.mark.parametrize("url", ["files://", "files://host/queue", "files:///q?a=b"])
def test_a_url_without_a_directory_is_refused(url: str) -> None:
    with pytest.raises(InvalidOption, match="names a directory"):
        connect(url)


def test_what_a_killed_process_left_half_written_is_swept_away(tmp_path: Path) -> None:
    FilesBackend(tmp_path).queue_close()
    (tmp_path / "temporary" / "half").write_text("{")

    FilesBackend(tmp_path).queue_close()

    assert list((tmp_path / "temporary").iterdir()) == []
