"""The store that a URL names, made empty for each case."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, cached_property, partial
from importlib.metadata import EntryPoint
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import uuid4

from attrs import frozen

from gofastr_queue.backends import Backend, call, factory_for, only
from gofastr_queue.calls import Calls, resolve
from gofastr_queue.capabilities import Capability
from gofastr_queue.errors import InvalidOption
from gofastr_queue.records import Draft
from gofastr_queue_conformance.certifying.certificate import Subject
from gofastr_queue_conformance.certifying.emptying import Broom, empty, is_empty
from gofastr_queue_conformance.harness import Harness

FRESH = "{}"
"""Where a URL gets a name of its own for each case."""

TRANSACTIONS = "gofastr_queue.transactions"
"""Entry points by scheme: functions of a URL that return a connection in an open transaction."""


@frozen
class Store:
    """A store to be examined, named by a URL that may hold ``{}``."""

    url: str

    def subject(self) -> tuple[Subject, frozenset[Capability]]:
        """Say which backend serves it, and what that one offers."""
        point = factory_for(self.url)
        with _opened(self._named()) as calls:
            offered = calls.capabilities
            name = calls.name
        return (
            Subject(
                name,
                point.name,
                point.dist.name if point.dist else "",
                point.dist.version if point.dist else "",
            ),
            offered,
        )

    def check(self) -> None:
        """Raise ``InvalidOption`` unless the store is empty, and the same for all who open it."""
        url = self._named()
        with _opened(url) as first:
            if not is_empty(first):
                raise InvalidOption(
                    "this store holds jobs or schedules, and all of them would be removed: "
                    "give an empty one"
                )
            first.hooks.queue_put(
                drafts=[Draft("certify", "certify", "null")], on_conflict="error", now=None
            )
            with _opened(url) as second:
                shared = not is_empty(second)
            empty(first.hooks, first.capabilities)
        if not shared:
            raise InvalidOption(
                "this URL opens another store each time: give one that is shared, for instance "
                "memory://name"
            )

    @contextmanager
    def fresh(self, *, alone: bool = True) -> Iterator[Harness]:
        """Give an empty store, and empty it again.

        ``alone`` keeps nothing open on it but what the case opens; else ``close`` it in the end.
        """
        shared = FRESH not in self.url
        url = self._named()
        broom = self._broom if shared else Broom(lambda: _connect(url), self._offered)
        if alone:
            broom.put_away()
        yield Harness(
            open=lambda: _connect(url),
            url=url,
            begin=_begin(url),
            address=_address(url),
            through=_through(url),
        )
        broom.sweep()
        if alone or not shared:
            broom.put_away()

    def close(self) -> None:
        """Close what was kept open from case to case."""
        self._broom.put_away()

    @cached_property
    def _broom(self) -> Broom:
        return Broom(lambda: _connect(self.url), self._offered)

    @cached_property
    def _offered(self) -> frozenset[Capability]:
        """What the backend offers, looked up once: a store is emptied hundreds of times."""
        with _opened(self._named()) as calls:
            return calls.capabilities

    def _named(self) -> str:
        return self.url.replace(FRESH, uuid4().hex)


def _connect(url: str) -> Backend:
    return cast(Backend, call(_factory(urlsplit(url).scheme), url, {}))


def _begin(url: str) -> Callable[[], Any] | None:
    begin = _beginner(urlsplit(url).scheme)
    return None if begin is None else partial(begin, url)


# looked for once: a store is opened a thousand times, and nothing is installed meanwhile
@cache
def _factory(scheme: str) -> EntryPoint:
    return factory_for(f"{scheme}://")


@cache
def _beginner(scheme: str) -> Callable[[str], Any] | None:
    point = only(TRANSACTIONS, _factory(scheme).name)
    return None if point is None else cast(Callable[[str], Any], point.load())


@contextmanager
def _opened(url: str) -> Iterator[Calls]:
    calls = resolve(_connect(url))
    try:
        yield calls
    finally:
        calls.hooks.queue_close()


def _address(url: str) -> tuple[str, int] | None:
    parts = urlsplit(url)
    return (parts.hostname, parts.port) if parts.hostname and parts.port else None


def _through(url: str) -> Callable[[str, int], Backend] | None:
    if _address(url) is None:
        return None
    parts = urlsplit(url)
    credentials, at, _ = parts.netloc.rpartition("@")

    def through(host: str, port: int) -> Backend:
        return _connect(parts._replace(netloc=f"{credentials}{at}{host}:{port}").geturl())

    return through
