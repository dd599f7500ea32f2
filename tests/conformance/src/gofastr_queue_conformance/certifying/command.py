"""The command ``gofastr-queue certify``."""

from __future__ import annotations

import random
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from gofastr_queue.backends import redact
from gofastr_queue.cli import output
from gofastr_queue.cli.commands import Failed
from gofastr_queue.cli.options import at_store, given_once
from gofastr_queue.cli.texts import plain
from gofastr_queue.errors import InvalidOption
from gofastr_queue_conformance.certifying import certificate, running, tables
from gofastr_queue_conformance.certifying.certificate import Certificate
from gofastr_queue_conformance.certifying.store import Store
from gofastr_queue_conformance.certifying.verdicts import GOOD

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("store", metavar="[URL]", required=False)
@click.option("--json", "document", type=FILE, help="Write the certificate here.")
@click.option("--markdown", type=FILE, help="Write the table here.")
@click.option(
    "--baseline",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An earlier certificate: what it proves must still be proven.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Repeat the random choices of a run.")
@click.option("--faults", "level", flag_value=running.FAULTS, help="Lose replies too (minutes).")
@click.option("--stress", "level", flag_value=running.STRESS, help="Faults, and many more lives.")
@at_store
def certify(
    store: str | None,
    document: Path | None,
    markdown: Path | None,
    baseline: Path | None,
    seed: int | None,
    level: str | None,
    url: str | None,
) -> None:
    """Prove what the backend at URL promises, and print a verdict for each promise.

    The store must be empty, and what is put into it is removed. Where the URL holds {}, each case
    gets a store of its own: a backend needs that if it cannot purge.
    """
    where = given_once(store, url)
    chosen = level or running.DEFAULT
    number = random.SystemRandom().randrange(2**32) if seed is None else seed
    before = None if baseline is None else _read(baseline)
    examined = Store(where)
    subject, offered = examined.subject()
    examined.check()
    console = output.console()
    console.print(f"{subject.scheme}:// at {redact(where)}, level {chosen}, seed {number}")
    with Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        console=output.console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task("", total=None)
        cases = running.run(
            examined,
            chosen,
            number,
            lambda name, done, total: progress.update(
                task, description=name, completed=done, total=total
            ),
        )
    made = certificate.of(subject, offered, cases, level=chosen, seed=number)
    _show(made)
    if document is not None:
        certificate.write(document, made)
    if markdown is not None:
        markdown.write_text(tables.markdown([made]), "utf-8")
    _judge(made, before)


def _show(made: Certificate) -> None:
    console = output.console()
    shown = output.table("promise", "verdict", "#cases")
    for kind, name, proof in tables.rows(made):
        style = "" if proof.verdict in GOOD else "red"
        label = name if kind == "topic" else f"capability: {name}"
        output.add_row(shown, (label, proof.verdict, str(proof.cases)), style)
    console.print(shown)
    for failure in made.failures:
        console.print(f"\n{plain(failure.case)}", style="bold")
        for line in failure.text.splitlines():
            console.print(f"  {plain(line)}", soft_wrap=True)
    total = made.passed + len(made.failures)
    console.print(f"{made.passed} of {total} cases passed in {made.seconds:.0f} s", soft_wrap=True)


def _judge(made: Certificate, before: Certificate | None) -> None:
    lost = [] if before is None else certificate.lost(before, made)
    if lost:
        raise Failed(f"no longer proven: {', '.join(lost)}")
    if not made.certified:
        proofs = made.topics | made.capabilities
        wrong = [name for name, proof in proofs.items() if proof.verdict not in GOOD]
        raise Failed(f"not certified: {', '.join(wrong)}")
    output.console().print(f"certified: {made.backend.name} keeps every promise that it makes")


def _read(file: Path) -> Certificate:
    try:
        return certificate.read(file)
    except ValueError as error:
        raise InvalidOption(str(error)) from None
