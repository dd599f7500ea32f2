"""The commands that look: jobs, one job, counts."""

from __future__ import annotations

import json as json_text
from datetime import timedelta

import click
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gofastr_queue.cli import output
from gofastr_queue.cli.commands import Failed
from gofastr_queue.cli.options import as_json, at_store, in_lane, of_type, older_than, opened
from gofastr_queue.cli.texts import ago, number, plain
from gofastr_queue.job import Job, JobError, Page, Unreadable
from gofastr_queue.lifecycle import Status
from gofastr_queue.records import Count

STYLES = {Status.PENDING: "", Status.CLAIMED: "cyan", Status.FAILED: "red"}

BRIEF = 100
"""Characters of an error in a list; ``jobs show`` has all of it."""


@click.group(no_args_is_help=False)
def jobs() -> None:
    """Look at jobs."""


@jobs.command("list")
@click.option("--status", type=click.Choice([str(one) for one in Status]))
@of_type
@in_lane
@older_than
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@click.option("--before", default="", metavar="CURSOR", help="Go on where a page ended.")
@click.option("--all", "every", is_flag=True, help="Every page, not only the first.")
@at_store
@as_json
def list_jobs(
    status: str | None,
    type: str | None,
    lane: str | None,
    older_than: timedelta | None,
    limit: int,
    before: str,
    every: bool,
    url: str | None,
    json: bool,
) -> None:
    """List jobs, the latest enqueued or replayed first."""
    listed: list[Job] = []
    with opened(url) as queue:
        while True:
            page = queue.browse(
                status or "",
                limit,
                type=type,
                lane=lane,
                older_than=older_than,
                before=before,
            )
            listed += page.jobs
            before = page.next
            if not every or not before:
                break
    if json:
        output.emit({"jobs": listed, "next": before})
    else:
        _print_list(Page(tuple(listed), before))


@jobs.command("show")
@click.argument("id", metavar="ID")
@at_store
@as_json
def show_job(id: str, url: str | None, json: bool) -> None:
    """Show one job with its payload and the errors of its attempts."""
    with opened(url) as queue:
        job = queue.get(id)
    if job is None:
        raise Failed(f"no job {id!r}: it was acked, purged, cancelled, or never enqueued")
    if json:
        output.emit(job)
    else:
        output.console().print(_details(job))


@click.command()
@at_store
@as_json
def stats(url: str | None, json: bool) -> None:
    """Count jobs by status, lane and type, exactly."""
    with opened(url) as queue:
        counts = queue.counts()
    counts.sort(key=lambda count: (count.lane, count.type, count.status))
    totals = {str(status): 0 for status in Status}
    for count in counts:
        totals[count.status] += count.count
    if json:
        output.emit({"totals": totals, "counts": counts})
    else:
        _print_counts(totals, counts)


def _print_list(page: Page) -> None:
    console = output.console()
    if not page.jobs:
        console.print("no jobs")
        return
    shown = output.table("id", "type", "lane", "status", "#attempts", "#priority", "when", "error")
    for job in page.jobs:
        error = f"{job.errors[-1].kind}: {job.errors[-1].message}"[:BRIEF] if job.errors else ""
        fields = (job.id, job.type, job.lane, job.status, f"{job.attempts}/{job.max_attempts}")
        output.add_row(shown, (*fields, str(job.priority), _when(job), error), STYLES[job.status])
    console.print(shown)
    if page.next:
        console.print(f"\nmore: --before {plain(page.next)}", soft_wrap=True)


def _print_counts(totals: dict[str, int], counts: list[Count]) -> None:
    console = output.console()
    console.print("   ".join(f"{number(count)} {status}" for status, count in totals.items()))
    if not counts:
        return
    shown = output.table("lane", "type", "status", "#count", "oldest")
    for count in counts:
        lane = count.lane or "(default)"
        row = (lane, count.type, str(count.status), number(count.count), ago(count.oldest))
        output.add_row(shown, row, STYLES[count.status])
    console.print()
    console.print(shown)


def _when(job: Job) -> str:
    if job.status is Status.CLAIMED and job.lease_until is not None:
        return f"leased, ends {ago(job.lease_until)}"
    if job.status is Status.FAILED and job.errors:
        return f"failed {ago(job.errors[-1].at)}"
    return f"due {ago(job.scheduled_at)}"


def _details(job: Job) -> RenderableType:
    fields = Table.grid(padding=(0, 2))
    for name, value in (
        ("id", job.id),
        ("type", job.type),
        ("lane", job.lane or "(default)"),
        ("status", str(job.status)),
        ("attempts", f"{job.attempts} of {job.max_attempts}"),
        ("priority", str(job.priority)),
        ("created", _moment(job, "created_at")),
        ("scheduled", _moment(job, "scheduled_at")),
        ("worker", job.worker),
        ("leased until", _moment(job, "lease_until")),
        *((f"header {name}", value) for name, value in job.headers.items()),
    ):
        if value:
            fields.add_row(Text(plain(name), "bold"), Text(plain(value)))
    parts: list[RenderableType] = [Panel(fields, title="job", title_align="left")]
    parts.append(Panel(Text(_payload(job.payload)), title="payload", title_align="left"))
    parts.extend(_attempt(error) for error in job.errors)
    return Group(*parts)


def _moment(job: Job, name: str) -> str:
    moment = getattr(job, name)
    return f"{moment.isoformat(' ', 'seconds')} ({ago(moment)})" if moment else ""


def _payload(payload: object) -> str:
    if isinstance(payload, Unreadable):
        return f"unreadable: {plain(payload.reason)}\n{plain(payload.text)}"
    lines = json_text.dumps(payload, indent=2, ensure_ascii=False).splitlines()
    return "\n".join(plain(line) for line in lines)


def _attempt(error: JobError) -> Panel:
    lines = [f"{error.kind}: {error.message}", "", *error.traceback.splitlines()]
    title = f"attempt {error.attempt}, {error.at.isoformat(' ', 'seconds')}"
    text = Text("\n".join(plain(line) for line in lines).rstrip())
    return Panel(text, title=title, title_align="left", border_style="red")
