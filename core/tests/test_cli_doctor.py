"""``gofastr-queue doctor``: what it prints, what it never prints, and its exit code."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from click.testing import CliRunner, Result

from gofastr_queue import Queue
from gofastr_queue.cli.app import app
from gofastr_queue.records import Finding, Level

PASSWORD = "s3cr3t/%40:x"  # noqa: S105 - the canary of these tests

CODE = """
from gofastr_queue import BackendUnavailable, hookimpl
from gofastr_queue.records import Finding, Level
from gofastr_queue_memory import MemoryBackend


class Ill(MemoryBackend):
    name = "ill"

    @hookimpl
    def queue_diagnose(self, now):
        {body}


class Silent(MemoryBackend):
    name = "silent"
    queue_diagnose = None


def connect(url):
    Ill.url = url
    return {backend}(name="{scheme}")
"""


def call(*arguments: str, default: str = "") -> Result:
    return CliRunner().invoke(app, ["doctor", *arguments], env={"GOFASTR_QUEUE_URL": default})


class Stores:
    """Installs distributions of backends that find what a test says."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        monkeypatch.syspath_prepend(folder)

    def install(self, scheme: str, body: str, backend: str = "Ill") -> str:
        info = self._folder / f"{scheme}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {scheme}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(
            f"[gofastr_queue.backends]\n{scheme} = {scheme}:connect\n"
        )
        (self._folder / f"{scheme}.py").write_text(
            CODE.format(body=body, backend=backend, scheme=scheme)
        )
        return f"{scheme}://user:{quote(PASSWORD, safe='')}@host/db"


@pytest.fixture
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stores:
    return Stores(tmp_path, monkeypatch)


def found(subject: str, level: Level, text: str = "it is so", remedy: str = "do it") -> str:
    written = Finding(subject, level, text, remedy)
    return (
        f"Finding({written.subject!r}, Level.{level.name}, {written.text!r}, {written.remedy!r}),"
    )


def test_each_finding_is_a_line_with_its_level_subject_and_remedy(tmp_path: Path) -> None:
    result = call(f"sqlite:///{tmp_path}/jobs.db?synchronous=normal")

    assert (result.exit_code, result.stderr) == (0, "")
    head, *lines = result.stdout.splitlines()
    assert head.split() == ["level", "subject", "finding", "remedy"]
    (line,) = [line for line in lines if " durability " in line]
    assert line.startswith("warning")
    assert "a power cut may lose the last accepted jobs" in line
    assert "synchronous=full" in line


def test_json_is_what_the_queue_found(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"

    result = call(url, "--json")

    assert (result.exit_code, result.stderr) == (0, "")
    with Queue.open(url) as queue:
        assert [
            Finding(one["subject"], Level(one["level"]), one["text"], one["remedy"])
            for one in json.loads(result.stdout)
        ] == queue.diagnose()


def test_the_url_may_be_an_argument_an_option_or_the_default(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"

    results = [call(url, default="nosuch://x"), call("--url", url), call(default=url)]

    assert [result.exit_code for result in results] == [0, 0, 0]
    assert len({result.stdout for result in results}) == 1


@pytest.mark.parametrize(
    ("levels", "code"),
    [
        ([Level.OK], 0),
        ([Level.OK, Level.NOTE, Level.WARNING], 0),
        ([Level.BROKEN], 1),
        ([Level.BROKEN, Level.OK, Level.BROKEN], 1),
    ],
)
@pytest.mark.parametrize("option", [[], ["--json"]])
def test_only_what_is_broken_changes_the_exit_code(
    stores: Stores, levels: list[Level], code: int, option: list[str]
) -> None:
    findings = "".join(found(f"part{n}", level) for n, level in enumerate(levels))
    scheme = f"ill{code}{len(levels)}{len(option)}"
    url = stores.install(scheme, f"return [{findings}]")

    result = call(url, *option)

    assert result.exit_code == code
    assert all(f"part{n}" in result.stdout for n in range(len(levels)))
    broken = [f"part{n}" for n, level in enumerate(levels) if level is Level.BROKEN]
    assert result.stderr == (
        f"Error: not every promise can hold here: {', '.join(broken)}\n" if broken else ""
    )


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_nothing_that_a_terminal_obeys_and_no_password_is_printed(
    stores: Stores, option: list[str]
) -> None:
    body = (
        f"return [Finding('\\x1b[2J', Level.BROKEN, 'seen ' + self.url + {PASSWORD!r}, "
        "'\\x1b]0;x\\x07 password=' + self.url)]"
    )
    url = stores.install(f"rude{len(option)}", body)

    result = call(url, *option)

    assert result.exit_code == 1
    for printed in (result.stdout, result.stderr):
        assert "s3cr3t" not in printed
        assert [one for one in printed if not one.isprintable() and one != "\n"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "no queue given"),
        (["sqlite:///a.db", "--url", "sqlite:///b.db"], 2, "give the URL once"),
        (["nosuch://x"], 2, "no backend for 'nosuch://'"),
        (["sqlite:///a.db?tabel=y"], 2, "unknown option 'tabel'"),
        (["sqlite:///missing/a.db"], 1, "create its directory"),
    ],
)
def test_what_cannot_be_opened_is_one_line_and_an_exit_code(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    result = call(*arguments)

    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_store_that_fails_or_cannot_be_examined_is_one_line(stores: Stores) -> None:
    failing = call(stores.install("gone", "raise BackendUnavailable('the store is away')"))
    silent = call(stores.install("silent", "return []", backend="Silent"))

    for result in (failing, silent):
        assert (result.exit_code, result.stdout) == (1, "")
    assert failing.stderr == "Error: the store is away\n"
    assert silent.stderr == (
        "Error: backend 'silent' cannot diagnose: it lacks the capability diagnose\n"
    )
