"""Run the code in README and docs as tests: page by page, each in an empty folder."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser


def _enter(names: dict[str, Any]) -> None:
    names["_before"] = Path.cwd()
    names["_folder"] = tempfile.TemporaryDirectory()
    os.chdir(names["_folder"].name)


def _leave(names: dict[str, Any]) -> None:
    if "queue" in names:
        names["queue"].close()
    os.chdir(names["_before"])
    names["_folder"].cleanup()


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser()],
    patterns=["README.md", "docs/*.md"],
    setup=_enter,
    teardown=_leave,
).pytest()
