"""Draw ``docs/speed.json``: a chart, and the tables of ``docs/speed.md``.

    python -m bench.chart [--check]

With ``--check`` nothing is written, and a stale drawing is an error.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

from bench.contest.field import OURS, RAW, WRAPPED
from bench.contest.samples import BULK, DRAIN, DRAIN_2, ENQUEUE
from bench.publish import KEPT

CHART, PAGE = KEPT.with_suffix(".svg"), KEPT.with_suffix(".md")
BEGIN, END = "<!-- drawn by bench/chart.py -->\n", "<!-- end of drawing -->\n"

WORKS = (ENQUEUE, BULK, DRAIN, DRAIN_2)
COLOURS = {RAW: "#9aa5b1", OURS: "#1f6feb"}
PEER = "#d9a441"

WIDTH, LEFT, RIGHT = 860, 250, 90
BAR, GAP, HEAD, FOOT = 15, 10, 46, 34
DECADES = range(1, 7)
"""The axis reaches from ten jobs a second to a million."""

Arena = dict[str, Any]


def svg(arenas: dict[str, Arena]) -> str:
    """Return one panel for each arena, the works below each other, all on one axis."""
    parts: list[str] = []
    top = 0.0
    for name, arena in arenas.items():
        if not arena["works"]:
            continue
        panel, height = _panel(name, arena, top)
        parts += panel
        top += height
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top:.0f}" '
        f'font-family="sans-serif" font-size="12" role="img">\n'
        f"<title>Jobs a second, by store and work</title>\n"
        f'<rect width="{WIDTH}" height="{top:.0f}" fill="#ffffff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def tables(arenas: dict[str, Arena]) -> str:
    """Return each arena's goals and everything else that it measured, as tables."""
    return "\n".join(line for name, arena in arenas.items() for line in _table(name, arena)) + "\n"


def _panel(name: str, arena: Arena, top: float) -> tuple[list[str], float]:
    works = [(work, _bars(arena, work)) for work in WORKS]
    height = HEAD + sum(len(bars) * BAR + GAP for _, bars in works if bars) + FOOT
    lines = [
        f'<text x="10" y="{top + 20:.0f}" font-size="15" font-weight="bold">{escape(name)}</text>',
        f'<text x="10" y="{top + 36:.0f}" fill="#555">{escape(_conditions(arena))}</text>',
    ]
    bottom = top + height - FOOT
    for decade in DECADES:
        x = _x(10**decade)
        lines.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top + HEAD:.0f}" y2="{bottom:.0f}" '
            'stroke="#ddd"/>'
        )
        lines.append(
            f'<text x="{x:.1f}" y="{bottom + 13:.0f}" text-anchor="middle" fill="#555">'
            f"{10**decade:,}</text>"
        )
    y = top + HEAD
    for work, bars in works:
        for place, bar in enumerate(bars):
            lines += _bar(bar, y, work if place == 0 else "")
            y += BAR
        y += GAP if bars else 0
    return lines, height


def _bars(arena: Arena, work: str) -> list[dict[str, Any]]:
    bars = [one for one in arena["works"] if one["work"] == work and one["who"] != WRAPPED]
    return sorted(bars, key=lambda one: -one["median"])


def _bar(bar: dict[str, Any], y: float, work: str) -> Iterator[str]:
    x, low, high = (_x(rate) for rate in (bar["median"], min(bar["rates"]), max(bar["rates"])))
    middle = y + BAR / 2
    colour = COLOURS.get(bar["who"], PEER)
    weight = ' font-weight="bold"' if bar["who"] == OURS else ""
    if work:
        yield f'<text x="10" y="{middle + 4:.1f}">{escape(work)}</text>'
    yield (
        f'<text x="{LEFT - 6}" y="{middle + 4:.1f}" text-anchor="end"{weight}>'
        f"{escape(bar['name'])}</text>"
    )
    yield (
        f'<rect x="{LEFT}" y="{y + 2:.1f}" width="{max(x - LEFT, 1):.1f}" height="{BAR - 4}" '
        f'fill="{colour}"/>'
    )
    yield (
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle:.1f}" y2="{middle:.1f}" stroke="#222"/>'
    )
    yield (
        f'<text x="{max(x, high) + 5:.1f}" y="{middle + 4:.1f}"{weight}>{bar["median"]:,}</text>'
    )


def _x(rate: float) -> float:
    """Return where a rate stands on the axis."""
    first, last = DECADES[0], DECADES[-1]
    part = (math.log10(max(rate, 10**first)) - first) / (last - first)
    return LEFT + min(part, 1.0) * (WIDTH - LEFT - RIGHT)


def _conditions(arena: Arena) -> str:
    run = arena["run"]
    whole = "; ".join(run.get("stores", {}).values())
    durability = next((one["durability"] for one in arena["works"] if one["who"] == OURS), whole)
    loads = [row["load"] for row in arena["rows"]]
    return (
        f"{durability}; {run['finished'][:10]}, CPython {run['python'].split()[0]}, "
        f"{run['cores']} cores, load {min(loads):.0f}-{max(loads):.0f}"
    )


def _table(name: str, arena: Arena) -> Iterator[str]:
    run = arena["run"]
    yield f"### {name}\n"
    yield f"{_conditions(arena)}. Seed {run['seed']}, {run['sizes']}.\n"
    yield "| verdict | what | goal | measured |"
    yield "|---|---|---|---|"
    for row in sorted(arena["rows"], key=lambda row: not row["goal"]):
        bad = row["verdict"] in {"MISSED", "FAILED"}
        verdict = f"**{row['verdict']}**" if bad else row["verdict"]
        yield f"| {verdict} | {row['name']} | {row['goal']} | {row['value']} |"
    yield ""


def main() -> None:
    """Draw, or tell what is stale."""
    arenas = json.loads(KEPT.read_text("utf-8"))
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    drawn = {CHART: svg(arenas), PAGE: f"{before}{BEGIN}\n{tables(arenas)}{END}{after}"}
    for file, text in drawn.items():
        if "--check" not in sys.argv[1:]:
            file.write_text(text, "utf-8")
        elif not file.exists() or file.read_text("utf-8") != text:
            sys.exit(f"{file.name} is stale: run python -m bench.chart")


if __name__ == "__main__":
    main()
