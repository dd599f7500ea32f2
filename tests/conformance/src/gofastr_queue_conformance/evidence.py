"""What a case has asked of a backend, so that its result counts as proof of that and no more."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import Factory, define

from gofastr_queue.capabilities import Capability


@define
class Asked:
    """What the running case needs, and whether each is offered.

    ``pointless`` is whether it can show nothing here, for instance faults of a server where there
    is none.
    """

    capabilities: dict[Capability, bool] = Factory(dict)
    pointless: bool = False

    def __or__(self, other: Asked) -> Asked:
        """Return what both have asked."""
        return Asked({**self.capabilities, **other.capabilities}, self.pointless or other.pointless)

    def lacking(self) -> bool:
        """Tell whether something was needed that is not offered."""
        return not all(self.capabilities.values())


_asked = Asked()


def ask(needed: Mapping[Capability, bool]) -> None:
    """Note which capabilities the running case needs, and whether each is offered."""
    _asked.capabilities.update(needed)


def show_nothing() -> None:
    """Note that the running case is pointless."""
    _asked.pointless = True


def take() -> Asked:
    """Return what was asked since the last time, and forget it."""
    taken = Asked(dict(_asked.capabilities), _asked.pointless)
    _asked.capabilities.clear()
    _asked.pointless = False
    return taken
