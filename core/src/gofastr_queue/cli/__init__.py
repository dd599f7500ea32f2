"""The command ``gofastr-queue``; it needs the extra ``cli``, which brings click and rich."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 for done, 1 for could not be done, 2 for wrong usage."""
    try:
        import click  # noqa: F401, PLC0415 - only asked whether it is there
        import rich  # noqa: F401, PLC0415 - as above
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        sys.stderr.write(
            f"Error: the command line needs {error.name}. Try: pip install 'gofastr-queue[cli]'\n"
        )
        return 2
    from gofastr_queue.cli.app import run  # noqa: PLC0415 - imports click

    return run(arguments)
