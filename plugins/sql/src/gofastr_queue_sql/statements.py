"""SQL statements as source files, one operation each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from types import SimpleNamespace

PLACE = re.compile(r"\{(\w+)\}(\w*)")
"""``{table}``, perhaps with the suffix of something that belongs to it, or another text's name."""


def load(folder: str, table: Callable[[str], str], **texts: str) -> SimpleNamespace:
    """Return the statements of a folder by file name, for a table that was checked.

    Files may name each other; see ``filled``.  A statement's values are always parameters.
    """
    files = _read(folder)
    known = {**files, **texts}
    return SimpleNamespace(**{name: filled(text, table, known) for name, text in files.items()})


def filled(text: str, table: Callable[[str], str], texts: Mapping[str, str]) -> str:
    """Fill in a statement's places.

    ``{table}`` and ``{table}_suffix`` stand for what ``table`` makes of the suffix, other names for
    the text of that name; names that nobody knows stay as they are.
    """

    def place(found: re.Match[str]) -> str:
        name, suffix = found.groups()
        if name == "table":
            return table(suffix)
        return filled(texts[name], table, texts) + suffix if name in texts else found[0]

    return PLACE.sub(place, text)


@cache
def _read(folder: str) -> Mapping[str, str]:
    return {
        file.name.removesuffix(".sql"): _without_comments(file.read_text("utf-8"))
        for file in resources.files(__package__).joinpath(folder).iterdir()
        if file.name.endswith(".sql")
    }


def _without_comments(text: str) -> str:
    """Leave out lines of comment; they are for readers of the source."""
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
