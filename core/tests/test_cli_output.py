"""What the command line never prints: tracebacks, passwords, and what a terminal would obey."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import click
import pytest
from click.testing import CliRunner

from gofastr_queue import Queue
from gofastr_queue.cli.app import app
from gofastr_queue.cli.options import duration, lane_workers
from gofastr_queue.cli.redaction import redacted, secrets_of
from gofastr_queue.cli.texts import plain

PASSWORD = "s3cr3t/%40:x"  # noqa: S105 - the canary of these tests
CODED = quote(PASSWORD, safe="")

SHAPES = [
    f"nosuch://user:{CODED}@host/db",
    f"nosuch://user:{PASSWORD}@host/db",
    f"nosuch://user:{CODED}@[::1]:5432/db",
    f"nosuch://user:{CODED}@[::1/db",
    f"sqlite://user:{CODED}@host/db",
    f"sqlite:///jobs.db?password={CODED}",
    f"sqlite:///jobs.db?user=x&sslpassword={CODED}&b=c",
    f"nosuch://user:{CODED}@one,user:{CODED}@two/db",
    f"nosuch://user:{CODED}@one:1,two:2/db",
    f"nosuch:///db?host=/run/pg&password={CODED}",
    f"nosuch://host=x password={CODED}",
    f"host=x password='{PASSWORD}'",
    f"sqlite://host=x password={CODED}/jobs.db",
    f"sqlite://user:{CODED}@ho\u2100st/jobs.db",
]


ECHOING = """
from urllib.parse import unquote, urlsplit
from gofastr_queue import BackendUnavailable

def connect(url):
    raise BackendUnavailable(f"refused {url}, tried {unquote(urlsplit(url).password)!r}")
"""


def distribution(folder: Path, name: str, version: str, code: str) -> None:
    """Lay out an installed distribution that serves the scheme of its name."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[gofastr_queue.backends]\n{name} = {name}:connect\n")
    (folder / f"{name}.py").write_text(code)


def python(
    *arguments: str, env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | (env or {}),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("url", SHAPES)
@pytest.mark.parametrize("way", ["option", "environment"])
def test_no_output_holds_a_password(url: str, way: str) -> None:
    if way == "option":
        result = CliRunner().invoke(app, ["stats", "--url", url])
    else:
        result = CliRunner().invoke(app, ["stats"], env={"GOFASTR_QUEUE_URL": url})

    assert result.exit_code in (1, 2)
    assert result.stderr.count("\n") == 1
    assert not any(secret in result.output for secret in (PASSWORD, CODED, "s3cr3t"))


def test_a_driver_that_repeats_the_url_does_not_make_its_password_known(tmp_path: Path) -> None:
    distribution(tmp_path, "echoing", "9.1", ECHOING)
    url = f"echoing://user:{CODED}@host/db"

    by_option = python(
        "-m", "gofastr_queue", "stats", "--url", url, env={"PYTHONPATH": str(tmp_path)}
    )
    by_environment = python(
        *("-m", "gofastr_queue", "stats"),
        env={"PYTHONPATH": str(tmp_path), "GOFASTR_QUEUE_URL": url},
    )

    for done in (by_option, by_environment):
        assert done.returncode == 1
        assert done.stderr == "Error: refused echoing://user:***@host/db, tried '***'\n"


def test_a_password_in_any_text_is_masked_wherever_its_url_is_known() -> None:
    secrets = secrets_of(f"postgresql://user:{CODED}@host/db?sslpassword=other%20one")

    text = redacted(f"driver said: {PASSWORD} and {CODED} and 'other one'", secrets)

    assert text == "driver said: *** and *** and '***'"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me:left@right@host/db", "no host 'right@host'; left"),
        ("postgresql://host/db?password=it's+here", "it's+here, it's here"),
        ("postgresql://host/db?pass%77ord=hidden", "hidden"),
        ("postgresql://host/db?sslpassword=h%69dden", "hidden h%69dden"),
        (r"postgresql://host=x password = 'it\'s here'", r"password = 'it\'s here'"),
    ],
)
def test_a_password_is_masked_however_a_driver_reads_it(url: str, said: str) -> None:
    text = redacted(f"driver said: {said}", secrets_of(url))

    assert not any(word in text for word in ("left", "right", "here", "hidden", "h%69dden"))


def test_a_password_of_a_letter_masks_no_other_words() -> None:
    assert redacted("a bad day: a", secrets_of("redis://:a@host")) == "*** bad day: ***"


def test_what_looks_like_a_password_in_an_unknown_url_is_masked() -> None:
    text = redacted("cannot reach redis://user:secret@host/0 password='x y' port=1", [])

    assert text == "cannot reach redis://user:***@host/0 password=*** port=1"


def test_fields_of_a_job_cannot_command_the_terminal(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    hostile = "\x1b[31mred\u202e\x9b2J\r"
    with Queue.open(url) as queue:
        queue.enqueue("mail", {"k": hostile}, id="[bold]a\u202e", max_attempts=1)
        queue.nack(queue.dequeue(), f"{hostile}\nanother line")

    shown = [
        CliRunner().invoke(app, [*command, "--url", url]).stdout
        for command in (
            ["jobs", "list"],
            ["jobs", "show", "[bold]a\u202e"],
            ["jobs", "list", "--json"],
        )
    ]

    assert "\\x1b[31mred\\u202e\\x9b2J\\r" in shown[0]
    assert "[bold]a\\u202e" in shown[0]
    assert not any(one for one in "".join(shown) if not one.isprintable() and one != "\n")
    assert json.loads(shown[2])["jobs"][0]["payload"] == {"k": hostile}


def test_plain_leaves_what_can_be_seen() -> None:
    assert plain("grüße 日本 \\ \ud800") == "grüße 日本 \\ \\ud800"


def test_names_that_the_terminal_cannot_show_are_escaped(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    with Queue.open(url) as queue:
        queue.enqueue("grüße", id="日本")

    done = python(
        "-m",
        "gofastr_queue",
        "jobs",
        "list",
        env={"GOFASTR_QUEUE_URL": url, "PYTHONIOENCODING": "ascii"},
    )

    assert done.returncode == 0, done.stderr
    assert "\\u65e5\\u672c" in done.stdout


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_the_extra_it_says_what_to_install(tmp_path: Path, missing: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules[{missing!r}] = None\n")

    done = python("-m", "gofastr_queue", "stats", env={"PYTHONPATH": str(tmp_path)})

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"Error: the command line needs {missing}. Try: pip install 'gofastr-queue[cli]'\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "Usage: gofastr-queue"),
        (["--help"], 0, "Exit codes"),
        (["--version"], 0, "0."),
        (["frobnicate"], 2, "No such command 'frobnicate'. See"),
        (["enqeue"], 2, "No such command 'enqeue'. Did you mean 'enqueue'?"),
        (["jobs"], 2, "Missing command"),
        (["stats"], 2, "add --url sqlite:///jobs.db or set GOFASTR_QUEUE_URL"),
        (["stats", "--url", "jobs.db"], 2, "begins with a scheme"),
        (["stats", "--url", "redis-but-not://x"], 2, "no backend for 'redis-but-not://'"),
        (["stats", "--url", "sqlite:///x.db?tabel=y"], 2, "unknown option 'tabel'"),
        (["stats", "--url", "sqlite:////no/such/folder/x.db"], 1, "create its directory"),
    ],
)
def test_exit_codes_tell_wrong_usage_from_failure(
    tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    done = python("-m", "gofastr_queue", *arguments, env={"GOFASTR_QUEUE_URL": ""}, cwd=tmp_path)

    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_corrupt_file_is_one_line_and_no_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "jobs.db").write_bytes(b"this is no database, " * 100)

    result = CliRunner().invoke(app, ["stats", "--url", f"sqlite:///{tmp_path}/jobs.db"])

    assert result.exit_code == 1
    assert "no readable SQLite database" in result.stderr
    assert result.stderr.count("\n") == 1


def test_backends_are_listed_without_being_imported(tmp_path: Path) -> None:
    distribution(tmp_path, "strange", "9.1", "raise SystemExit('imported')\n")

    done = python("-m", "gofastr_queue", "backends", "--json", env={"PYTHONPATH": str(tmp_path)})
    shown = python("-m", "gofastr_queue", "backends", env={"PYTHONPATH": str(tmp_path)})

    assert {
        "scheme": "strange",
        "distribution": "strange",
        "version": "9.1",
        "certificate": "uncertified",
    } in json.loads(done.stdout)
    assert (shown.returncode, "strange://" in shown.stdout) == (0, True)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("2h", timedelta(hours=2)),
        ("7d", timedelta(days=7)),
        ("1h30m", timedelta(minutes=90)),
        ("1.5s", timedelta(milliseconds=1500)),
        ("250ms", timedelta(milliseconds=250)),
        ("0", timedelta(0)),
    ],
)
def test_durations_are_written_with_units(text: str, span: timedelta) -> None:
    assert duration(text) == span


@pytest.mark.parametrize("text", ["", "7", "-1s", "1y", "s", "1s 2", "1e3s", "nan", "999999999d1d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"30s, 5m|too long"):
        duration(text)


def test_a_lane_may_hold_an_equals_sign() -> None:
    assert lane_workers("a=b=2") == ("a=b", 2)


@pytest.mark.parametrize("text", ["high", "=2", "high=", "high=0", "high=-1", "high=²"])
def test_a_lane_without_workers_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="write high=2"):
        lane_workers(text)
