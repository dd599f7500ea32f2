"""Run the code in README and docs as tests: page by page, each in an empty folder."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser
from sybil.sybil import SybilCollection
from tests.servers.postgres import Server

URL = "DATABASE_URL"


def _enter(names: dict[str, Any]) -> None:
    names["_before"] = Path.cwd()
    names["_folder"] = tempfile.TemporaryDirectory()
    os.chdir(names["_folder"].name)


def _leave(names: dict[str, Any]) -> None:
    if "queue" in names:
        names["queue"].close()
    os.chdir(names["_before"])
    names["_folder"].cleanup()


def _enter_with_server(names: dict[str, Any]) -> None:
    _enter(names)
    names["_server"] = Server(fsync="off")
    names["_url"] = os.environ.get(URL)
    os.environ[URL] = names["_server"].url()


def _leave_with_server(names: dict[str, Any]) -> None:
    _leave(names)
    names["_server"].close()
    del os.environ[URL]
    if names["_url"] is not None:
        os.environ[URL] = names["_url"]


pytest_collect_file = SybilCollection(
    (
        Sybil(
            parsers=[PythonCodeBlockParser()],
            patterns=["README.md", "docs/*.md"],
            excludes=["docs/postgresql.md"],
            setup=_enter,
            teardown=_leave,
        ),
        Sybil(
            parsers=[PythonCodeBlockParser()],
            patterns=["docs/postgresql.md"],
            setup=_enter_with_server,
            teardown=_leave_with_server,
        ),
    )
).pytest()
