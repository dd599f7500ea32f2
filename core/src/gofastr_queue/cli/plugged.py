"""Commands that other distributions bring, by entry point; each is imported when it is called."""

from __future__ import annotations

from typing import cast

import click

from gofastr_queue.backends import installed, only
from gofastr_queue.cli.commands import Commands

GROUP = "gofastr_queue.commands"
"""Its names are commands; the values, click commands."""

BROUGHT_BY = {"certify": "gofastr-queue-conformance"}
"""Command -> the distribution of this project that brings it."""


class PluggedCommands(Commands):
    """A group that also has the commands of entry points."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every name; nothing is imported."""
        return sorted({*super().list_commands(ctx), *installed(GROUP)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, importing it if another distribution brings it."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        point = only(GROUP, cmd_name)
        if point is not None:
            return cast(click.Command, point.load())
        if cmd_name in BROUGHT_BY:
            raise click.UsageError(
                f"{cmd_name!r} is not installed. Try: pip install {BROUGHT_BY[cmd_name]}"
            )
        return None
