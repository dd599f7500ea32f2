"""The house keeps its floors: small modules, and a core that knows no driver."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(ROOT.glob("core/src/**/*.py")) + sorted(
    path for folder in ("plugins", "tests") for path in ROOT.glob(f"{folder}/*/src/**/*.py")
)
MOST_LINES = 400

DRIVERS = ("sqlite3", "_sqlite3", "sqlite_utils", "psycopg", "redis", "click", "rich", "pytest")
BACKENDS = ("gofastr_queue_memory", "gofastr_queue_sql", "gofastr_queue_redis")


def loaded_by(statement: str, names: tuple[str, ...]) -> list[str]:
    """Return which modules a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport sys\nprint(*(n for n in {names!r} if n in sys.modules))"
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    ).stdout.split()


def test_sources_were_found() -> None:
    folders = {path.relative_to(ROOT).parts[0] for path in SOURCES}

    assert folders == {"core", "plugins", "tests"}
    assert len(SOURCES) > 40


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: "/".join(path.parts[-3:]))
def test_no_module_is_longer_than_four_hundred_lines(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize(
    "module",
    ["gofastr_queue", "gofastr_queue.testing", "gofastr_queue.worker", "gofastr_queue.backends"],
)
def test_core_imports_no_backend_and_no_driver(module: str) -> None:
    assert loaded_by(f"import {module}", DRIVERS + BACKENDS) == []


def test_a_backend_loads_its_own_driver_alone() -> None:
    assert loaded_by("import gofastr_queue_memory", DRIVERS + BACKENDS) == ["gofastr_queue_memory"]
    loaded = loaded_by("import gofastr_queue_sql", ("psycopg", "redis", "click", *BACKENDS))
    assert "gofastr_queue_sql" in loaded
    assert "gofastr_queue_memory" not in loaded
    assert "redis" not in loaded
