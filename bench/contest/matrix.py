"""An arena's works below each other, its contestants side by side."""

from __future__ import annotations

import statistics

from bench.contest.arena import Arena
from bench.contest.field import WRAPPED
from bench.contest.samples import BULK, DRAIN, DRAIN_2, ENQUEUE, PICKUP, Samples


def matrix(arena: Arena, samples: Samples) -> str:
    """Return medians: jobs a second, and milliseconds of a pick-up."""
    everybody = [who for who in samples.about if who != WRAPPED]
    lines = [[arena.name, *everybody]]
    lines += [
        [work, *(_rate(samples, work, who) for who in everybody)]
        for work in (ENQUEUE, BULK, DRAIN, DRAIN_2)
    ]
    lines.append([f"{PICKUP} p50", *(_pickup(samples, who) for who in everybody)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def _rate(samples: Samples, work: str, who: str) -> str:
    rate = samples.rate(work, who)
    return f"{rate:,.0f}/s" if rate else "-"


def _pickup(samples: Samples, who: str) -> str:
    millis = [each for one in samples.of(PICKUP, who) for each in one.millis]
    return f"{statistics.median(millis):.2f} ms" if millis else "-"
