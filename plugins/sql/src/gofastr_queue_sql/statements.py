"""SQL statements as source files, one operation each."""

from __future__ import annotations

import re
from importlib import resources
from types import SimpleNamespace

TABLE = re.compile(r"\{table\}(\w*)")
"""The table, or one of its indexes; quoted, because an identifier may be a keyword."""


def load(folder: str, table: str, columns: str) -> SimpleNamespace:
    """Return the statements of a folder by file name, for a table that was checked.

    ``{table}`` and ``{columns}`` stand for those; a statement's values are always parameters.
    """
    files = resources.files(__package__).joinpath(folder)
    return SimpleNamespace(
        **{
            file.name.removesuffix(".sql"): TABLE.sub(
                rf'"{table}\1"', file.read_text("utf-8")
            ).replace("{columns}", columns)
            for file in files.iterdir()
            if file.name.endswith(".sql")
        }
    )
