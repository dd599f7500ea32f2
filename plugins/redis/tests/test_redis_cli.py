"""The command line on Redis: the URL is all that differs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gofastr_queue.cli.app import app
from gofastr_queue_conformance import Harness
from gofastr_queue_conformance.watching import eventually

APP = """
import os
from gofastr_queue import Queue

queue = Queue.open(os.environ["GOFASTR_QUEUE_URL"])

@queue.handler("note")
def note(job):
    print("noted", job.payload["text"], flush=True)
"""


def call(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"GOFASTR_QUEUE_URL": url})


def document(url: str, *arguments: str) -> Any:
    return json.loads(call(url, *arguments, "--json").stdout)


def listed(url: str) -> list[Any]:
    found: list[Any] = document(url, "jobs", "list")["jobs"]
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM ends a process at once there")
def test_a_job_goes_all_the_way(redis: Harness, tmp_path: Path) -> None:
    url = redis.url
    (tmp_path / "notes.py").write_text(APP)

    assert call(url, "enqueue", "note", '{"text": "größe"}', "--id", "one").exit_code == 0
    assert document(url, "stats")["totals"] == {"pending": 1, "claimed": 0, "failed": 0}
    assert [job["id"] for job in listed(url)] == ["one"]

    with subprocess.Popen(
        [sys.executable, "-m", "gofastr_queue", "work", "notes:queue"],
        cwd=tmp_path,
        env=os.environ | {"GOFASTR_QUEUE_URL": url, "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "noted größe\n"
            eventually(lambda: not listed(url), "the ack")
        finally:
            process.terminate()
            process.communicate()
    assert process.returncode == 0


def test_the_doctor_reads_the_url_of_a_cluster(redis_clustered: Harness) -> None:
    said = call("", "doctor", redis_clustered.url)

    assert said.exit_code in (0, 1)
    assert "this is the master" in said.stdout


def test_a_server_that_is_away_is_told_without_a_traceback() -> None:
    said = call("redis://:s3cr3t@127.0.0.1:1/0", "stats")

    assert said.exit_code != 0
    assert "check host and port" in said.stderr
    assert "Traceback" not in said.stderr
    assert "s3cr3t" not in said.stderr
