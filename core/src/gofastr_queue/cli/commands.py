"""Groups of commands, and what becomes of their errors: one line on stderr and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from gofastr_queue.cli.redaction import redacted, secrets_of
from gofastr_queue.cli.texts import plain
from gofastr_queue.errors import BackendNotFound, InvalidOption, QueueError

NAME = "gofastr-queue"

DONE, FAILED, USAGE = 0, 1, 2


class Failed(click.ClickException):
    """What was asked for could not be done."""

    exit_code = FAILED


class Commands(click.Group):
    """A group whose expected errors are one line, without traceback and without passwords."""

    def run(self, arguments: Sequence[str] | None = None) -> int:
        """Run a command line and return its exit code."""
        given = list(sys.argv[1:] if arguments is None else arguments)
        try:
            code = super().main(given, NAME, standalone_mode=False)
        except (click.Abort, click.ClickException, QueueError) as error:
            code, message = _verdict(error)
            complain(message, given)
        return code if isinstance(code, int) else DONE

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; where none is given to a group that needs one, show its help."""
        if not args and self.no_args_is_help and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(USAGE)
        return super().parse_args(ctx, args)

    def main(self, args: Sequence[str] | None = None, *_: Any, **__: Any) -> NoReturn:
        """Run a command line and exit, as click's own groups do."""
        sys.exit(self.run(args))


def complain(message: str, arguments: Sequence[str] = ()) -> None:
    """Print an error on stderr as one line, without the passwords of any URL given."""
    click.echo(f"Error: {plain(without_passwords(message, arguments))}", err=True)


def without_passwords(text: str, arguments: Sequence[str] = ()) -> str:
    """Return ``text`` without the passwords of the URLs among ``arguments`` and of the default."""
    urls = [one for one in (*arguments, os.environ.get("GOFASTR_QUEUE_URL", "")) if "://" in one]
    return redacted(text, [secret for url in urls for secret in secrets_of(url)])


def _verdict(error: Exception) -> tuple[int, str]:
    """Return the exit code and the message of an expected error."""
    if isinstance(error, click.UsageError):
        message = " ".join(error.format_message().split())
        if error.ctx is not None:
            message = f"{message.rstrip('.')}. See: {error.ctx.command_path} --help"
        return USAGE, message
    if isinstance(error, click.ClickException):
        return error.exit_code, error.format_message()
    if isinstance(error, click.Abort):
        return FAILED, "interrupted"
    return USAGE if isinstance(error, InvalidOption | BackendNotFound) else FAILED, str(error)
