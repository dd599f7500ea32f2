"""``gofastr-queue schema``: what it prints, what it makes, and what it leaves alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gofastr_queue.cli.app import app


def call(*arguments: str, default: str = "") -> Result:
    return CliRunner().invoke(app, ["schema", *arguments], env={"GOFASTR_QUEUE_URL": default})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


def tables(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        return sorted(name for (name,) in found)


def test_it_makes_the_schema_and_says_so_in_a_line(file: Path) -> None:
    first, again = call(f"sqlite:///{file}?table=mails"), call(f"sqlite:///{file}?table=mails")

    for result in (first, again):
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout == f"the schema of 'sqlite:///{file}' is ready\n"
    assert tables(file) == [
        "gofastr_queue_schema",
        "mails",
        "mails_occurrences",
        "mails_schedules",
    ]


def test_printing_writes_only_sql_and_touches_nothing(file: Path) -> None:
    result = call("--print", f"sqlite:///{file}?table=mails")

    assert (result.exit_code, result.stderr) == (0, "")
    assert 'CREATE TABLE "mails"' in result.stdout
    assert result.stdout.endswith(";\n")
    assert sqlite3.complete_statement(result.stdout)
    assert list(file.parent.iterdir()) == []


def test_the_url_may_be_an_argument_an_option_or_the_default(file: Path) -> None:
    url = f"sqlite:///{file}"

    printed = [
        call("--print", url, default="sqlite:///other.db?table=other"),
        call("--print", "--url", url, default="sqlite:///other.db?table=other"),
        call("--print", default=url),
    ]

    assert [result.exit_code for result in printed] == [0, 0, 0]
    assert len({result.stdout for result in printed}) == 1


@pytest.mark.parametrize("option", [[], ["--print"]])
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "no queue given"),
        (["sqlite:///a.db", "--url", "sqlite:///b.db"], 2, "give the URL once"),
        (["jobs.db"], 2, "begins with a scheme"),
        (["nosuch://x"], 2, "no backend for 'nosuch://'"),
        (["sqlite:///a.db?tabel=y"], 2, "unknown option 'tabel'"),
        (["sqlite:///a.db?table=my-jobs"], 2, "no plain identifier"),
        (["sqlite:///a.db?table=sqlite_jobs"], 1, "reserved for internal use"),
        (["memory://"], 1, "backend 'memory' cannot make or print a schema"),
        (["sqlite://me:s3cr3t@host/a.db"], 2, "names a file after three slashes"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_an_exit_code(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    option: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    result = call(*arguments, *option)

    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert "s3cr3t" not in result.stderr
