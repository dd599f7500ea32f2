"""Options that several commands share, and how their values are written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from gofastr_queue.queue import Queue

Function = TypeVar("Function", bound=Callable[..., Any])

UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}

_PART = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|[smhd])")


def duration(value: str) -> timedelta:
    """Read a span of time; a bare number is refused, because 7 may mean days."""
    text = value.strip().lower()
    if text == "0":
        return timedelta(0)
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise click.BadParameter(f"{value!r} is no duration; write 30s, 5m, 2h, 7d or 1h30m")
    try:
        return sum((float(number) * UNITS[unit] for number, unit in parts), timedelta(0))
    except OverflowError:
        raise click.BadParameter(f"{value!r} is too long") from None


def moment(value: str) -> datetime:
    """Read a point in time in ISO 8601, with its zone."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no time; write 2026-01-31T09:00Z") from None
    if found.tzinfo is None:
        raise click.BadParameter(f"{value!r} has no zone; add Z or +02:00")
    return found


def lane_workers(value: str) -> tuple[str, int]:
    """Read a lane and how many workers it has to itself, as ``high=2``."""
    lane, _, count = value.rpartition("=")
    if not lane or not re.fullmatch(r"[0-9]{1,6}", count) or int(count) == 0:
        raise click.BadParameter(f"{value!r} gives no lane its workers; write high=2")
    return lane, int(count)


as_json = click.option("--json", "json", is_flag=True, help="Print one JSON document.")

of_type = click.option("--type", metavar="TYPE", help="Only jobs of this type.")

in_lane = click.option(
    "--lane", metavar="LANE", help="Only jobs in this lane; '' is the default lane."
)

older_than = click.option(
    "--older-than", type=duration, metavar="DURATION", help="Only jobs enqueued before that."
)


def at_store(function: Function) -> Function:
    """Give a command the option ``--url``."""
    return click.option(
        "--url",
        envvar="GOFASTR_QUEUE_URL",
        show_envvar=True,
        metavar="URL",
        help="The queue's store, for instance sqlite:///jobs.db.",
    )(function)


def opened(url: str | None) -> Queue:
    """Open the queue that a command works on."""
    with known_options():
        return Queue.open(given(url))


def given(url: str | None) -> str:
    """Return the URL that a command needs."""
    if not url:
        raise click.UsageError(
            "no queue given: add --url sqlite:///jobs.db or set GOFASTR_QUEUE_URL"
        )
    return url


def given_once(store: str | None, url: str | None) -> str:
    """Return the URL of a command that takes it as argument ``store`` too."""
    named = click.get_current_context().get_parameter_source("url")
    if store is not None and named is ParameterSource.COMMANDLINE:
        raise click.UsageError("give the URL once: as argument or with --url")
    return given(url if store is None else store)


@contextmanager
def known_options() -> Iterator[None]:
    """Call it wrong usage if a URL has an option that its backend does not know."""
    try:
        yield
    except TypeError as error:
        raise click.UsageError(str(error)) from error
