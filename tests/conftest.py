"""Tell how many liars the conformance kit refuted, and what deaths and cuts came to."""

from __future__ import annotations

import os

import pytest
from tests.faults import matrix_grid


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Read it from the reports, of this process or a worker of it."""
    liars = {
        outcome: sum(
            any(name == "liar" for name, _ in report.user_properties)
            for report in terminalreporter.getreports(outcome)
            if report.when == "call"
        )
        for outcome in ("passed", "failed")
    }
    if any(liars.values()):
        caught, all = liars["passed"], sum(liars.values())
        terminalreporter.write_line(f"liars caught {caught}/{all}", bold=True)

    properties = [
        each
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call"
        for each in report.user_properties
    ]
    whole = os.environ.get("GOFASTR_FAULTS") == "1"
    for line in (
        *matrix_grid.lines(properties, whole=whole),
        *matrix_grid.cut_lines(properties),
    ):
        terminalreporter.write_line(line)
