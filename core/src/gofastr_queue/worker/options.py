"""What a worker may be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from attrs import field, frozen

from gofastr_queue import limits
from gofastr_queue.errors import InvalidJob, InvalidOption

UNREGISTERED = ("drop", "leave")


@frozen
class Options:
    """A worker's options; every one is checked, raising ``InvalidOption``.

    ``workers`` threads run plain handlers of any lane; ``lanes`` adds threads that take only
    their lane.  ``concurrency`` bounds the ``async def`` handlers that run at a time.
    ``unregistered`` says what happens to types without a handler: ``"drop"`` acks them,
    ``"leave"`` never claims them.  ``gate(type)`` holds a type back while it returns False.
    ``poll`` is how often an idle worker looks although nothing woke it.
    """

    workers: int = 4
    lanes: Mapping[str, int] = field(factory=dict)
    concurrency: int = 100
    unregistered: str = "drop"
    handler_timeout: timedelta | None = None
    gate: Callable[[str], bool] | None = None
    poll: timedelta = timedelta(seconds=1)
    reclaim_interval: timedelta = timedelta(seconds=30)
    grace: timedelta = timedelta(seconds=30)

    def __attrs_post_init__(self) -> None:
        limits.count("workers", self.workers, least=0)
        limits.count("concurrency", self.concurrency)
        if not isinstance(self.lanes, Mapping):
            raise InvalidOption(f"lanes must map lanes to numbers of workers, got {self.lanes!r}")
        for lane, number in self.lanes.items():
            limits.count(f"workers of lane {lane!r}", number)
            try:
                limits.name("lane", lane)
            except InvalidJob as error:
                raise InvalidOption(f"{error}; the default lane has the shared workers") from None
        if self.workers == 0 and not self.lanes:
            raise InvalidOption("workers=0 needs lanes; give at least one worker")
        if self.unregistered not in UNREGISTERED:
            raise InvalidOption(
                f"unregistered must be 'drop' or 'leave', got {self.unregistered!r}"
            )
        if self.gate is not None and not callable(self.gate):
            raise InvalidOption(f"gate must be callable, got {self.gate!r}")
