"""From a URL to its backend: only the asked one is imported; every failure says what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gofastr_queue import BackendNotFound, InvalidOption, Queue, QueueError, backends

SECRET = "s3cr3t"  # noqa: S105 - the canary of these tests


def distribution(folder: Path, name: str, entries: str, code: str = "") -> None:
    """Lay out an installed distribution that serves URL schemes."""
    module = name.replace("-", "_")
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[gofastr_queue.backends]\n{entries}\n")
    (folder / f"{module}.py").write_text(code)


def run(code: str, *paths: Path) -> str:
    """Run code in a fresh interpreter and return what it prints."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout.strip()


def test_a_scheme_without_a_backend_says_what_to_install() -> None:
    with pytest.raises(BackendNotFound) as caught:
        Queue.open("redis://localhost:6379/0")

    assert str(caught.value) == (
        "no backend for 'redis://'; installed: memory, sqlite. "
        "Try: pip install 'gofastr-queue[redis]'"
    )


@pytest.mark.parametrize(
    ("scheme", "extra"), [("rediss", "redis"), ("postgresql", "postgres"), ("postgres", "postgres")]
)
def test_each_known_scheme_names_its_extra(scheme: str, extra: str) -> None:
    with pytest.raises(BackendNotFound, match=rf"Try: pip install 'gofastr-queue\[{extra}\]'"):
        Queue.open(f"{scheme}://localhost/db")


def test_a_scheme_that_nobody_knows_names_no_extra() -> None:
    with pytest.raises(BackendNotFound) as caught:
        Queue.open("amqp://localhost")

    assert str(caught.value) == "no backend for 'amqp://'; installed: memory, sqlite."


@pytest.mark.parametrize(
    "url", ["", "jobs.db", "sqlite:jobs.db", "memory:", "/data/x", None, 5, b"memory://", Path("x")]
)
def test_what_is_no_url_is_refused_with_an_example(url: Any) -> None:
    with pytest.raises(BackendNotFound, match=r"begins with a scheme.*'sqlite:///jobs.db'"):
        Queue.open(url)


def test_schemes_are_not_case_sensitive() -> None:
    with Queue.open("MEMORY://") as queue:
        assert repr(queue) == "<Queue on memory, open>"


def test_only_the_backend_that_was_asked_for_is_imported(tmp_path: Path) -> None:
    canary = tmp_path / "imported"
    distribution(
        tmp_path, "gofastr-queue-canary", "canary = gofastr_queue_canary:connect",
        f"open({str(canary)!r}, 'w').close()",
    )  # fmt: skip

    loaded = run(
        "import sys\n"
        "from gofastr_queue import Queue, backends\n"
        "assert 'canary' in backends.installed()\n"
        "Queue.open('memory://').close()\n"
        "names = ('gofastr_queue_memory', 'gofastr_queue_sql', 'gofastr_queue_canary', 'sqlite3')\n"
        "print(*(name for name in names if name in sys.modules))",
        tmp_path,
    )

    assert loaded == "gofastr_queue_memory"
    assert not canary.exists()


def test_a_strangers_backend_is_found_by_its_entry_point(tmp_path: Path) -> None:
    distribution(
        tmp_path,
        "gofastr-queue-other",
        "other = gofastr_queue_other:connect",
        "from gofastr_queue_memory import MemoryBackend\n"
        "def connect(url, *, size=0):\n"
        "    backend = MemoryBackend()\n"
        "    backend.name = f'other of {size}'\n"
        "    return backend\n",
    )

    assert (
        run("from gofastr_queue import Queue; print(Queue.open('other://x', size=3))", tmp_path)
        == "<Queue on other of 3, open>"
    )


def test_two_distributions_for_one_scheme_are_an_error_that_names_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("gofastr-queue-beta", "gofastr-queue-alpha"):
        distribution(tmp_path, name, f"twice = {name.replace('-', '_')}:connect")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(BackendNotFound) as caught:
        Queue.open("twice://x")

    assert str(caught.value) == (
        "'twice://' is served by gofastr-queue-alpha and gofastr-queue-beta; "
        "uninstall all but one of them"
    )


def test_the_same_distribution_found_twice_on_the_path_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("here", "there"):
        distribution(tmp_path / folder, "gofastr-queue-solo", "solo = gofastr_queue_solo:connect")
        monkeypatch.syspath_prepend(tmp_path / folder)

    assert backends.factory_for("solo://x").value == "gofastr_queue_solo:connect"


@pytest.mark.parametrize(
    "url",
    ["memory://?colour=red", "memory://x?table=jobs", "sqlite:///{}/x.db?dead_letter_cap=5"],
)
def test_an_unknown_query_parameter_is_a_type_error(url: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"unknown option '(colour|table|dead_letter_cap)'.*known:"):
        Queue.open(url.format(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["memory://", "sqlite:///{}/x.db"])
def test_an_unknown_keyword_option_is_a_type_error(url: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"colour": "red"}

    with pytest.raises(TypeError, match="colour"):
        Queue.open(url.format(tmp_path), **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["memory://[::1", "sqlite://[::1/x.db", "memory://[x]"])
def test_a_malformed_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidOption, match="URL"):
        Queue.open(url)


@pytest.mark.parametrize("url", ["memory://jobs#1", "sqlite:///{}/jobs#1.db"])
def test_a_fragment_is_refused_because_it_would_be_cut_off(url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="#"):
        Queue.open(url.format(tmp_path))
    assert list(tmp_path.iterdir()) == []


URLS_WITH_SECRETS = [
    f"redis://me:{SECRET}@localhost:6379/0",
    f"redis://:{SECRET}@localhost",
    f"rediss://me:{SECRET}@[::1]:6379/0?password={SECRET}",
    f"redis://me:{SECRET}@[::1",
    f"redis://me:{SECRET}@host:port/0",
    f"postgresql://me:{SECRET}@one,two:5433/db?sslpassword={SECRET}",
    f"postgresql+psycopg://me:{SECRET}@/db?host=/run/postgresql",
    f"amqp://me:{SECRET}%2F%40@host//",
    f"sqlite://me:{SECRET}@host/jobs.db",
    f"sqlite:///?password={SECRET}",
    f"memory://me:{SECRET}@jobs?x=1",
    f"host=localhost user=me password={SECRET}",
    f"me:{SECRET}@localhost:6379/0",
    f"redis:/me:{SECRET}@localhost",
    f"//me:{SECRET}@localhost/0",
    f"me:{SECRET}@redis://localhost",
    f"redis:me:{SECRET}@localhost",
]


@pytest.mark.parametrize("url", URLS_WITH_SECRETS)
def test_no_error_shows_a_password(url: str) -> None:
    with pytest.raises((QueueError, TypeError)) as caught:
        Queue.open(url)

    shown: BaseException | None = caught.value
    while shown is not None:
        assert SECRET not in f"{shown} {shown!r}"
        shown = shown.__cause__ or (None if shown.__suppress_context__ else shown.__context__)


@pytest.mark.parametrize("url", URLS_WITH_SECRETS)
def test_a_redacted_url_has_no_password(url: str) -> None:
    assert SECRET not in backends.redact(url)


def test_a_redacted_url_still_says_where() -> None:
    url = f"redis://me:{SECRET}@cache.local:6379/0?password={SECRET}"

    assert backends.redact(url) == "'redis://cache.local:6379/0'"
    assert backends.redact("sqlite:///dir/jobs.db?table=x") == "'sqlite:///dir/jobs.db'"


def test_a_repeated_parameter_keeps_its_last_value_and_text_is_decoded() -> None:
    assert backends.url_options("memory://?a=1&a=2&b=%2Fx+y&c=") == {"a": "2", "b": "/x y", "c": ""}
