"""Run what a peer's worker is, without its stdout, which nobody reads: it goes to stderr.

python -m bench.peers.command MODULE ARGUMENTS     its own command
python -m bench.peers.command MODULE:FUNCTION      a function that calls its API
"""

from __future__ import annotations

import importlib
import os
import runpy
import sys


def main() -> None:
    """Become the command."""
    os.dup2(2, 1)
    del sys.argv[0]
    module, _, function = sys.argv[0].partition(":")
    if function:
        getattr(importlib.import_module(module), function)()
    else:
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
