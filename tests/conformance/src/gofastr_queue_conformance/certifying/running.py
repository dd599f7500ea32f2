"""Running the kit in this process, quietly, and telling how far it has come."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from attrs import field, frozen

from gofastr_queue_conformance.certifying import suite
from gofastr_queue_conformance.certifying.cases import Case
from gofastr_queue_conformance.certifying.collecting import Collecting, topic_of
from gofastr_queue_conformance.certifying.store import Store
from gofastr_queue_conformance.harness import OF_THE_KIT

DEFAULT, FAULTS, STRESS = "default", "faults", "stress"

ONLY_WITH_FAULTS = frozenset({"lost replies"})
"""Topics that take minutes."""

LIVES = {DEFAULT: 20, FAULTS: 60, STRESS: 1_000}
"""Level -> how many lives of a queue the state machine tries."""

ARGUMENTS = (
    "--noconftest",
    "--import-mode=importlib",
    "--override-ini=addopts=",
    "--override-ini=filterwarnings=",
    "--capture=fd",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:terminal",
    f"--config-file={os.devnull}",
)
"""Nothing of the folder that the command is called in shall change what is run."""


@frozen
class Progress:
    """A pytest plugin that leaves out what the level does not ask for, and tells each result."""

    store: Store
    level: str
    told: Callable[[str, int, int], None]
    _done: list[str] = field(factory=list)
    _all: list[str] = field(factory=list)

    def pytest_configure(self, config: pytest.Config) -> None:
        """Give the suite its store."""
        config.stash[suite.STORE] = self.store

    def pytest_unconfigure(self) -> None:
        """Leave nothing of it open."""
        with suppress(Exception):  # every case has closed the backend, and was judged by that
            self.store.close()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the topics of the level."""
        left_out = {OF_THE_KIT} | (ONLY_WITH_FAULTS if self.level == DEFAULT else set())
        items[:] = [item for item in items if topic_of(suite.TestBackend, item) not in left_out]
        self._all.extend(item.nodeid for item in items)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Tell that a case has ended."""
        self._done.append(nodeid)
        self.told(nodeid.rpartition("::")[2], len(self._done), len(self._all))


def run(
    store: Store, level: str, seed: int, told: Callable[[str, int, int], None]
) -> Mapping[str, Case]:
    """Run the suite; ``told`` is called with a case's name, how many are done, and of how many."""
    collecting = Collecting()
    with _environment(
        GOFASTR_SEED=str(seed),
        GOFASTR_EXAMPLES=str(LIVES[level]),
        PYTEST_ADDOPTS="",
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
    ):
        code = pytest.main(
            [*ARGUMENTS, str(Path(suite.__file__))],
            plugins=[collecting, Progress(store, level, told)],
        )
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"pytest could not run the kit: {pytest.ExitCode(code).name}")
    return collecting.cases.get(_class_of(collecting), {})


def _class_of(collecting: Collecting) -> type:
    return next(iter(collecting.cases), suite.TestBackend)


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
