"""What was measured, as rows with a verdict each."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import asdict, field, frozen

RED, PLAIN = "\x1b[31m", "\x1b[0m"


@frozen
class Row:
    """One result; ``within`` is None without a goal, ``full`` whether the goal's sizes ran.

    ``failed`` says that somebody did not do what the row would have claimed.
    """

    measure: str
    store: str
    name: str
    value: str
    goal: str = ""
    within: bool | None = None
    full: bool = True
    numbers: dict[str, Any] = field(factory=dict)
    failed: bool = False
    load: float = field(factory=lambda: os.getloadavg()[0])

    @property
    def verdict(self) -> str:
        """Return whether the goal is reached, which a quick run cannot tell."""
        if self.failed:
            return "FAILED"
        if self.within is None:
            return "measured"
        if not self.full:
            return "quick, within" if self.within else "quick, over"
        return "reached" if self.within else "MISSED"


def say(text: str) -> None:
    """Tell what is going on."""
    print(f"{datetime.now(UTC):%H:%M:%S}  {text}", flush=True)


def show(row: Row) -> None:
    """Print a row as soon as it is known."""
    say(f"{row.verdict:13}  {row.store}: {row.name}: {row.value}")


def table(rows: Sequence[Row], *, colours: bool) -> str:
    """Return all rows, one below the other; in red what was missed."""
    cells = [("verdict", "store", "what", "goal", "measured", "load")]
    cells += [
        (row.verdict, row.store, row.name, row.goal, row.value, f"{row.load:.1f}") for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
    if colours:
        for place, row in enumerate(rows, 1):
            if row.failed or row.within is False:
                lines[place] = f"{RED}{lines[place]}{PLAIN}"
    return "\n".join(lines)


def save(file: Path, seed: int, sizes: str, stores: dict[str, str], rows: Iterable[Row]) -> None:
    """Write everything as JSON."""
    document = {
        "command": sys.argv,
        "seed": seed,
        "sizes": sizes,
        "finished": datetime.now(UTC).isoformat(),
        "python": sys.version,
        "cores": os.cpu_count(),
        "stores": stores,
        "rows": [asdict(row) | {"verdict": row.verdict} for row in rows],
    }
    file.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
