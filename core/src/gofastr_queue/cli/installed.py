"""The command that lists which stores this installation can use."""

from __future__ import annotations

import click

from gofastr_queue import backends as registry
from gofastr_queue.cli import certificates, output
from gofastr_queue.cli.options import as_json


@click.command()
@as_json
def backends(json: bool) -> None:
    """List the installed backends; none of them is imported."""
    found = [
        {
            "scheme": scheme,
            "distribution": point.dist.name if point.dist else "",
            "version": point.dist.version if point.dist else "",
            "certificate": certificates.summary(
                certificates.shipped(point), point.dist.version if point.dist else ""
            ),
        }
        for scheme, points in sorted(registry.installed().items())
        for point in points
    ]
    if json:
        output.emit(found)
        return
    console = output.console()
    if not found:
        console.print("no backend is installed. Try: pip install 'gofastr-queue[sqlite]'")
        return
    shown = output.table("scheme", "distribution", "version", "certificate")
    for one in found:
        output.add_row(shown, (f"{one['scheme']}://", *list(one.values())[1:]))
    console.print(shown)
