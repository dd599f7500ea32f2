"""Processor time of a process and of all that it has started, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

PARENT, USER, SYSTEM, CHILDREN_USER, CHILDREN_SYSTEM = 1, 11, 12, 13, 14
"""Places after the command's name in /proc/PID/stat; children are those that have ended."""


def seconds(pid: int) -> float:
    """Return the user and system seconds of a process and its descendants, ended ones too."""
    processes = _processes()
    tree, found = {pid}, 1
    while found:
        children = {child for child, values in processes.items() if values[PARENT] in tree} - tree
        tree, found = tree | children, len(children)
    ticks = sum(
        processes[one][place]
        for one in tree & processes.keys()
        for place in (USER, SYSTEM, CHILDREN_USER, CHILDREN_SYSTEM)
    )
    return ticks / os.sysconf("SC_CLK_TCK")


def _processes() -> dict[int, list[int]]:
    """Return what /proc says of each process, numbers only."""
    processes = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            values = file.read_text("utf-8").rpartition(") ")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        processes[int(file.parent.name)] = [0, *map(int, values[1:])]
    return processes
