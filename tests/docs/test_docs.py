"""The pages say what is true now."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gofastr_queue import Queue

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_what_is_drawn_is_fresh() -> None:
    command = [sys.executable, "-m", "docs.draw", "--check"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8"))

    missing = [link for link in links if not (page.parent / link).exists()]

    assert missing == []


def test_every_file_that_a_make_target_names_exists() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")

    named = re.findall(r"python -m ((?:bench|docs|tests)[\w.]*)", text)

    assert {"bench", "docs.draw"} <= set(named)
    for name in named:
        place = ROOT / name.replace(".", "/")
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM ends a process at once there")
def test_the_quickstart_works_until_sigterm_and_exits_well(tmp_path: Path) -> None:
    page = (ROOT / "README.md").read_text("utf-8")
    code = re.search(
        r"```python\n(from datetime import timedelta\nfrom gofastr_queue.*?)```", page, re.DOTALL
    )
    assert code is not None
    (tmp_path / "app.py").write_text(code[1], "utf-8")
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}

    with subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as app:
        assert app.stdout is not None
        said = app.stdout.readline()
        app.send_signal(signal.SIGTERM)
        code_of_exit = app.wait(30)

    assert said == "to user@example.com\n"
    assert code_of_exit == 0
    with Queue.open(f"sqlite:///{tmp_path}/jobs.db") as queue:
        assert queue.stats() == {"pending": 0, "claimed": 0, "failed": 0}


def test_the_program_with_a_handler_in_a_process_ends_it_at_its_time(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "workers.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(import re\n.*?)```", page, re.DOTALL)
    (tmp_path / "app.py").write_text(code, "utf-8")

    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout.startswith("TimeoutError the handler ran over its timeout")


def test_the_quickstart_has_at_most_fifteen_lines_of_code() -> None:
    page = (ROOT / "README.md").read_text("utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)

    assert code is not None
    assert len([line for line in code[1].splitlines() if line.strip()]) <= 15


SUBJECT = re.compile(r'Finding\(\s*"(\w+)"')

EXAMINING = {
    "memory": ["plugins/memory/src/*/backend.py"],
    "SQLite": ["plugins/sql/src/*/sqlite*.py"],
    "PostgreSQL": ["plugins/sql/src/*/postgres*.py"],
    "Redis": ["plugins/redis/src/*/*.py"],
}
"""Where each store's findings are made; core's are of every store."""


def subjects(*patterns: str) -> set[str]:
    files = [file for pattern in patterns for file in ROOT.glob(pattern)]
    return {found for file in files for found in SUBJECT.findall(file.read_text("utf-8"))}


def test_the_doctors_page_names_every_subject_of_each_store_and_no_other() -> None:
    page = (ROOT / "docs" / "doctor.md").read_text("utf-8")
    (head, *rows) = re.findall(r"^\|(.*)\|$", page.split("## What is examined")[1], re.MULTILINE)
    stores = [cell.strip() for cell in head.split("|")[1:]]
    cells = [[cell.strip() for cell in row.split("|")] for row in rows]
    table = [row for row in cells if len(row) == len(stores) + 1 and row[0].startswith("`")]

    named = {
        store: {row[0].strip("`") for row in table if row[number]}
        for number, store in enumerate(stores, 1)
    }

    common = subjects("core/src/gofastr_queue/observed.py")
    assert len(common) == 2
    assert named == {store: subjects(*where) | common for store, where in EXAMINING.items()}
