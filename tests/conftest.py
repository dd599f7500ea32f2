"""Tell how many liars the conformance kit refuted."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count the reports that name a liar, in this process or a worker of it."""
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
