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
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

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

_HOST = r"(?:\[[\w:.%]+\]|[\w./~-]*)(?::\d*)?"
_HOSTS = re.compile(rf"{_HOST}(?:,{_HOST})*")
"""Hosts and ports alone; a database's socket is a path."""

_PARAMETER = re.compile(r"\w+=")
"""How each part of a query begins."""

_OF_USERS = re.compile(r"[@:=]")
"""What stands around a password, and hardly in a path."""

_found: dict[tuple[str, str], EntryPoint] = {}


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

    Raises ``BackendNotFound`` for a scheme that no installed distribution serves, that two serve,
    or whose driver is missing, and ``TypeError`` for an option that the backend does not know.
    """
    return cast(Backend, call(factory_for(url), url, options))


def factory_for(url: str) -> EntryPoint:
    """Find the entry point that serves ``url``; nothing is imported."""
    if not isinstance(url, str) or "://" not in url:
        raise BackendNotFound(
            "a queue's URL begins with a scheme and '://', for instance 'sqlite:///jobs.db' "
            f"or 'memory://'; got {redact(url) if isinstance(url, str) else url!r}"
        )
    scheme = url.partition("://")[0].lower()
    found = only(GROUP, scheme)
    if found is None:
        known = ", ".join(sorted(installed())) or "none"
        named = f"'{scheme}://'" if SCHEME.fullmatch(scheme) else redact(url)
        raise BackendNotFound(f"no backend for {named}; installed: {known}.{_hint(scheme)}")
    return found


def only(group: str, scheme: str) -> EntryPoint | None:
    """Find the one entry point of a group that serves a scheme; nothing is imported.

    What was found is remembered: to look reads a file of every installed distribution.
    """
    if (group, scheme) in _found:
        return _found[group, scheme]
    found = installed(group).get(scheme, [])
    if len(found) > 1:
        names = " and ".join(sorted(_distribution(point) for point in found))
        raise BackendNotFound(f"'{scheme}://' is served by {names}; uninstall all but one of them")
    if not found:
        return None
    return _found.setdefault((group, scheme), found[0])


def installed(group: str = GROUP) -> dict[str, list[EntryPoint]]:
    """Return the entry points of a group by scheme; nothing is imported."""
    schemes: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=group):
        known = schemes.setdefault(point.name.lower(), [])
        if all((point.value, _distribution(point)) != (p.value, _distribution(p)) for p in known):
            known.append(point)
    return schemes


def call(point: EntryPoint, url: str, options: dict[str, object]) -> object:
    """Import what serves ``url`` and call it with the URL and options, both checked."""
    scheme = point.name.lower()
    function = _load(point, scheme)
    try:
        parts = urlsplit(url)
    except ValueError:  # its text may repeat the password
        raise InvalidOption(
            f"no readable URL follows {scheme}:// here: write an IPv6 address as [::1], "
            "and other special characters percent-encoded"
        ) from None
    _refuse_misread(url, parts)
    _refuse_unknown(function, scheme, options)
    return function(url, **options)


def _load(point: EntryPoint, scheme: str) -> Callable[..., object]:
    """Import an entry point; say what to install if its driver is missing."""
    try:
        return cast(Callable[..., object], point.load())
    except ImportError as error:
        wrong = " ".join(f"cannot be imported from {_distribution(point)}: {error}".split())
        if isinstance(error, ModuleNotFoundError) and error.name:
            wrong = f"needs the module {error.name!r}, which is not installed"
        raise BackendNotFound(f"'{scheme}://' {wrong}.{_hint(scheme)}") from error


def _refuse_misread(url: str, parts: SplitResult) -> None:
    """Refuse what may be a piece of a password: a driver would repeat it as a host or an option."""
    user, at, hosts = parts.netloc.partition("@")
    if "@" in unquote(hosts if at else user) or (parts.netloc and "@" in parts.path):
        raise InvalidOption(
            "a URL's only '@' stands between password and host, any other is written as %40: "
            f"{redact(url)}"
        )
    if parts.fragment:
        raise InvalidOption(f"a '#' in a URL cuts it off: write it as %23 in {redact(url)}")
    if not all(_PARAMETER.match(unquote(one)) for one in parts.query.split("&") if one):
        raise InvalidOption(
            "name=value must follow '?' and '&' in a URL, in its other parts they are written as "
            f"%3F and %26: {redact(url)}"
        )


def _refuse_unknown(
    function: Callable[..., object], scheme: str, options: dict[str, object]
) -> None:
    """Say which options there are; Python's own error would name only the wrong one."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return
    known = [one.name for one in parameters]
    for name in options:
        if name not in known:
            raise TypeError(
                f"unknown option {name!r} for {scheme}://; known: {', '.join(known) or 'none'}"
            )


def redact(url: str) -> str:
    """Return ``url`` without user, password and query: fit for errors and logs.

    Of a URL that may be read in another way than it was meant only the scheme is left.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "'…'"
    hosts = parts.netloc.rpartition("@")[2]
    misread = (
        "://" not in url
        or not _HOSTS.fullmatch(unquote(hosts))
        or _OF_USERS.search(unquote(parts.path.lstrip("/")))
        or "@" in unquote(parts.query + parts.fragment)
    )
    if misread:
        return f"'{parts.scheme}:…'" if parts.scheme in EXTRAS else "'…'"
    return repr(f"{parts.scheme}://{hosts}{parts.path}")


def url_options(url: str) -> dict[str, str]:
    """Return a URL's query parameters, as text; a repeated one keeps its last value."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.value


def _hint(scheme: str) -> str:
    extra = EXTRAS.get(scheme)
    return f" Try: pip install 'gofastr-queue[{extra}]'" if extra else ""
