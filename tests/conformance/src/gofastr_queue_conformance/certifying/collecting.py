"""A pytest plugin that keeps the result of every case of the kit, by test class."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Generator, Sequence

import pytest

from gofastr_queue.capabilities import Capability
from gofastr_queue_conformance import evidence
from gofastr_queue_conformance.certifying.cases import Case
from gofastr_queue_conformance.harness import OF_THE_KIT, Contract

LONGEST = 4_000
"""Characters of a failure that are kept."""

KEY = pytest.StashKey["Collecting"]()


class Collecting:
    """Keeps results; ``incomplete`` when some cases were left out of the run."""

    def __init__(self) -> None:
        self.cases: dict[type, dict[str, Case]] = defaultdict(dict)
        self.incomplete = False

    def pytest_configure(self, config: pytest.Config) -> None:
        """Let cases find this plugin."""
        config.stash[KEY] = self

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Learn that some cases will not run."""
        self.incomplete = self.incomplete or any(kit_class(item) is not None for item in items)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        """Forget what the case before has asked."""
        evidence.take()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Keep what a phase of a case brought: any that fails makes it fail."""
        report = yield
        owner = kit_class(item)
        if owner is not None:
            self._keep(owner, item, report)
        return report

    def _keep(self, owner: type[Contract], item: pytest.Item, report: pytest.TestReport) -> None:
        name, topic = item.name, topic_of(owner, item)
        if topic == OF_THE_KIT:
            return
        before = self.cases[owner].get(name)
        failure = before.failure if before else ""
        if report.failed and not failure:
            failure = (report.longreprtext or "failed")[-LONGEST:]
        if report.skipped and not failure:
            failure = "skipped, which proves nothing"
        self.cases[owner][name] = Case(
            name,
            topic,
            (before.asked if before else evidence.Asked()) | evidence.take(),
            _about(item),
            failure,
            (before.seconds if before else 0.0) + report.duration,
        )


def kit_class(item: pytest.Item) -> type[Contract] | None:
    """Return the class of a case of the kit; None for any other test."""
    owner = getattr(item, "cls", None)
    return owner if isinstance(owner, type) and issubclass(owner, Contract) else None


def topic_of(owner: type[Contract], item: pytest.Item) -> str:
    """Return what a case is about: the topic of the contract that it stands in."""
    function = item.name.partition("[")[0]
    contract = next(
        base for base in owner.__mro__ if function in vars(base) and issubclass(base, Contract)
    )
    words = re.findall("[A-Z][a-z]+", contract.__name__.removesuffix("Contract"))
    return contract.TOPIC or " ".join(words).lower()


def _about(item: pytest.Item) -> Capability | None:
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    about = parameters.get("capability")
    return about if isinstance(about, Capability) else None
