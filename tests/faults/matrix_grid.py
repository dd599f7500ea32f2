"""The crash matrix as it is shown after the tests: a line for each failpoint and work."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

PROPERTY = "crash matrix"

CUTS = "cuts"


def cut_lines(properties: Iterable[tuple[str, object]]) -> Iterator[str]:
    """Yield what to print of conversations that were cut."""
    told = [json.loads(str(value)) for name, value in properties if name == CUTS]
    for backend in sorted({one["backend"] for one in told}):
        mine = [one for one in told if one["backend"] == backend]
        places, cut = sum(one["of"] for one in mine), sum(one["cut"] for one in mine)
        yield f"{backend} cut at {cut} of {places} bytes, no job lost or doubled"


def lines(properties: Iterable[tuple[str, object]], *, whole: bool) -> Iterator[str]:
    """Yield what to print of reports' properties: a summary and, if wanted, the whole grid."""
    told = [json.loads(str(value)) for name, value in properties if name == PROPERTY]
    if not told:
        return
    yield (
        f"crash matrix: {len(told)} deaths, lost {sum(one['lost'] for one in told)}, "
        f"doubled {sum(one['doubled'] for one in told)}, "
        f"not proven {sum(one['problems'] for one in told)}, "
        f"recovered in at most {max(one['seconds'] for one in told):.1f} s"
    )
    if not whole:
        return
    columns = sorted({(one["backend"], one["end"], one["hit"]) for one in told})
    rows: dict[tuple[str, str], dict[tuple[str, str, int], str]] = {}
    for one in told:
        cell = f"{one['lost']}/{one['doubled']} {one['seconds']:.1f}s"
        cell += "!" if one["problems"] else ""
        key = (one["point"], one["work"])
        rows.setdefault(key, {})[one["backend"], one["end"], one["hit"]] = cell
    yield "lost/doubled and seconds until all work was done; ! is told above"
    heads = [f"{backend[:8]} {end} {hit}" for backend, end, hit in columns]
    width = max(len(point) + len(work) + 2 for point, work in rows)
    yield " " * width + " ".join(f"{head:>15}" for head in heads)
    for (point, work), cells in sorted(rows.items()):
        label = f"{point}, {work}"
        yield f"{label:{width}}" + " ".join(f"{cells.get(column, ''):>15}" for column in columns)
