"""Files of JSON lines that survive the death of the process that writes them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any


class Lines:
    """A file of one process; each line is one write, so a kill tears at most the last one.

    Without a folder nothing is kept.
    """

    def __init__(self, folder: Path | None, kind: str) -> None:
        name = f"{kind}-{os.getpid()}-{time.monotonic_ns()}.jsonl"  # pids come again
        path = os.devnull if folder is None else folder / name
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, **fields: Any) -> None:
        """Append a line."""
        os.write(self._file, json.dumps(fields).encode() + b"\n")


def read(file: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a file, in order."""
    lines = file.read_bytes().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith(b"\n")]
