"""What the cases prove of each topic and each capability."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum

from attrs import frozen

from gofastr_queue.capabilities import Capability
from gofastr_queue_conformance.certifying.cases import Case

REFUSING = "refusing"
"""The topic whose cases prove refusals, and no capability."""


class Verdict(StrEnum):
    """What is known of a capability."""

    PROVEN = "proven"
    """Offered; at least one case needed it, and all of those passed."""
    REFUTED = "refuted"
    """Offered; a case that needed it failed."""
    REFUSED = "refused"
    """Not offered, and every call that needs it is refused by name."""
    SILENT = "silent"
    """Not offered, yet a call that needs it did something."""
    UNPROVEN = "unproven"
    """No case has shown anything: a case that does not run is no proof."""


GOOD = frozenset({Verdict.PROVEN, Verdict.REFUSED})


@frozen
class Proof:
    """A verdict and the number of cases behind it."""

    verdict: Verdict
    cases: int


def of_capability(capability: Capability, cases: Iterable[Case], *, offered: bool) -> Proof:
    """Judge a capability."""
    if offered:
        needing = [one for one in cases if _needs(one, capability)]
        return _judged(needing, Verdict.PROVEN, Verdict.REFUTED)
    about = [one for one in cases if one.about is capability]
    return _judged(about, Verdict.REFUSED, Verdict.SILENT)


def of_topics(cases: Iterable[Case]) -> dict[str, Proof]:
    """Judge each topic, in the order in which they ran, by those cases that show something."""
    topics: dict[str, list[Case]] = {}
    for one in cases:
        if not one.asked.pointless:
            topics.setdefault(one.topic, []).append(one)
    return {topic: _of_topic(ones) for topic, ones in topics.items()}


def _needs(case: Case, capability: Capability) -> bool:
    return capability in case.asked.capabilities and case.topic != REFUSING and _tells(case)


def _tells(case: Case) -> bool:
    """Tell whether a case shows something: it ends early where what it needs is not offered."""
    return bool(case.failure) or case.topic == REFUSING or not case.asked.lacking()


def _of_topic(cases: Collection[Case]) -> Proof:
    """Judge a topic; where all of it needs what is not offered, it is refused."""
    telling = [one for one in cases if _tells(one)]
    if not telling:
        return Proof(Verdict.REFUSED, 0)
    return _judged(telling, Verdict.PROVEN, Verdict.REFUTED)


def _judged(cases: Collection[Case], passed: Verdict, failed: Verdict) -> Proof:
    if not cases:
        return Proof(Verdict.UNPROVEN, 0)
    return Proof(failed if any(one.failure for one in cases) else passed, len(cases))
