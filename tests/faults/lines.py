"""Files of JSON lines that survive the death of the process that writes them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any


class Lines:
    """A file of one process; each line is one write, so a kill tears at most the last one."""

    def __init__(self, folder: Path, kind: str) -> None:
        name = f"{kind}-{os.getpid()}-{time.monotonic_ns()}.jsonl"  # pids come again
        self._file = os.open(folder / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, **fields: Any) -> None:
        """Append a line."""
        os.write(self._file, json.dumps(fields).encode() + b"\n")

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def read(file: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a file, in order."""
    lines = file.read_bytes().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith(b"\n")]
