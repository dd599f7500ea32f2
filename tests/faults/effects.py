"""What handlers do: effects, written where no store and no fault reaches them."""

from __future__ import annotations

import time
from pathlib import Path

from attrs import frozen
from tests.faults import lines

from gofastr_queue import Claim

KIND = "effects"

BEGAN, DONE, CANCELLED = "began", "done", "cancelled"


@frozen
class Effect:
    """One run of a handler, by the monotonic clock in ns; ``done`` is None if it never ended.

    ``cancelled`` is when the handler saw that it was told to stop.
    """

    id: str
    token: str
    attempt: int
    began: int
    done: int | None = None
    cancelled: int | None = None
    process: str = ""


class Effects:
    """The effects of one process."""

    def __init__(self, folder: Path | None) -> None:
        self._lines = lines.Lines(folder, KIND)

    def write(self, what: str, claim: Claim) -> None:
        """Write that a handler began, was done, or learned that it is cancelled."""
        moment = time.monotonic_ns()
        self._lines.write(
            what=what, id=claim.job.id, token=claim.token, attempt=claim.job.attempts, at=moment
        )


def read(folder: Path, pid: int | None = None) -> list[Effect]:
    """Return every effect of one process, or of all, in the order in which they began."""
    found: list[Effect] = []
    for file in sorted(folder.glob(f"{KIND}-{'*' if pid is None else pid}-*")):
        runs: dict[tuple[str, str], dict[str, int]] = {}
        for line in lines.read(file):
            run = runs.setdefault((line["id"], line["token"]), {"attempt": line["attempt"]})
            run[line["what"]] = line["at"]
        found += [
            Effect(
                id,
                token,
                run["attempt"],
                run[BEGAN],
                run.get(DONE),
                run.get(CANCELLED),
                file.stem,
            )
            for (id, token), run in runs.items()
        ]
    return sorted(found, key=lambda effect: effect.began)
