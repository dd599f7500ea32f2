"""The command that says what stands against a queue's promises where its store runs."""

from __future__ import annotations

import click
from attrs import evolve

from gofastr_queue.cli import output
from gofastr_queue.cli.commands import Failed
from gofastr_queue.cli.options import as_json, at_store, given_once, opened
from gofastr_queue.cli.redaction import redacted, secrets_of
from gofastr_queue.records import Finding, Level

STYLES = {Level.OK: "", Level.NOTE: "cyan", Level.WARNING: "yellow", Level.BROKEN: "bold red"}


@click.command()
@click.argument("store", metavar="[URL]", required=False)
@at_store
@as_json
def doctor(store: str | None, url: str | None, json: bool) -> None:
    """Say what stands against the promises of the queue at URL, and what to do.

    Levels are ok, note, warning and broken: that a promise cannot hold there. The exit code is 1
    if anything is broken.
    """
    where = given_once(store, url)
    with opened(where) as queue:
        found = [_without(secrets_of(where), one) for one in queue.diagnose()]
    if json:
        output.emit(found)
    else:
        _print(found)
    broken = dict.fromkeys(one.subject for one in found if one.level is Level.BROKEN)
    if broken:
        raise Failed(f"not every promise can hold here: {', '.join(broken)}")


def _print(found: list[Finding]) -> None:
    shown = output.table("level", "subject", "finding", "remedy")
    for one in found:
        output.add_row(shown, (one.level, one.subject, one.text, one.remedy), STYLES[one.level])
    output.console().print(shown)


def _without(secrets: list[str], finding: Finding) -> Finding:
    """Return a finding without these passwords, whatever the backend put into it."""
    return evolve(
        finding,
        text=redacted(finding.text, secrets),
        remedy=redacted(finding.remedy, secrets),
    )
