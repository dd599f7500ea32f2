"""The memory of a process that holds very many jobs."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.report import Row
from bench.sizes import Sizes
from bench.stores import Store

GOAL_BYTES = 1_200_000_000


def measure(store: Store, sizes: Sizes, chance: random.Random) -> Iterator[Row]:  # noqa: ARG001 - nothing is drawn
    """Measure a process of its own, which counts what it holds."""
    script = Path(__file__).with_name("hold.py")
    done = subprocess.run(  # noqa: S603 - this interpreter, our script
        [sys.executable, str(script), str(sizes.others)], check=True, capture_output=True, text=True
    )
    size = int(done.stdout)
    yield Row(
        "resident",
        store.name,
        f"a process with {sizes.others:,} pending jobs of 100 bytes",
        f"{size / 1e6:,.0f} MB RSS",
        f"< {GOAL_BYTES / 1e6:,.0f} MB",
        size < GOAL_BYTES,
        sizes.full("others"),
        {"bytes": size},
    )
