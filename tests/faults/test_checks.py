"""The checker: it finds what is wrong in bad histories, and nothing in good ones."""

from __future__ import annotations

import pytest
from tests.faults.checks import CHECKS, check
from tests.faults.history import History, Op
from tests.faults.stories import (
    ack,
    claim,
    extend,
    lost_reply,
    lost_settlement,
    nack,
    put,
    ran,
    step,
    story,
)

DONE = (put("a", 0), claim("a", "t1", 1), ran("a", "t1", 1.1), ack("a", "t1", 2))
"""A job from its beginning to its end."""

AGAIN = (
    put("a", 0),
    claim("a", "t1", 1),
    claim("a", "t2", 12, attempt=2),
    ran("a", "t2", 12.1),
    ack("a", "t2", 13),
)
"""A job whose first claim was not settled, but taken over after its lease."""

GOOD = {
    "a job is done": story(*DONE),
    "a lease ran out": story(*AGAIN),
    "a late ack is refused": story(*AGAIN, ran("a", "t1", 1.1), ack("a", "t1", 14, value=False)),
    "a late ack counts while nobody took over": story(
        put("a", 0), claim("a", "t1", 1), ran("a", "t1", 1.1), ack("a", "t1", 30)
    ),
    "the reply of an enqueue was lost, and the job ran": story(
        lost_reply("put", 0, id="a"), *DONE[1:]
    ),
    "the reply of an enqueue was lost, and so was the job": story(lost_reply("put", 0, id="a")),
    "an enqueue was refused": story(put("a", 0, phase="fail")),
    "the reply of an ack was lost, and it had taken effect": story(
        *DONE[:3], lost_settlement("ack", "a", "t1", 2), ack("a", "t1", 3, value=False)
    ),
    "the reply of an ack was lost, and the job ran again": story(
        *AGAIN, ran("a", "t1", 1.1), lost_settlement("ack", "a", "t1", 2)
    ),
    "the reply of a claim was lost": story(
        put("a", 0),
        lost_reply("claims", 1),
        claim("a", "t2", 12, attempt=2),
        ran("a", "t2", 12.1),
        ack("a", "t2", 13),
    ),
    "a job is given back and claimed with the same attempt": story(
        put("a", 0),
        claim("a", "t1", 1),
        nack("a", "t1", 2, "give back"),
        claim("a", "t2", 3),
        ran("a", "t2", 3.1),
        ack("a", "t2", 4),
    ),
    "a job is given back, nobody knows whether": story(
        put("a", 0),
        claim("a", "t1", 1),
        lost_settlement("nack", "a", "t1", 2, "give back"),
        claim("a", "t2", 12, attempt=2),
        ran("a", "t2", 12.1),
        ack("a", "t2", 13),
    ),
    "a retry after its delay": story(
        put("a", 0),
        claim("a", "t1", 1),
        nack("a", "t1", 2, delay=5),
        claim("a", "t2", 7.1, attempt=2),
        ran("a", "t2", 7.2),
        ack("a", "t2", 8),
    ),
    "a job is dead": story(
        put("a", 0, max_attempts=1), claim("a", "t1", 1), nack("a", "t1", 2, "bury"), a="failed"
    ),
    "a dead job is replayed": story(
        put("a", 0, max_attempts=1),
        claim("a", "t1", 1),
        nack("a", "t1", 2, "bury"),
        step("replay", 3, id="a", value=True),
        claim("a", "t2", 4),
        ran("a", "t2", 4.1),
        ack("a", "t2", 5),
    ),
    "a renewed lease is not over": story(
        put("a", 0),
        claim("a", "t1", 1),
        extend("a", "t1", 9),
        ran("a", "t1", 1.1),
        ack("a", "t1", 18),
    ),
    "a better job came during the claim of another": story(
        put("a", 0),
        put("b", 0.9999, priority=5),
        claim("a", "t1", 1),
        claim("b", "t2", 2),
        ran("a", "t1", 3),
        ran("b", "t2", 3),
        ack("a", "t1", 4),
        ack("b", "t2", 4),
    ),
    "a better job was held by one who died": story(
        put("b", 0, priority=5),
        put("a", 0.1),
        lost_reply("claims", 0.9),
        claim("a", "t1", 1),
        claim("b", "t2", 2),
        ran("a", "t1", 3),
        ran("b", "t2", 3),
        ack("a", "t1", 4),
        ack("b", "t2", 4),
    ),
    "a job is cancelled": story(
        put("a", 0), step("purge", 1, id="a", value=True), step("stats", 2, value=0)
    ),
    "a count while a job is acked": story(
        *DONE,
        step("stats", 0.5, value=1),
        step("stats", 2.0005, value=1),
        step("stats", 3, value=0),
    ),
}

BAD: dict[str, tuple[str, History]] = {
    "an accepted job is nowhere": ("lost", story(put("a", 0))),
    "a claimed job is nowhere": ("lost", story(put("a", 0), claim("a", "t1", 1))),
    "a job is acked that was not done": (
        "lost",
        story(put("a", 0), claim("a", "t1", 1), ran("a", "t1", 1.1, done=False), ack("a", "t1", 2)),
    ),
    "a job that nobody enqueued": ("unexpected", story(*DONE[1:])),
    "a job of a refused enqueue": ("unexpected", story(put("a", 0, phase="fail"), *DONE[1:])),
    "a handler without a claim": ("unexpected", story(*DONE, ran("a", "t9", 3))),
    "a job waits at the end": ("left", story(*DONE, put("b", 0.1), b="pending")),
    "a job is acked by two": (
        "double ack",
        story(
            put("a", 0),
            claim("a", "t1", 1),
            claim("a", "t2", 12, attempt=2),
            ran("a", "t1", 1.1),
            ran("a", "t2", 12.1),
            ack("a", "t1", 12.0001),  # while the second claim is made, so it may have been first
            ack("a", "t2", 14),
        ),
    ),
    "an ack after another took over": (
        "stale",
        story(*AGAIN[:4], ran("a", "t1", 1.1), ack("a", "t1", 13)),
    ),
    "a nack after another took over": ("stale", story(*AGAIN, nack("a", "t1", 12.5))),
    "a renewal after another took over": ("stale", story(*AGAIN, extend("a", "t1", 12.5))),
    "a renewal after the ack": ("stale", story(*DONE, extend("a", "t1", 3))),
    "a refused ack removes the job": (
        "stale",
        story(*AGAIN[:4], ran("a", "t1", 1.1), ack("a", "t1", 13, value=False)),
    ),
    "an ack in time is refused": (
        "refused",
        story(*DONE[:3], ack("a", "t1", 2, value=False), a="failed"),
    ),
    "an ack is refused though the lease was renewed": (
        "refused",
        story(*DONE[:3], extend("a", "t1", 9), ack("a", "t1", 15, value=False), a="failed"),
    ),
    "two claims within one lease": (
        "overlap",
        story(
            put("a", 0),
            claim("a", "t1", 1),
            claim("a", "t2", 10, attempt=2),
            ran("a", "t2", 11),
            ack("a", "t2", 12),
        ),
    ),
    "two claims within a renewed lease": (
        "overlap",
        story(
            put("a", 0),
            claim("a", "t1", 1),
            extend("a", "t1", 9),
            claim("a", "t2", 18, attempt=2),
            ran("a", "t2", 18.1),
            ack("a", "t2", 19),
        ),
    ),
    "a refused nack gives the job to another": (
        "overlap",
        story(
            put("a", 0),
            claim("a", "t1", 1),
            claim("a", "t2", 12, attempt=2),
            nack("a", "t1", 13, value=False),
            claim("a", "t3", 14, attempt=3),
            ran("a", "t3", 14.1),
            ack("a", "t3", 15),
        ),
    ),
    "a claim before the job was due": (
        "early",
        story(
            put("a", 0, due=5_000_000),
            claim("a", "t1", 4.9),
            ran("a", "t1", 5),
            ack("a", "t1", 5),
        ),
    ),
    "a retry before its delay": (
        "early",
        story(
            put("a", 0),
            claim("a", "t1", 1),
            nack("a", "t1", 2, delay=5),
            claim("a", "t2", 6.9, attempt=2),
            ran("a", "t2", 7),
            ack("a", "t2", 7),
        ),
    ),
    "a first attempt that counts as the second": (
        "attempts",
        story(put("a", 0), claim("a", "t1", 1, attempt=2), ran("a", "t1", 1.1), ack("a", "t1", 2)),
    ),
    "an attempt that was not counted": (
        "attempts",
        story(
            put("a", 0),
            claim("a", "t1", 1),
            claim("a", "t2", 12),
            ran("a", "t2", 12.1),
            ack("a", "t2", 13),
        ),
    ),
    "more attempts than allowed": (
        "attempts",
        story(
            put("a", 0, max_attempts=1),
            claim("a", "t1", 1),
            claim("a", "t2", 12, attempt=2),
            ran("a", "t2", 12.1),
            ack("a", "t2", 13),
        ),
    ),
    "more attempts missing than claims unknown": (
        "attempts",
        story(
            put("a", 0),
            lost_reply("claims", 1),
            claim("a", "t3", 30, attempt=3),
            ran("a", "t3", 30.1),
            ack("a", "t3", 31),
        ),
    ),
    "a token of two jobs": (
        "token",
        story(
            put("a", 0),
            put("b", 0.1),
            claim("a", "t1", 1),
            claim("b", "t1", 1.0005),
            ran("a", "t1", 2),
            ran("b", "t1", 2),
            ack("a", "t1", 3),
            ack("b", "t1", 3.0005),
        ),
    ),
    "a later job first": (
        "order",
        story(
            put("b", 0),
            put("a", 0.1),
            claim("a", "t1", 1),
            claim("b", "t2", 2),
            ran("a", "t1", 3),
            ran("b", "t2", 3),
            ack("a", "t1", 4),
            ack("b", "t2", 4),
        ),
    ),
    "a lower priority first": (
        "order",
        story(
            put("a", 0),
            put("b", 0.1, priority=5),
            claim("a", "t1", 1),
            claim("b", "t2", 2),
            ran("a", "t1", 3),
            ran("b", "t2", 3),
            ack("a", "t1", 4),
            ack("b", "t2", 4),
        ),
    ),
    "a later job of one call first": (
        "order",
        story(
            put("b", 0, call=1_000_000, place=0),
            put("a", 0, call=1_000_000, place=1),
            claim("a", "t1", 1),
            claim("b", "t2", 2),
            ran("a", "t1", 3),
            ran("b", "t2", 3),
            ack("a", "t1", 4),
            ack("b", "t2", 4),
        ),
    ),
    "a count misses a job": ("conservation", story(*DONE, step("stats", 0.5, value=0))),
    "a count has a job that is gone": ("conservation", story(*DONE, step("stats", 3, value=1))),
}


@pytest.mark.parametrize("name", GOOD)
def test_nothing_is_found_in_a_good_history(name: str) -> None:
    assert check(GOOD[name]) == []


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_found_and_nothing_else(name: str) -> None:
    code, history = BAD[name]

    assert {violation.code for violation in check(history)} == {code}


def test_every_check_has_a_history_that_it_refuses() -> None:
    assert {code for code, _ in BAD.values()} == {one.__name__.replace("_", " ") for one in CHECKS}


def test_a_call_that_was_refused_did_not_happen_and_may_not_have() -> None:
    op = Op(op="ack", phase="fail", invoked=0, ended=1)

    assert (op.happened, op.may_have_happened) == (False, False)
