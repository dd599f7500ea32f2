"""Run the code in README and docs as tests: page by page, each in an empty folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser
from sybil.sybil import SybilCollection
from tests.servers import postgres, redis

from gofastr_queue_conformance.certifying.collecting import Collecting


def pytest_configure(config: pytest.Config) -> None:
    """Keep what the kit's cases show, for the certificates that we ship."""
    config.pluginmanager.register(Collecting())


Start = Callable[[], postgres.Server | redis.Server]


def _enter(names: dict[str, Any]) -> None:
    names["_before"] = Path.cwd()
    names["_folder"] = tempfile.TemporaryDirectory()
    os.chdir(names["_folder"].name)
    names["__name__"] = "page"  # as in a module, where handlers know where they stand


def _leave(names: dict[str, Any]) -> None:
    if "queue" in names:
        names["queue"].close()
    os.chdir(names["_before"])
    names["_folder"].cleanup()


def _with_server(page: str, variable: str, start: Start) -> Sybil:
    """Run a page with the URL of a server of its own in the environment."""

    def enter(names: dict[str, Any]) -> None:
        _enter(names)
        names["_server"] = start()
        names["_url"] = os.environ.get(variable)
        os.environ[variable] = names["_server"].url()

    def leave(names: dict[str, Any]) -> None:
        _leave(names)
        names["_server"].close()
        del os.environ[variable]
        if names["_url"] is not None:
            os.environ[variable] = names["_url"]

    return Sybil(parsers=[PythonCodeBlockParser()], patterns=[page], setup=enter, teardown=leave)


POSTGRES, REDIS = "docs/postgresql.md", "docs/redis.md"

pytest_collect_file = SybilCollection(
    (
        Sybil(
            parsers=[PythonCodeBlockParser()],
            patterns=["README.md", "docs/*.md"],
            excludes=[POSTGRES, REDIS],
            setup=_enter,
            teardown=_leave,
        ),
        _with_server(POSTGRES, "DATABASE_URL", lambda: postgres.Server(fsync="off")),
        _with_server(REDIS, "REDIS_URL", redis.Server),
    )
).pytest()
