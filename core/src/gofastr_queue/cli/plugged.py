"""Commands that other distributions bring, by entry point; each is imported when it is called."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any, cast

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
        """Return a command; nothing is imported."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        points = installed(GROUP).get(cmd_name)
        if points:
            return _Plugged(cmd_name, points)
        if cmd_name in BROUGHT_BY:
            raise click.UsageError(
                f"{cmd_name!r} is not installed. Try: pip install {BROUGHT_BY[cmd_name]}"
            )
        return None


class _Plugged(click.Command):
    """Stands for another distribution's command in lists and completions until it is called."""

    def __init__(self, name: str, points: list[EntryPoint]) -> None:
        brought = " and ".join(sorted(one.dist.name if one.dist else one.value for one in points))
        super().__init__(name, help=f"Brought by {brought}.")

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Import the command and let it read its arguments."""
        point = only(GROUP, self.name or "")
        assert point is not None  # noqa: S101 - it was found by this name
        return cast(click.Command, point.load()).make_context(*arguments, **options)
