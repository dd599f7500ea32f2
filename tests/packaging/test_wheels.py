"""Each distribution installs alone from its built wheel, outside the workspace."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = [
    "core",
    "plugins/memory",
    "plugins/sql",
    "plugins/redis",
    "tests/conformance",
    "examples/gofastr-queue-files",
]

OPEN_AND_USE = """
from gofastr_queue import Queue
with Queue.open({url!r}) as queue:
    queue.enqueue("greet", {{"to": "you"}})
    claim = queue.dequeue()
    assert claim.job.payload == {{"to": "you"}} and queue.ack(claim)
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build every distribution."""
    folder = tmp_path_factory.mktemp("wheels")
    sources = [str(ROOT / package) for package in PACKAGES]
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), *sources)
    return folder


def run(*command: str, cwd: Path | None = None, timeout: float = 300) -> str:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
    }
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install(folder: Path, wheels: Path, *requirements: str) -> str:
    """Make an environment with these requirements and return its interpreter."""
    run(sys.executable, "-m", "venv", str(folder))
    scripts = folder / ("Scripts" if sys.platform == "win32" else "bin")
    python = str(scripts / "python")
    run(python, "-m", "pip", "install", "--quiet", "--find-links", str(wheels), *requirements)
    return python


def test_there_is_one_wheel_for_each_distribution(wheels: Path) -> None:
    names = sorted(wheel.name.partition("-")[0] for wheel in wheels.glob("*.whl"))

    assert names == [
        "gofastr_queue",
        "gofastr_queue_conformance",
        "gofastr_queue_files",
        "gofastr_queue_memory",
        "gofastr_queue_redis",
        "gofastr_queue_sql",
    ]


@pytest.mark.timeout(300)
def test_core_installs_alone_and_says_what_to_install(wheels: Path, tmp_path: Path) -> None:
    python = install(tmp_path / "env", wheels, "gofastr-queue")
    script = "from gofastr_queue import Queue, QueueError\ntry:\n    Queue.open('sqlite:///q.db')\n"

    said = run(python, "-c", script + "except QueueError as error:\n    print(error)", cwd=tmp_path)

    assert said == (
        "no backend for 'sqlite://'; installed: none. Try: pip install 'gofastr-queue[sqlite]'\n"
    )


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("requirement", "url"),
    [
        ("gofastr-queue[sqlite]", "sqlite:///jobs.db"),
        ("gofastr-queue-sql", "sqlite:///jobs.db"),
        ("gofastr-queue-memory", "memory://"),
    ],
)
def test_a_backend_installs_alone_and_works(
    wheels: Path, tmp_path: Path, requirement: str, url: str
) -> None:
    python = install(tmp_path / "env", wheels, requirement)

    run(python, "-c", OPEN_AND_USE.format(url=url), cwd=tmp_path)


OPEN_POSTGRES = """
from gofastr_queue import Queue, QueueError
try:
    Queue.open("postgresql://me:s3cr3t@127.0.0.1:1/db")
except QueueError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.timeout(300)
def test_postgresql_installs_with_its_driver_and_says_that_no_server_is_there(
    wheels: Path, tmp_path: Path
) -> None:
    python = install(tmp_path / "env", wheels, "gofastr-queue[postgres]")

    named = "from gofastr_queue_sql import PostgresBackend; print(PostgresBackend.name)"
    assert run(python, "-c", named, cwd=tmp_path) == "postgresql\n"
    said = run(python, "-c", OPEN_POSTGRES, cwd=tmp_path)

    assert said.startswith("BackendUnavailable cannot connect to PostgreSQL: check host and port")
    assert "s3cr3t" not in said
    assert 'CREATE TABLE "public"."mails"' in run(
        *(python, "-c"),
        "from gofastr_queue import schemas\n"
        "print(schemas.text('postgresql://127.0.0.1:1/db?table=mails'))",
        cwd=tmp_path,
    )


OPEN_REDIS = OPEN_POSTGRES.replace(
    "postgresql://me:s3cr3t@127.0.0.1:1/db", "redis://:s3cr3t@127.0.0.1:1/0"
)


@pytest.mark.timeout(300)
def test_redis_installs_with_its_driver_and_says_that_no_server_is_there(
    wheels: Path, tmp_path: Path
) -> None:
    python = install(tmp_path / "env", wheels, "gofastr-queue[redis]")

    scripts = "from gofastr_queue_redis.scripts import script; print(len(script('turn').text) > 0)"
    assert run(python, "-c", scripts, cwd=tmp_path) == "True\n"
    said = run(python, "-c", OPEN_REDIS, cwd=tmp_path)

    assert said.startswith("BackendUnavailable cannot connect to the queue 'queue_jobs' in Redis")
    assert "check host and port" in said
    assert "s3cr3t" not in said


@pytest.mark.timeout(300)
def test_sqlite_alone_says_what_to_install_for_postgresql(wheels: Path, tmp_path: Path) -> None:
    python = install(tmp_path / "env", wheels, "gofastr-queue[sqlite]")

    said = run(python, "-c", OPEN_POSTGRES, cwd=tmp_path)

    assert said == (
        "BackendNotFound 'postgresql://' needs the module 'psycopg', which is not installed. "
        "Try: pip install 'gofastr-queue[postgres]'\n"
    )


@pytest.mark.timeout(300)
def test_the_kit_installs_alone_and_is_collected(wheels: Path, tmp_path: Path) -> None:
    python = install(tmp_path / "env", wheels, "gofastr-queue-conformance")

    run(python, "-c", "from gofastr_queue_conformance import Harness, Suite", cwd=tmp_path)


@pytest.mark.timeout(300)
def test_a_strangers_backend_is_found_and_shows_its_certificate(
    wheels: Path, tmp_path: Path
) -> None:
    python = install(tmp_path / "env", wheels, "gofastr-queue-files", "gofastr-queue[cli]")

    run(python, "-c", OPEN_AND_USE.format(url=f"files://{tmp_path}/queue"), cwd=tmp_path)
    shown = run(python, "-m", "gofastr_queue", "backends", cwd=tmp_path)

    assert re.search(r"files:// +gofastr-queue-files +0\.1\.0 +certified: \d+ cases", shown)


@pytest.mark.skipif("GOFASTR_STRESS" not in os.environ, reason="takes minutes: make stress")
@pytest.mark.timeout(900)
def test_a_strangers_backend_is_certified_from_wheels_alone(wheels: Path, tmp_path: Path) -> None:
    python = install(tmp_path / "env", wheels, "gofastr-queue-files", "gofastr-queue-conformance")
    document = tmp_path / "certificate.json"

    said = run(
        *(python, "-m", "gofastr_queue", "certify", f"files://{tmp_path}/queue"),
        *("--json", str(document)),
        cwd=tmp_path,
        timeout=800,
    )

    assert "certified: files keeps every promise" in said
    assert json.loads(document.read_text("utf-8"))["certified"] is True
