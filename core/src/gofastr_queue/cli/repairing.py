"""The commands that put things right: replay, cancel, purge."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import click

from gofastr_queue.cli import output
from gofastr_queue.cli.commands import Failed
from gofastr_queue.cli.options import as_json, at_store, in_lane, of_type, older_than, opened
from gofastr_queue.cli.texts import number, plain


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every failed job that the filters leave.")
@of_type
@in_lane
@older_than
@at_store
@as_json
def replay(
    ids: tuple[str, ...],
    every: bool,
    type: str | None,
    lane: str | None,
    older_than: timedelta | None,
    url: str | None,
    json: bool,
) -> None:
    """Make failed jobs pending again: attempts start anew, errors are kept."""
    filtered = type is not None or lane is not None or older_than is not None
    if bool(ids) == every:
        raise click.UsageError("name the jobs to replay, or give --all")
    if ids and filtered:
        raise click.UsageError("--type, --lane and --older-than go with --all, not with ids")
    with opened(url) as queue:
        if ids:
            _one_by_one("replayed", "not failed", ids, queue.replay, json)
            return
        count = queue.replay_many(type=type, lane=lane, older_than=older_than)
    _counted("replayed", count, "no failed job", json)


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@at_store
@as_json
def cancel(ids: tuple[str, ...], url: str | None, json: bool) -> None:
    """Remove pending or failed jobs."""
    with opened(url) as queue:
        _one_by_one("cancelled", "not pending or failed", ids, queue.cancel, json)


@click.command()
@click.argument("status", type=click.Choice(["pending", "failed"]))
@of_type
@in_lane
@older_than
@click.option("--limit", type=click.IntRange(1), help="At most so many, earliest enqueued first.")
@click.option("--yes", is_flag=True, help="Do it: purged jobs are gone for good.")
@at_store
@as_json
def purge(
    status: str,
    type: str | None,
    lane: str | None,
    older_than: timedelta | None,
    limit: int | None,
    yes: bool,
    url: str | None,
    json: bool,
) -> None:
    """Remove every job in a STATUS, as far as the filters leave any."""
    if not yes:
        raise click.UsageError("purged jobs are gone for good: add --yes to do it")
    with opened(url) as queue:
        count = queue.purge(status, type=type, lane=lane, older_than=older_than, limit=limit)
    _counted("purged", count, f"no {status} job", json)


def _one_by_one(
    done: str, why_not: str, ids: tuple[str, ...], act: Callable[[str], bool], json: bool
) -> None:
    """Act on each id, print which it was done to, and fail if any is left."""
    acted = [id for id in dict.fromkeys(ids) if act(id)]
    left = [id for id in dict.fromkeys(ids) if id not in acted]
    if json:
        output.emit({done: acted, f"not_{done}": left})
    else:
        for id in acted:
            output.console().print(f"{done} {plain(id)}", soft_wrap=True)
    if left:
        raise Failed(f"{why_not}: {', '.join(repr(id) for id in left)}; see: jobs show ID")


def _counted(done: str, count: int, none: str, json: bool) -> None:
    if json:
        output.emit({done: count})
    elif count:
        output.console().print(f"{done} {number(count)}")
    if not count:
        raise Failed(f"{none} fits: nothing {done}")
