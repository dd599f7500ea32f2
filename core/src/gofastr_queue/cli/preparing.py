"""The command that makes a queue's schema, or prints it for another tool to make."""

from __future__ import annotations

import click

from gofastr_queue import schemas
from gofastr_queue.backends import redact
from gofastr_queue.cli import output
from gofastr_queue.cli.options import at_store, given_once, known_options, opened


@click.command()
@click.argument("store", metavar="[URL]", required=False)
@click.option("--print", "printed", is_flag=True, help="Print the SQL; connect to nothing.")
@at_store
def schema(store: str | None, printed: bool, url: str | None) -> None:
    """Make or upgrade the schema of the queue at URL, as opening it does.

    With --print, write the SQL of a new queue to stdout, for a migration tool of your own.
    """
    where = given_once(store, url)
    if printed:
        with known_options():
            click.echo(schemas.text(where), nl=False)
        return
    schemas.writer_for(where)
    opened(where).close()
    output.console().print(f"the schema of {redact(where)} is ready", soft_wrap=True)
