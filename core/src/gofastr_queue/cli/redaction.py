"""Keeping passwords out of whatever is printed."""

from __future__ import annotations

import re
from contextlib import suppress
from urllib.parse import unquote, unquote_plus, urlsplit

MASK = "***"

SHORT = 4
"""A password shorter than this is masked only where it stands alone: "a" is part of any text."""

_USER_INFO = re.compile(r"(\w://[^\s:@/'\"]*):[^\s'\"]+@")
_NAME = r"\b\w*(?:password|passwd|secret|token|api_?key)\w*"
_SECRET = re.compile(f"(?i){_NAME}")
_PARAMETER = re.compile(rf"(?i)({_NAME}\s*=\s*)('(?:\\.|[^'\\])*'|[^\s&#'\"]+)")


def secrets_of(url: str) -> list[str]:
    """Return a URL's passwords, as written and as meant, longest first."""
    rest = url.partition("://")[2]
    found = {rest.rpartition("@")[0].partition(":")[2]}
    with suppress(ValueError):  # no readable URL: what stands before its last @ is masked
        found.add(urlsplit(url).password or "")
    found |= {part for one in found for part in one.split("@")}  # a driver may split it there
    found.update(match[2].strip("'") for match in _PARAMETER.finditer(url))
    for parameter in url.partition("?")[2].split("&"):
        name, _, value = parameter.partition("=")
        if _SECRET.search(unquote(name)):
            found.add(value)
    found |= {read(one) for one in found for read in (unquote, unquote_plus)}
    return sorted(found - {""}, key=len, reverse=True)


def redacted(text: str, secrets: list[str]) -> str:
    """Return ``text`` without these secrets, nor what looks like a password in a URL."""
    for secret in secrets:
        if len(secret) < SHORT:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)
        else:
            text = text.replace(secret, MASK)
    return _PARAMETER.sub(rf"\1{MASK}", _USER_INFO.sub(rf"\1:{MASK}@", text))
