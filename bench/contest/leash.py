"""Run a command that the kernel ends with its parent, however that ends; by its path."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

COMMAND = (sys.executable, "-I", "-S", __file__)
"""What stands before a command."""

SET_PARENT_DEATH_SIGNAL = 1


def tie() -> None:
    """Let the kernel end this process with its parent."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def main() -> None:
    """Become the command."""
    tie()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - what a contestant starts


if __name__ == "__main__":
    main()
