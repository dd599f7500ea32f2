"""A certificate: what the kit has proven of a backend, as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cattrs
from attrs import field, frozen

from gofastr_queue.capabilities import Capability
from gofastr_queue_conformance.certifying import verdicts
from gofastr_queue_conformance.certifying.cases import Case
from gofastr_queue_conformance.certifying.verdicts import GOOD, Proof, Verdict

FORM = 1
"""The form of the JSON; ``certificate.schema.json`` describes it."""

SUITE = 1
"""The kit's promises; it rises when a case that could refute a certified backend is added."""


@frozen
class Subject:
    """Which backend was examined."""

    name: str
    scheme: str
    distribution: str
    version: str


@frozen
class Failure:
    """A case that failed, and what it said."""

    case: str
    text: str


@frozen
class Certificate:
    """What the kit found out about a backend."""

    backend: Subject
    capabilities: dict[str, Proof]
    topics: dict[str, Proof]
    failures: list[Failure]
    passed: int
    level: str
    seed: int
    seconds: float
    form: int = FORM
    suite: int = SUITE
    kit: str = field(factory=lambda: version("gofastr-queue-conformance"))
    core: str = field(factory=lambda: version("gofastr-queue"))
    python: str = field(factory=platform.python_version)
    finished: str = field(factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def certified(self) -> bool:
        """Whether every promise is proven or refused by name."""
        proofs = [*self.capabilities.values(), *self.topics.values()]
        return not self.failures and all(proof.verdict in GOOD for proof in proofs)

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdicts alone, which are the same at each run."""
        proofs = self.topics | self.capabilities
        return {name: str(proof.verdict) for name, proof in proofs.items()}


def of(
    backend: Subject,
    offered: Collection[Capability],
    cases: Mapping[str, Case],
    *,
    level: str,
    seed: int,
) -> Certificate:
    """Judge the results of a run."""
    results = list(cases.values())
    return Certificate(
        backend,
        {
            str(one): verdicts.of_capability(one, results, offered=one in offered)
            for one in Capability
        },
        verdicts.of_topics(results),
        [Failure(one.name, one.failure) for one in results if one.failure],
        sum(not one.failure for one in results),
        level,
        seed,
        round(sum(one.seconds for one in results), 1),
    )


def lost(before: Certificate, now: Certificate) -> list[str]:
    """Return what was proven before and is not now."""
    return [
        name
        for name, verdict in before.verdicts.items()
        if verdict == Verdict.PROVEN and now.verdicts.get(name) != Verdict.PROVEN
    ]


def write(file: Path, certificate: Certificate) -> None:
    """Write a certificate."""
    document: dict[str, Any] = cattrs.unstructure(certificate)
    document["certified"] = certificate.certified
    file.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def read(file: Path) -> Certificate:
    """Read a certificate; raise ``ValueError`` for a file that is none, or of a later form."""
    try:
        document = json.loads(file.read_text("utf-8"))
        form = document["form"]
        if form != FORM:
            raise ValueError(f"{file.name} has form {form!r}, this kit reads form {FORM}")
        return cattrs.structure(document, Certificate)
    except (KeyError, TypeError, cattrs.BaseValidationError, json.JSONDecodeError) as error:
        raise ValueError(f"{file.name} is no certificate: {error!r}") from None
