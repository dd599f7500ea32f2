"""Keep what the page on speed shows of results: ``python -m bench.publish RESULTS.json...``.

Each file is what ``python -m bench --json`` wrote.  Results of another store are added to those of
before; of the same panel the newer replace them, but a quick look never what was measured in full.
Nothing is written that no run has measured.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

from bench.contest.rows import CONTEST, judged
from bench.report import Row
from bench.spread import Spread

FLAT = "what stays flat"
"""What a panel is called that shows everything but the contest."""

KEPT = Path(__file__).parents[1] / "docs" / "speed.json"


def main() -> None:
    """Add the results of files to those that are kept."""
    kept: dict[str, Any] = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    for name in sys.argv[1:]:
        for panel, arena in arenas(json.loads(Path(name).read_text("utf-8"))).items():
            if panel not in kept or is_quick(kept[panel]) or not is_quick(arena):
                kept[panel] = arena
    KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", "utf-8")


def is_quick(arena: dict[str, Any]) -> bool:
    """Tell whether a panel shows fewer jobs or rounds than the goals name."""
    return any(row["verdict"].startswith("quick") for row in arena["rows"])


def verdict(row: dict[str, Any]) -> str:
    """Return a row's verdict; a ratio is judged by the rule of today, whenever it was measured."""
    ratio = row["numbers"].get("ratio")
    if ratio is None:
        return str(row["verdict"])
    spread, floor = Spread(**ratio["spread"]), row["numbers"]["floor"]
    within = judged(spread, floor, mixed=ratio["mixed"])
    return Row("", "", "", "", row["goal"], within, row["full"]).verdict


def arenas(document: dict[str, Any]) -> dict[str, Any]:
    """Return what is shown of a run, by arena."""
    run = {
        name: document[name] for name in ("seed", "finished", "python", "cores", "sizes", "stores")
    }
    found: dict[str, Any] = {}
    for row in document["rows"]:
        panel = row["store"] + ("" if row["measure"] == CONTEST else f": {FLAT}")
        arena = found.setdefault(panel, {"run": run, "works": [], "rows": []})
        samples = row["numbers"].get("samples", ())
        if samples and samples[0]["seconds"] and not samples[0]["millis"]:
            rates = [one["jobs"] / one["seconds"] for one in samples]
            arena["works"].append(
                {
                    "work": samples[0]["work"],
                    "who": samples[0]["who"],
                    "jobs": samples[0]["jobs"],
                    "rates": [round(rate) for rate in rates],
                    "median": round(statistics.median(rates)),
                    **row["numbers"]["about"],
                }
            )
        shown = {name: row[name] for name in ("measure", "name", "goal", "value", "load")}
        arena["rows"].append(shown | {"verdict": verdict(row)})
    return found


if __name__ == "__main__":
    main()
