"""A process that waits for its orders with everything imported but ours, then works and dies.

python -m tests.faults.matrix_child DRIVER..., and a line of JSON on stdin.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

LIBRARIES = ("asyncio", "attrs", "cattrs", "croniter", "pluggy")


def main() -> None:
    """Read what to do, set the failpoint, and only then import what has failpoints."""
    for name in (*LIBRARIES, *sys.argv[1:]):
        importlib.import_module(name)
    line = sys.stdin.readline()
    if not line:
        return  # a spare that nobody needed
    order = json.loads(line)
    os.environ["GOFASTR_FAILPOINTS"] = order["failpoint"]

    from tests.faults.matrix_work import LEASE, Ledger  # noqa: PLC0415
    from tests.faults.matrix_works import WORKS  # noqa: PLC0415

    from gofastr_queue import Queue  # noqa: PLC0415 - see above

    ledger = Ledger(Path(order["ledger"]))
    for _ in range(order["times"]):
        with Queue.open(order["url"], lease=LEASE, plugins=[ledger]) as queue:
            WORKS[order["work"]].act(queue, ledger)


if __name__ == "__main__":
    main()
