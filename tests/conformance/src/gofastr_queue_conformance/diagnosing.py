"""Diagnosing: a store says what stands against the promises where it runs, and changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import unquote, urlsplit

import pytest

from gofastr_queue import Capability, Queue
from gofastr_queue.records import Finding, Level
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.harness import Contract, Harness, everything, lacks

HOUR = timedelta(hours=1)


class DiagnosingContract(Contract):
    """Findings."""

    def test_a_finding_says_what_was_found_and_what_to_do(self, queue: Queue) -> None:
        if lacks(queue, Capability.DIAGNOSE):
            return
        found = queue.diagnose()

        assert found
        for one in found:
            assert isinstance(one, Finding)
            assert isinstance(one.level, Level)
            assert one.subject == one.subject.strip().lower() != ""
            assert one.text.strip()
            assert one.remedy.strip() or one.level is Level.OK, one

    def test_an_examination_changes_nothing(self, queue: Queue, other: Queue) -> None:
        if lacks(queue, Capability.DIAGNOSE):
            return
        queue.enqueue("mail", id="failed", max_attempts=1)
        queue.nack(queue.dequeue(), "for the record")
        queue.enqueue("mail", id="claimed")
        claim = queue.dequeue()
        queue.enqueue("mail", id="later", delay=HOUR)
        queue.enqueue("mail", id="ready")
        before = everything(queue)

        for _ in range(3):
            other.diagnose()
            queue.diagnose()

        assert everything(queue) == everything(other) == before
        assert queue.ack(claim)
        assert [one.job.id for one in queue.claim(9)] == ["ready"]

    def test_a_durable_store_says_how_durable_it_is(self, queue: Queue) -> None:
        if lacks(queue, Capability.DIAGNOSE, Capability.DURABLE):
            return
        assert _of(queue, "durability")

    @pytest.mark.parametrize("off", [HOUR, -HOUR], ids=["ahead", "behind"])
    def test_a_clock_that_differs_from_the_servers_is_told(
        self, harness: Harness, off: timedelta
    ) -> None:
        with Queue(harness.open(), clock=FakeClock(datetime.now(UTC) + off)) as queue:
            if lacks(queue, Capability.DIAGNOSE, Capability.SERVER_CLOCK):
                return
            found = _of(queue, "clock")

        assert found
        assert {one.level for one in found} != {Level.OK}

    def test_no_finding_holds_a_password(self, queue: Queue, harness: Harness) -> None:
        if lacks(queue, Capability.DIAGNOSE):
            return
        password = urlsplit(harness.url).password
        secrets = {password, unquote(password)} if password else set()

        for one in queue.diagnose():
            assert [secret for secret in secrets if secret in one.text + one.remedy] == []


def _of(queue: Queue, subject: str) -> list[Finding]:
    return [one for one in queue.diagnose() if one.subject == subject]
