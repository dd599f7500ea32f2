"""Redraw what the docs derive from code: the diagram in ``lifecycle.md``.

    python docs/draw.py [--check]

With ``--check`` nothing is written, and a stale page is an error.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gofastr_queue.lifecycle import TRANSITIONS

PAGE = Path(__file__).with_name("lifecycle.md")
BEGIN, END = "<!-- drawn from TRANSITIONS -->\n", "<!-- end of drawing -->\n"


def diagram() -> str:
    """Return the transition table as a Mermaid state diagram."""
    lines = ["```mermaid", "stateDiagram-v2"]
    for (state, event), following in TRANSITIONS.items():
        lines.append(f"    {state or '[*]'} --> {following or '[*]'}: {event}")
    return "\n".join([*lines, "```", ""])


def drawn(page: str) -> str:
    """Return the page with a fresh drawing."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{diagram()}{END}{after}"


def main() -> int:
    """Write the page, or check it."""
    page = PAGE.read_text("utf-8")
    fresh = drawn(page)
    if "--check" not in sys.argv:
        PAGE.write_text(fresh, "utf-8")
    elif fresh != page:
        print(f"{PAGE.name} is stale: run make docs", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
