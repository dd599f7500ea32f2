"""From a URL to its backend: only the asked one is imported; every failure says what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from gofastr_queue import (
    BackendNotFound,
    InvalidOption,
    Queue,
    QueueError,
    UnsupportedOperation,
    backends,
    schemas,
)

SECRET = "s3cr3t"  # noqa: S105 - the canary of these tests
CODED = "s3%63r3t"


BACKENDS, SCHEMAS = "gofastr_queue.backends", "gofastr_queue.schemas"


def distribution(
    folder: Path, name: str, entries: str, code: str = "", group: str = BACKENDS
) -> None:
    """Lay out an installed distribution that serves URL schemes."""
    module = name.replace("-", "_")
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{entries}\n")
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


@pytest.fixture
def serverless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only the backends be found that no server is needed for."""

    def found(group: str) -> list[EntryPoint]:
        return [one for one in entry_points(group=group) if one.name in ("memory", "sqlite")]

    monkeypatch.setattr(backends, "entry_points", found)
    monkeypatch.setattr(backends, "_found", {})


@pytest.mark.usefixtures("serverless")
def test_a_scheme_without_a_backend_says_what_to_install() -> None:
    with pytest.raises(BackendNotFound) as caught:
        Queue.open("redis://localhost:6379/0")

    assert str(caught.value) == (
        "no backend for 'redis://'; installed: memory, sqlite. "
        "Try: pip install 'gofastr-queue[redis]'"
    )


@pytest.mark.usefixtures("serverless")
@pytest.mark.parametrize(
    ("scheme", "extra"), [("rediss", "redis"), ("postgresql", "postgres"), ("postgres", "postgres")]
)
def test_each_known_scheme_names_its_extra(scheme: str, extra: str) -> None:
    with pytest.raises(BackendNotFound, match=rf"Try: pip install 'gofastr-queue\[{extra}\]'"):
        Queue.open(f"{scheme}://localhost/db")


@pytest.mark.usefixtures("serverless")
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


def test_a_backend_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def look(group: str) -> EntryPoints:
        looked.append(group)
        return entry_points(group=group)

    monkeypatch.setattr(backends, "entry_points", look)
    monkeypatch.setattr(backends, "_found", {})
    for _ in range(3):
        Queue.open("memory://").close()

    assert looked == [backends.GROUP]


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


NEEDS = "needs the module 'absent_driver', which is not installed."


@pytest.mark.parametrize(
    ("extra", "code", "said"),
    [
        ("", "import absent_driver.pool", NEEDS),
        ("redis", "import absent_driver", f"{NEEDS} Try: pip install 'gofastr-queue[redis]'"),
        (
            "",
            "raise ImportError('no wrapper:\\n- libpq')",
            "cannot be imported from gofastr-queue-half: no wrapper: - libpq.",
        ),
    ],
)
def test_a_backend_without_its_driver_says_what_to_install(
    tmp_path: Path, extra: str, code: str, said: str
) -> None:
    distribution(tmp_path, "gofastr-queue-half", "half = gofastr_queue_half:connect", code)

    shown = run(
        "from gofastr_queue import BackendNotFound, Queue, backends\n"
        f"backends.EXTRAS['half'] = {extra!r}\n"
        f"try: Queue.open('half://me:{SECRET}@host')\n"
        "except BackendNotFound as error: print(error, isinstance(error.__cause__, ImportError))",
        tmp_path,
    )

    assert shown == f"'half://' {said} True"


def test_a_strangers_schema_is_written_with_its_options_and_nothing_else_is_imported(
    tmp_path: Path,
) -> None:
    canary = tmp_path / "imported"
    noisy = f"open({str(canary)!r}, 'w').close()"
    distribution(tmp_path, "gofastr-queue-store", "other = gofastr_queue_store:connect", noisy)
    distribution(
        tmp_path,
        "gofastr-queue-writer",
        "other = gofastr_queue_writer:text",
        "def text(url, *, size=0): return f'-- {url} of {size}'",
        SCHEMAS,
    )

    shown = run(
        "from gofastr_queue import schemas; print(schemas.text('OTHER://x', size=3))", tmp_path
    )

    assert shown == "-- OTHER://x of 3"
    assert not canary.exists()


def test_two_schemas_for_one_scheme_are_an_error_that_names_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution(tmp_path, "gofastr-queue-store", "twice = gofastr_queue_store:connect")
    for name in ("gofastr-queue-beta", "gofastr-queue-alpha"):
        distribution(tmp_path, name, f"twice = {name.replace('-', '_')}:text", group=SCHEMAS)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(BackendNotFound, match="by gofastr-queue-alpha and gofastr-queue-beta;"):
        schemas.text("twice://x")


def test_a_backend_that_offers_no_schema_is_named() -> None:
    with pytest.raises(UnsupportedOperation, match="backend 'memory' cannot make or print a sch"):
        schemas.text("memory://")


@pytest.mark.usefixtures("serverless")
@pytest.mark.parametrize("url", ["jobs.db", "amqp://localhost", "redis://localhost", None])
def test_a_schema_is_refused_for_what_no_backend_serves(url: Any) -> None:
    with pytest.raises(BackendNotFound) as opening:
        Queue.open(url)
    with pytest.raises(BackendNotFound) as writing:
        schemas.text(url)

    assert str(writing.value) == str(opening.value)


@pytest.mark.parametrize(
    ("url", "options"),
    [("sqlite:///x.db?colour=red", {}), ("sqlite:///x.db", {"colour": "red"})],
)
def test_an_unknown_option_of_a_schema_is_a_type_error(url: str, options: dict[str, str]) -> None:
    with pytest.raises(TypeError, match=r"unknown option 'colour' .*; known: table, synchronous"):
        schemas.text(url, **options)


@pytest.mark.parametrize("url", ["memory://[::1", "sqlite://[::1/x.db", "memory://[x]"])
def test_a_malformed_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidOption, match="URL"):
        Queue.open(url)


@pytest.mark.parametrize("url", ["memory://jobs#1", "sqlite:///{}/jobs#1.db"])
def test_a_fragment_is_refused_because_it_would_be_cut_off(url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="#"):
        Queue.open(url.format(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "repeating://me:a@s3cr3t@host",
        "repeating://me%3As3cr3t%40host",
        "repeating://me:12/s3cr3t@host",
        "repeating://me:12?s3cr3t@host",
        "repeating://me:12#s3cr3t@host",
    ],
)
def test_what_may_be_a_piece_of_a_password_reaches_no_driver(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution(
        tmp_path,
        "gofastr-queue-repeating",
        "repeating = gofastr_queue_repeating:connect",
        "def connect(url): raise OSError(url)",
    )
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(InvalidOption, match=r"writ(e it|ten) as %") as caught:
        Queue.open(url)

    assert SECRET not in str(caught.value)


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
    f"postgresql://me:{SECRET}@host/db",
    f"postgresql://me:{CODED}@host/db",
    f"postgresql://me%3A{CODED}%40host/db",
    f"postgresql://me:{SECRET}/%@host/db",
    f"postgresql://me:12?{SECRET}@host/db",
    f"postgresql://me:12#{SECRET}@host/db",
    f"postgresql://host/db?password={CODED}",
    f"postgresql://me:{SECRET}@one:1,two:2/db",
    f"postgresql://me:{SECRET}@[fe80::1%25eth0]:5432/db",
    f"postgresql://me:{SECRET}@[/db",
    f"postgresql://[me:{SECRET}]@host/db",
    f"postgresql://me:{SECRET}@ho\u2100st/db",
    f"postgresql:///db?host=/run/pg&password={SECRET}",
    f"postgresql://host=x password={SECRET}",
    f"postgresql://x/host=x password={SECRET}",
    f"host=x password={SECRET}://",
    f"sqlite://host=x password={SECRET}/jobs.db",
    f"sqlite://me:{SECRET}@ho\u2100st/jobs.db",
    f"sqlite://[me:{SECRET}]/jobs.db",
    f"sqlite://me:12?{SECRET}@host/jobs.db",
    f"memory://me:12?a=1&{SECRET}@jobs",
    f"memory://me:a@{SECRET}@jobs",
    f"memory://me:12/{SECRET}@jobs",
    f"sqlite://me%3A{CODED}%40host/jobs.db",
]


@pytest.mark.usefixtures("serverless")
@pytest.mark.parametrize("opening", [Queue.open, schemas.text])
@pytest.mark.parametrize("url", URLS_WITH_SECRETS)
def test_no_error_shows_a_password(url: str, opening: Callable[[str], object]) -> None:
    with pytest.raises((QueueError, TypeError)) as caught:
        opening(url)

    shown: BaseException | None = caught.value
    while shown is not None:
        assert SECRET not in unquote(f"{shown} {shown!r}")
        shown = shown.__cause__ or (None if shown.__suppress_context__ else shown.__context__)


@pytest.mark.parametrize("url", URLS_WITH_SECRETS)
def test_a_redacted_url_has_no_password(url: str) -> None:
    assert SECRET not in unquote(backends.redact(url))


def test_a_redacted_url_still_says_where() -> None:
    url = f"redis://me:{SECRET}@cache.local:6379/0?password={SECRET}"

    assert backends.redact(url) == "'redis://cache.local:6379/0'"
    assert backends.redact("sqlite:///dir/jobs.db?table=x") == "'sqlite:///dir/jobs.db'"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p@h1:1,h2:2/db", "postgresql://h1:1,h2:2/db"),
        ("postgresql://u:p@[::1]:5432/db", "postgresql://[::1]:5432/db"),
        ("postgresql:///db?host=/run/pg", "postgresql:///db"),
        ("postgresql://u:p@%2Frun%2Fpg/db", "postgresql://%2Frun%2Fpg/db"),
        ("postgresql://u:p@db-1.example.com/my%20db", "postgresql://db-1.example.com/my%20db"),
        ("postgresql://u:p@host:port/db", "postgresql:…"),
        ("host=x password=y", "…"),
    ],
)
def test_a_redacted_url_says_as_much_as_is_safe(url: str, shown: str) -> None:
    assert backends.redact(url) == repr(shown)


def test_a_repeated_parameter_keeps_its_last_value_and_text_is_decoded() -> None:
    assert backends.url_options("memory://?a=1&a=2&b=%2Fx+y&c=") == {"a": "2", "b": "/x y", "c": ""}
