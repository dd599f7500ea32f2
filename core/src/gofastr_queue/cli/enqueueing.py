"""The command that puts a job into a queue."""

from __future__ import annotations

import json as json_text
import sys
from datetime import datetime, timedelta
from typing import Any

import click

from gofastr_queue.cli import output
from gofastr_queue.cli.options import as_json, at_store, duration, moment, opened
from gofastr_queue.cli.texts import plain

LONGEST_INPUT = 16 * 1024 * 1024
"""Bytes read from stdin: far above any payload's limit, which core checks."""


@click.command()
@click.argument("type", metavar="TYPE")
@click.argument("payload", metavar="[PAYLOAD]", required=False)
@click.option("--id", default="", metavar="ID", help="The job's id; made if not given.")
@click.option("--lane", default="", metavar="LANE", help="The job's lane.")
@click.option("--priority", default=0, help="Higher is claimed first.")
@click.option("--delay", type=duration, metavar="DURATION", help="Not to be started before that.")
@click.option("--at", type=moment, metavar="TIME", help="Not to be started before this time.")
@click.option("--max-attempts", default=0, help="0 means 3.")
@click.option(
    "--on-conflict",
    type=click.Choice(["error", "ignore"]),
    default="error",
    show_default=True,
    help="What to do if the id is taken; ignore keeps the first job as it is.",
)
@at_store
@as_json
def enqueue(
    type: str,
    payload: str | None,
    id: str,
    lane: str,
    priority: int,
    delay: timedelta | None,
    at: datetime | None,
    max_attempts: int,
    on_conflict: str,
    url: str | None,
    json: bool,
) -> None:
    """Enqueue a job of TYPE.

    PAYLOAD is JSON, for instance '{"to": "user@example.com"}', or - to read it from stdin.
    """
    if delay is not None and at is not None:
        raise click.UsageError("--delay and --at exclude each other: give one of them")
    value = _payload(payload)
    with opened(url) as queue:
        job = queue.enqueue(
            type,
            value,
            id=id,
            lane=lane,
            priority=priority,
            delay=delay,
            scheduled_at=at,
            max_attempts=max_attempts,
            on_conflict=on_conflict,
        )
    if json:
        output.emit(job)
    else:
        output.console().print(f"enqueued {plain(job.id)}", soft_wrap=True)


def _payload(given: str | None) -> Any:
    """Read a payload; the text itself is not repeated in errors."""
    if given is None:
        return None
    text: str | bytes = given
    if given == "-":
        text = sys.stdin.buffer.read(LONGEST_INPUT + 1)
        if len(text) > LONGEST_INPUT:
            raise click.BadParameter(f"more than {LONGEST_INPUT} bytes on stdin")
    try:
        return json_text.loads(text)
    except RecursionError:
        raise click.BadParameter("the payload is nested too deep") from None
    except UnicodeDecodeError:
        raise click.BadParameter("the payload on stdin is no UTF-8") from None
    except ValueError as error:
        raise click.BadParameter(
            f"the payload is no JSON: {error}; a text needs quotes of its own: '\"text\"'"
        ) from None
