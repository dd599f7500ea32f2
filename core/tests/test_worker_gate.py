"""A gate that opens at a bad moment: between what one pool asks for and what another one sees."""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import Any

from core.tests.watched import until

from gofastr_queue import Queue, hookimpl
from gofastr_queue.records import Want

POLL = 20
SOON = 3
"""Seconds, far less than the poll interval: a gate is asked four times a second."""


class Slow:
    """Opens the gate while a pool claims without the closed type, and lets others see it first."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.seen = threading.Event()
        self._claiming = ""

    def gate(self, type: str) -> bool:
        if self.opened.is_set() and threading.current_thread().name != self._claiming:
            self.seen.set()
        return type != "closed" or self.opened.is_set()

    @hookimpl(wrapper=True)
    def queue_claim(self, want: Want) -> Generator[None, Any, Any]:
        self._open_while(want)
        return (yield)

    @hookimpl(wrapper=True)
    def queue_turn(self, want: Want) -> Generator[None, Any, Any]:
        self._open_while(want)
        return (yield)

    def _open_while(self, want: Want) -> None:
        if not self.opened.is_set() and "closed" in (want.not_types or ()):
            self._claiming = threading.current_thread().name
            self.opened.set()
            assert self.seen.wait(10)


def test_a_type_that_opens_during_a_claim_is_claimed_soon() -> None:
    slow, ran = Slow(), threading.Event()
    with Queue.open("memory://gate", plugins=[slow]) as queue:
        queue.register_handler("closed", ran.set)
        queue.register_handler("open", lambda: None)
        queue.enqueue("closed")
        queue.start(1, gate=slow.gate, poll=POLL)

        until(ran.is_set, SOON)

    assert slow.seen.is_set()
