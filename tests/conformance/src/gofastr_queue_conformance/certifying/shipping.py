"""The certificate that a distribution ships, and what a run of its own tests has shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from gofastr_queue.backends import factory_for
from gofastr_queue.calls import resolve
from gofastr_queue_conformance.certifying import certificate
from gofastr_queue_conformance.certifying.cases import Case
from gofastr_queue_conformance.certifying.certificate import Certificate, Subject
from gofastr_queue_conformance.certifying.collecting import KEY
from gofastr_queue_conformance.harness import Contract, Harness

WRITE = ("GOFASTR_CERTIFICATES", "write")
"""The variable, and its value, that has certificates written instead of checked."""


def check(owner: type[Contract], file: Path, harness: Harness, config: pytest.Config) -> None:
    """Fail unless ``file`` says what the cases of ``owner`` have shown so far, all of them.

    A run that leaves out cases shows nothing, and neither does one without the plugin
    ``gofastr_queue_conformance.certifying.collecting``.
    """
    collecting = config.stash.get(KEY, None)
    if collecting is None or collecting.incomplete:
        return
    made = _of(harness, collecting.cases[owner])
    if os.environ.get(WRITE[0]) == WRITE[1]:
        file.parent.mkdir(exist_ok=True)
        certificate.write(file, made)
    if not file.exists():
        pytest.fail(f"there is no {file.name}: run the tests with {'='.join(WRITE)}")
    shipped = certificate.read(file)
    if (shipped.verdicts, shipped.suite) != (made.verdicts, made.suite):
        pytest.fail(
            f"{file.name} is stale: run the tests with {'='.join(WRITE)}\n"
            f"shipped: {shipped.verdicts}\nshown: {made.verdicts}"
        )


def _of(harness: Harness, cases: Mapping[str, Case]) -> Certificate:
    calls = resolve(harness.open())
    calls.hooks.queue_close()
    point = factory_for(harness.url)
    return certificate.of(
        Subject(
            calls.name,
            point.name,
            point.dist.name if point.dist else "",
            point.dist.version if point.dist else "",
        ),
        calls.capabilities,
        cases,
        level="default" if harness.address is None else "faults",
        seed=int(os.environ.get("GOFASTR_SEED", "0")),
    )
