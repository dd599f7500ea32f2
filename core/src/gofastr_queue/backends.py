"""From a URL's scheme to the backend that serves it, by entry point.

Only the distribution that serves the asked scheme is imported.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, cast
from urllib.parse import parse_qsl, urlsplit

from gofastr_queue.capabilities import Capability
from gofastr_queue.errors import BackendNotFound, InvalidOption
from gofastr_queue.hookspecs import Acking, Claiming, Nacking, Reclaiming
from gofastr_queue.records import Put

GROUP = "gofastr_queue.backends"

SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
"""RFC 3986, section 3.1."""

EXTRAS = {
    "memory": "memory",
    "sqlite": "sqlite",
    "postgresql": "postgres",
    "postgres": "postgres",
    "redis": "redis",
    "rediss": "redis",
}
"""Scheme -> the extra of ``gofastr-queue`` that brings it."""


class Backend(Claiming, Acking, Nacking, Reclaiming, Protocol):
    """What every backend has; the other topics of ``hookspecs`` are capabilities."""

    @property
    def queue_put(self) -> Callable[..., list[Put]]:
        """As ``Storing.queue_put``; ``transaction`` is taken only with TRANSACTIONAL."""
        ...

    def queue_close(self) -> bool:
        """As ``Storing.queue_close``."""
        ...

    @property
    def name(self) -> str:
        """Short name for errors and reports, for instance ``sqlite``."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """The declared capabilities: those that are not hooks."""
        ...

    @property
    def default_lease(self) -> timedelta:
        """How long a claim is leased when the queue names no lease."""
        ...


def connect(url: str, **options: object) -> Backend:
    """Open the backend that ``url`` names.

    Raises ``BackendNotFound`` for a scheme that no installed distribution serves or that two
    serve, and ``TypeError`` for an option that the backend does not know.
    """
    factory = cast(Callable[..., Backend], factory_for(url).load())
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InvalidOption(f"not a URL: {redact(url)}: {error}") from None
    if parts.fragment:
        raise InvalidOption(f"a '#' in a URL cuts it off: write it as %23 in {redact(url)}")
    _refuse_unknown(factory, parts.scheme, options)
    return factory(url, **options)


def _refuse_unknown(
    factory: Callable[..., Backend], scheme: str, options: dict[str, object]
) -> None:
    """Say which options there are; Python's own error would name only the wrong one."""
    parameters = list(inspect.signature(factory).parameters.values())[1:]
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return
    known = [one.name for one in parameters]
    for name in options:
        if name not in known:
            raise TypeError(
                f"unknown option {name!r} for {scheme}://; known: {', '.join(known) or 'none'}"
            )


def factory_for(url: str) -> EntryPoint:
    """Find the entry point that serves ``url``; nothing is imported."""
    if not isinstance(url, str) or "://" not in url:
        raise BackendNotFound(
            "a queue's URL begins with a scheme and '://', for instance 'sqlite:///jobs.db' "
            f"or 'memory://'; got {redact(url) if isinstance(url, str) else url!r}"
        )
    scheme = url.partition("://")[0].lower()
    found = installed().get(scheme, [])
    if not found:
        known = ", ".join(sorted(installed())) or "none"
        extra = EXTRAS.get(scheme)
        hint = f" Try: pip install 'gofastr-queue[{extra}]'" if extra else ""
        named = f"'{scheme}://'" if SCHEME.fullmatch(scheme) else redact(url)
        raise BackendNotFound(f"no backend for {named}; installed: {known}.{hint}")
    if len(found) > 1:
        names = " and ".join(sorted(_distribution(point) for point in found))
        raise BackendNotFound(f"'{scheme}://' is served by {names}; uninstall all but one of them")
    return found[0]


def installed() -> dict[str, list[EntryPoint]]:
    """Return the installed backends by scheme; nothing is imported."""
    schemes: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        known = schemes.setdefault(point.name.lower(), [])
        if all((point.value, _distribution(point)) != (p.value, _distribution(p)) for p in known):
            known.append(point)
    return schemes


def redact(url: str) -> str:
    """Return ``url`` without user, password and query: fit for errors and logs."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
    except ValueError:
        return "'…'"
    if "://" not in url or "@" in parts.path or ":" in parts.path.lstrip("/"):
        return f"'{parts.scheme}:…'" if parts.scheme in EXTRAS else "'…'"
    return repr(f"{parts.scheme}://{host}{port}{parts.path}")


def url_options(url: str) -> dict[str, str]:
    """Return a URL's query parameters, as text; a repeated one keeps its last value."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.value
