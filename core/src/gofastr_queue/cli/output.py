"""Printing: tables for people, one JSON document for programs, nothing that a terminal obeys."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from cattrs.preconf.json import make_converter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gofastr_queue.cli.texts import plain

WIDE = 200
"""Columns of a table that no terminal shows: a pipe should see whole lines."""

_converter = make_converter()
_converter.register_unstructure_hook(datetime, lambda moment: moment.isoformat())
_converter.register_unstructure_hook(timedelta, lambda span: span.total_seconds())


def console(*, stderr: bool = False) -> Console:
    """Return a console on stdout, or stderr, that reads no markup in what it prints."""
    made = Console(highlight=False, markup=False, emoji=False, stderr=stderr)
    if not made.is_terminal:
        made.width = WIDE
    return made


def emit(value: Any) -> None:
    """Print one JSON document; ASCII, so that a terminal obeys nothing in it."""
    sys.stdout.write(json.dumps(_converter.unstructure(value), indent=2) + "\n")


def table(*columns: str, title: str | None = None) -> Table:
    """Return an empty table; numbers' columns begin with ``#``."""
    made = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for name in columns:
        if name.startswith("#"):
            made.add_column(name[1:], justify="right", no_wrap=True)
        else:
            made.add_column(name, overflow="fold")
    return made


def add_row(target: Table, values: Iterable[str], style: str = "") -> None:
    """Add a row of texts from anywhere."""
    target.add_row(*(Text(plain(value)) for value in values), style=style)
