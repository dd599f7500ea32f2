"""Redraw what the pages derive: a diagram and bounds from the code, tables from certificates.

    python -m docs.draw [--check]

With ``--check`` nothing is written, and a stale page is an error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from docs import bounds

from gofastr_queue.lifecycle import TRANSITIONS
from gofastr_queue_conformance.certifying import certificate, tables
from gofastr_queue_conformance.certifying.certificate import Certificate
from gofastr_queue_conformance.certifying.verdicts import Verdict

DOCS = Path(__file__).parent
ROOT = DOCS.parent
STORES = {
    "memory": "plugins/memory/src/gofastr_queue_memory",
    "SQLite": "plugins/sql/src/gofastr_queue_sql",
    "PostgreSQL": "plugins/sql/src/gofastr_queue_sql",
    "Redis": "plugins/redis/src/gofastr_queue_redis",
}
END = "<!-- end of drawing -->\n"

PROMISES = {
    "jobs are stored as they were given, once for each id": ("storing", "carrying"),
    "priority, lanes, delay, first in first out": ("claiming", "ordering", "priority"),
    "fenced ack, nack, extend, release": ("fencing", "extending"),
    "leases: what a crashed worker had comes back": ("reclaiming",),
    "every status listed and counted, exactly": ("browsing", "browse"),
    "dead letters, replay, purge, cancel": ("replaying", "replay"),
    "many jobs enqueued all or none": ("atomic bulk",),
    "built-in workers": ("working",),
    "recurring jobs, fired once per tick however many schedulers run": ("scheduling", "schedule"),
    "idle workers are woken": ("wake",),
    "jobs survive the end of every process": ("durable",),
    "processes share one queue, killed and stopped ones too": ("crashing", "multi-process"),
    "a lost reply neither loses a job nor doubles it": ("lost replies",),
    "enqueue inside your own transaction": ("transactional",),
    "the store's clock decides": ("server clock",),
    "says what stands against its promises (doctor)": ("diagnose",),
}
"""What README promises, and the topics and capabilities that prove it."""


def certificates() -> dict[str, Certificate]:
    """Read what our own distributions ship."""
    return {
        name: certificate.read(ROOT / folder / "certificates" / f"{name.lower()}.json")
        for name, folder in STORES.items()
    }


def diagram() -> str:
    """Return the transition table as a Mermaid state diagram."""
    lines = ["```mermaid", "stateDiagram-v2"]
    for (state, event), following in TRANSITIONS.items():
        lines.append(f"    {state or '[*]'} --> {following or '[*]'}: {event}")
    return "\n".join([*lines, "```", ""])


def promises() -> str:
    """Return README's table: what is proven by how many cases."""
    made = certificates()
    lines = [f"| | {' | '.join(made)} |", "|---" * (len(made) + 1) + "|"]
    for promise, names in PROMISES.items():
        cells = " | ".join(_cell(one, names) for one in made.values())
        lines.append(f"| {promise} | {cells} |")
    return "\n".join([*lines, ""])


def proofs() -> str:
    """Return every verdict."""
    return tables.markdown(list(certificates().values()))


DRAWN: tuple[tuple[Path, str, Callable[[], str]], ...] = (
    (DOCS / "lifecycle.md", "<!-- drawn from TRANSITIONS -->\n", diagram),
    (ROOT / "README.md", "<!-- drawn from certificates -->\n", promises),
    (DOCS / "security.md", "<!-- drawn from the bounds -->\n", bounds.table),
    (DOCS / "certificates.md", "<!-- drawn from certificates -->\n", proofs),
)


def drawn(page: str, begin: str, drawing: str) -> str:
    """Return the page with a fresh drawing."""
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(END)
    return f"{before}{begin}{drawing}{END}{after}"


def main() -> int:
    """Write the pages, or check them."""
    stale = []
    for file, begin, draw in DRAWN:
        page = file.read_text("utf-8")
        fresh = drawn(page, begin, draw())
        if fresh != page:
            stale.append(file.name)
            if "--check" not in sys.argv:
                file.write_text(fresh, "utf-8")
    if stale and "--check" in sys.argv:
        print(f"{', '.join(stale)} is stale: run make docs", file=sys.stderr)
        return 1
    return 0


def _cell(made: Certificate, names: tuple[str, ...]) -> str:
    found = [proof for name in names if (proof := (made.topics | made.capabilities).get(name))]
    verdicts = {proof.verdict for proof in found}
    if not found or Verdict.REFUSED in verdicts:
        return "no"
    if verdicts == {Verdict.PROVEN}:
        return f"yes ({found[0].cases})"
    return "**not proven**"


if __name__ == "__main__":
    sys.exit(main())
