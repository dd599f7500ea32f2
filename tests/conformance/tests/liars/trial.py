"""Running cases of the kit against a backend, inside the process that asks."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from tests.conformance.tests.liars import case

from gofastr_queue_conformance import Harness, waking

HERE = Path(__file__).parent

ROOT = HERE.parents[3]

PATIENCE = 1.0
"""Seconds until a wait counts as not woken; only a liar takes them all."""

QUIET = (
    f"--config-file={os.devnull}",
    f"--rootdir={ROOT}",
    "--import-mode=importlib",
    "--noconftest",
    "--disable-plugin-autoload",
    "--capture=no",
    "-Werror",
    *(
        f"-pno:{name}"
        for name in ("terminal", "cacheprovider", "faulthandler", "unraisableexception")
    ),
)

Raised = dict[str, pytest.ExceptionInfo[BaseException]]


class Trial:
    """A plugin that gives the accused's harness, and keeps which cases ran and what they raised."""

    def __init__(
        self, harness: Callable[[Path], AbstractContextManager[Harness]], cases: Collection[str]
    ) -> None:
        self._harness = harness
        self._cases = cases
        self._functions = {case.partition("[")[0] for case in cases}
        self.ran: set[str] = set()
        self.raised: Raised = {}

    @pytest.fixture
    def accused(self, tmp_path: Path) -> Iterator[Harness]:
        with self._harness(tmp_path) as harness:
            yield harness

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self, name: str) -> list[pytest.Item] | None:
        """Leave out what nobody asked for, before pytest multiplies it by its parameters."""
        return [] if name.startswith("test_") and name not in self._functions else None

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.name in self._cases]

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[Any]) -> None:
        self.ran.add(item.name)
        if call.excinfo is not None:
            self.raised.setdefault(item.name, call.excinfo)


def trial(
    harness: Callable[[Path], AbstractContextManager[Harness]],
    cases: Collection[str],
    folder: Path,
) -> Raised:
    """Run these cases, each on a new store; return what failed, and with what."""
    plugin = Trial(harness, cases)
    with (
        mock.patch.object(waking, "PATIENCE", PATIENCE),
        mock.patch.dict(os.environ, PYTEST_ADDOPTS="", PYTEST_PLUGINS=""),
    ):
        pytest.main(
            [*QUIET, f"--basetemp={folder / 'trial'}", case.__file__],
            plugins=[plugin],
        )
    assert plugin.ran == set(cases), f"no such cases: {set(cases) - plugin.ran}"
    return plugin.raised
