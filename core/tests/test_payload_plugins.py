"""Payload plugins: a chain out, the same chain back, and what cannot be read is buried."""

from __future__ import annotations

import base64
import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gofastr_queue import (
    Claim,
    DuplicateJob,
    InvalidPlugin,
    Queue,
    QueueError,
    Unreadable,
    hookimpl,
)


class Rot13:
    """A toy cipher that says in a header what it has done."""

    @hookimpl
    def payload_out(self, text: str, headers: dict[str, str]) -> str:
        headers["cipher"] = "rot13"
        return codecs.encode(text, "rot13")

    @hookimpl
    def payload_in(self, text: str, headers: dict[str, str]) -> str:
        return codecs.decode(text, "rot13") if headers.get("cipher") == "rot13" else text


class Base64:
    """A codec with fewer arguments than the specification has."""

    @hookimpl
    def payload_out(self, text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    @hookimpl
    def payload_in(self, text: str) -> str:
        return base64.b64decode(text, validate=True).decode()


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A store that two queues can open at a time."""
    if request.param == "memory":
        with Queue.open("memory://payload-plugins"):  # keeps the store between the queues
            yield "memory://payload-plugins"
    else:
        yield f"sqlite:///{tmp_path}/jobs.db"


def stored(url: str, id: str) -> Any:
    """Return a stored payload as somebody without the plugins sees it."""
    with Queue.open(url) as plain:
        job = plain.get(id)
        assert job is not None
        return job.payload


PAYLOAD = {"to": "user@example.com", "text": "Grüße 🙂"}


def test_a_chain_goes_out_in_order_and_comes_back_reversed(url: str) -> None:
    with Queue.open(url, plugins=[Rot13(), Base64()]) as queue:
        job = queue.enqueue("mail", PAYLOAD)

        claim = queue.dequeue()

    assert job.payload == claim.job.payload == PAYLOAD
    assert claim.job.headers == {"cipher": "rot13"}


def test_what_is_stored_is_what_the_last_plugin_made(url: str) -> None:
    with Queue.open(url, plugins=[Rot13(), Base64()]) as queue:
        job = queue.enqueue("mail", "hello")

    raw = stored(url, job.id)

    assert isinstance(raw, Unreadable)
    assert codecs.decode(base64.b64decode(raw.text).decode(), "rot13") == '"hello"'


def test_jobs_of_before_a_plugin_can_be_told_by_their_headers(url: str) -> None:
    with Queue.open(url) as plain:
        plain.enqueue("mail", "old")
    with Queue.open(url, plugins=[Rot13()]) as queue:
        queue.enqueue("mail", "new")

        assert [claim.job.payload for claim in queue.claim(2)] == ["old", "new"]


def test_a_job_that_its_plugin_cannot_read_is_buried_with_the_reason(url: str) -> None:
    with Queue.open(url) as plain:
        bad = plain.enqueue("mail", "no base64 at all!").id
    with Queue.open(url, plugins=[Base64()]) as queue:
        good = queue.enqueue("mail", "fine").id

        claims = queue.claim(2)

        assert [claim.job.id for claim in claims] == [good]
        (dead,) = queue.list_jobs("failed")
        assert dead.id == bad
        assert [(error.kind, error.attempt) for error in dead.errors] == [("CorruptJob", 1)]
        assert isinstance(dead.payload, Unreadable)


def test_an_unreadable_job_at_the_head_does_not_hide_the_next_one(url: str) -> None:
    with Queue.open(url) as plain:
        plain.enqueue("mail", "no base64 at all!")
    with Queue.open(url, plugins=[Base64()]) as queue:
        good = queue.enqueue("mail", "fine").id

        assert queue.dequeue().job.id == good


def test_a_replayed_job_is_read_again(url: str) -> None:
    with Queue.open(url) as plain:
        plain.enqueue("mail", "plain", id="1")
    with Queue.open(url, plugins=[Base64()]) as queue:
        assert queue.claim(1) == []
        assert queue.replay("1")
    with Queue.open(url) as plain:
        claim: Claim = plain.dequeue()

    assert (claim.job.payload, claim.job.attempts) == ("plain", 1)


@pytest.mark.parametrize("made", [None, b"bytes", 5, {"a": 1}])
def test_a_plugin_that_makes_no_text_is_an_error_of_the_plugin(url: str, made: Any) -> None:
    class Wrong:
        @hookimpl
        def payload_out(self) -> Any:
            return made

    with Queue.open(url, plugins=[Wrong()]) as queue:
        with pytest.raises(QueueError, match=r"payload plugin|payload_out") as caught:
            queue.enqueue("mail")

        assert not isinstance(caught.value, DuplicateJob)
        assert queue.stats()["pending"] == 0


def test_a_plugin_that_raises_while_encoding_stores_nothing(url: str) -> None:
    class Broken:
        @hookimpl
        def payload_out(self) -> str:
            raise OSError("key server is away")

    with Queue.open(url, plugins=[Broken()]) as queue:
        with pytest.raises(OSError, match="key server is away"):
            queue.enqueue("mail")

        assert queue.stats()["pending"] == 0


@pytest.mark.parametrize("hook", ["payload_out", "payload_in", "jobs_enqueued"])
def test_a_wrapper_where_core_calls_each_plugin_on_its_own_is_refused(hook: str) -> None:
    def wrapper(_self: object) -> Iterator[None]:
        yield

    plugin = type("Wrapping", (), {hook: hookimpl(wrapper=True)(wrapper)})()

    with pytest.raises(InvalidPlugin, match=hook):
        Queue.open("memory://", plugins=[plugin])
