"""The transition table is whole: what the seed promises, and nothing that contradicts it."""

from __future__ import annotations

from gofastr_queue.lifecycle import GONE, TRANSITIONS, Event, Status


def reachable(start: Status | None) -> set[Status | None]:
    """Return every state that events lead to from ``start``."""
    found: set[Status | None] = {start}
    while True:
        more = {after for (before, _), after in TRANSITIONS.items() if before in found} - found
        if not more:
            return found
        found |= more


def test_every_status_is_reachable_and_every_job_can_leave() -> None:
    assert reachable(GONE) == {GONE, *Status}
    assert all(GONE in reachable(status) for status in Status)


def test_every_event_happens_somewhere() -> None:
    assert {event for _, event in TRANSITIONS} == set(Event)


def test_only_a_claim_leads_to_claimed_and_only_from_pending() -> None:
    into = {key for key, after in TRANSITIONS.items() if after is Status.CLAIMED}

    assert into == {(Status.PENDING, Event.CLAIM), (Status.CLAIMED, Event.EXTEND)}


def test_a_claimed_job_is_never_removed_but_by_its_ack() -> None:
    assert (Status.CLAIMED, Event.REMOVE) not in TRANSITIONS
    assert [event for (before, event), after in TRANSITIONS.items()
            if before is Status.CLAIMED and after is GONE] == [Event.ACK]  # fmt: skip


def test_replay_touches_failed_jobs_only() -> None:
    assert [before for before, event in TRANSITIONS if event is Event.REPLAY] == [Status.FAILED]


def test_statuses_are_the_words_users_write() -> None:
    assert [str(status) for status in Status] == ["pending", "claimed", "failed"]
