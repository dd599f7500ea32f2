"""Certificates as tables: in Markdown, and lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gofastr_queue_conformance.certifying.certificate import Certificate
from gofastr_queue_conformance.certifying.verdicts import Proof, Verdict

MARKS = {Verdict.PROVEN: "proven", Verdict.REFUSED: "refused"}


def rows(certificate: Certificate) -> Iterator[tuple[str, str, Proof]]:
    """Yield kind, name and proof: topics first, which every backend must have."""
    for topic, proof in certificate.topics.items():
        yield "topic", topic, proof
    for capability, proof in certificate.capabilities.items():
        yield "capability", capability, proof


def markdown(certificates: Sequence[Certificate]) -> str:
    """Return one table of several certificates, a column each."""
    heads = [one.backend.name for one in certificates]
    lines = [f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    names = dict.fromkeys(name for one in certificates for _, name, _ in rows(one))
    for name in names:
        cells = [_cell(one.topics | one.capabilities, name) for one in certificates]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _cell(proofs: dict[str, Proof], name: str) -> str:
    proof = proofs.get(name)
    if proof is None:
        return ""
    mark = MARKS.get(proof.verdict, f"**{proof.verdict}**")
    return f"{mark} ({proof.cases})" if proof.verdict is Verdict.PROVEN else mark
