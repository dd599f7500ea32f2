"""The commands on schedules: look at them, run one now, let them rest, remove them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click
from click.core import ParameterSource

from gofastr_queue.cli import output
from gofastr_queue.cli.commands import Failed
from gofastr_queue.cli.options import as_json, at_store, opened
from gofastr_queue.cli.texts import ago, plain
from gofastr_queue.cron import zone
from gofastr_queue.queue import Queue
from gofastr_queue.schedules import Schedule

LAST = 20
"""Occurrences shown unless more are asked for."""


@click.group(no_args_is_help=False, invoke_without_command=True)
@at_store
@as_json
@click.pass_context
def schedules(context: click.Context, url: str | None, json: bool) -> None:
    """Look at schedules, and put them right; alone, list them.

    What an application registers it registers again at its next start, pauses are kept.
    """
    if context.invoked_subcommand is None:
        _list(url, json)
        return
    for name in ("url", "json"):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"write --{name} after {context.invoked_subcommand}")


@schedules.command("list")
@at_store
@as_json
def list_schedules(url: str | None, json: bool) -> None:
    """List schedules with their next fire: in UTC, on the clock of their zone, and here."""
    _list(url, json)


@schedules.command("show")
@click.argument("id", metavar="ID")
@click.option("--last", type=click.IntRange(0), default=LAST, show_default=True, metavar="N")
@at_store
@as_json
def show_schedule(id: str, last: int, url: str | None, json: bool) -> None:
    """Show a schedule and what became of its last N ticks."""
    with opened(url) as queue:
        found = queue.schedules(id, occurrences=last)
    if not found:
        raise _unknown(id)
    if json:
        output.emit(_document(found[0]))
        return
    console = output.console()
    console.print(_table(found))
    shown = output.table("tick", "fate")
    for one in found[0].occurrences:
        style = "" if one.fate == "enqueued" else "yellow"
        output.add_row(shown, (_written(one.at), one.fate), style)
    console.print()
    console.print(shown)


@schedules.command("run")
@click.argument("id", metavar="ID")
@at_store
@as_json
def run_schedule(id: str, url: str | None, json: bool) -> None:
    """Enqueue a schedule's job now, beside its ticks."""
    with opened(url) as queue:
        job = queue.run_schedule(id)
    if job is None:
        raise _unknown(id)
    if json:
        output.emit(job)
    else:
        output.console().print(f"enqueued {plain(job.id)}", soft_wrap=True)


@schedules.command("pause")
@click.argument("id", metavar="ID")
@at_store
@as_json
def pause_schedule(id: str, url: str | None, json: bool) -> None:
    """Let a schedule rest until it is resumed."""
    _change("paused", id, url, json, Queue.pause_schedule)


@schedules.command("resume")
@click.argument("id", metavar="ID")
@at_store
@as_json
def resume_schedule(id: str, url: str | None, json: bool) -> None:
    """End a pause; the ticks in it are left out."""
    _change("resumed", id, url, json, Queue.resume_schedule)


@schedules.command("remove")
@click.argument("id", metavar="ID")
@at_store
@as_json
def remove_schedule(id: str, url: str | None, json: bool) -> None:
    """Forget a schedule and what became of its ticks; its jobs stay."""
    _change("removed", id, url, json, Queue.remove_schedule)


def _list(url: str | None, json: bool) -> None:
    with opened(url) as queue:
        found = queue.schedules()
    if json:
        output.emit({"schedules": [_document(one) for one in found]})
    elif found:
        output.console().print(_table(found))
    else:
        output.console().print("no schedules")


def _change(
    done: str, id: str, url: str | None, json: bool, act: Callable[[Queue, str], bool]
) -> None:
    with opened(url) as queue:
        acted = act(queue, id)
    if not acted:
        raise _unknown(id)
    if json:
        output.emit({done: id})
    else:
        output.console().print(f"{done} {plain(id)}", soft_wrap=True)


def _table(found: list[Schedule]) -> Any:
    shown = output.table("id", "when", "type", "lane", "next (UTC)", "in its zone", "here", "")
    for one in found:
        utc, local, here = _moments(one)
        texts = (_written(utc), _written(local), _written(here))
        style = "red" if one.problem else "yellow" if one.paused else ""
        state = one.problem or ("paused" if one.paused else ago(one.next_fire))
        output.add_row(shown, (one.id, one.when, one.type, one.lane, *texts, state), style)
    return shown


def _moments(one: Schedule) -> tuple[datetime | None, datetime | None, datetime | None]:
    """Return the next fire in UTC, on the clock of its zone, and on this machine's."""
    next_fire = one.next_fire
    if next_fire is None:
        return None, None, None
    return next_fire.astimezone(UTC), next_fire.astimezone(zone(one.tz)), next_fire.astimezone()


def _document(one: Schedule) -> dict[str, Any]:
    utc, local, here = _moments(one)
    return {
        "id": one.id,
        "when": one.when,
        "tz": one.tz,
        "type": one.type,
        "payload": one.payload,
        "lane": one.lane,
        "priority": one.priority,
        "max_attempts": one.max_attempts,
        "catch_up": one.catch_up,
        "overlap": one.overlap,
        "paused": one.paused,
        "next_fire": utc,
        "next_fire_in_its_zone": local,
        "next_fire_here": here,
        "occurrences": one.occurrences,
        "problem": one.problem,
    }


def _written(moment: datetime | None) -> str:
    if moment is None:
        return ""
    return moment.isoformat(" ", "milliseconds" if moment.microsecond else "seconds")


def _unknown(id: str) -> Failed:
    return Failed(f"no schedule {id!r}; see: schedules list")
