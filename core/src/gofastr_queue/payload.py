"""JSON text and values: what a payload may be is decided here, the same for every backend."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from attrs import Attribute, field, frozen

from gofastr_queue import json_text
from gofastr_queue.errors import CorruptJob, InvalidJob
from gofastr_queue.limits import count, shown

MAX_BYTES = 256 * 1024
"""A payload's JSON is at most this long in UTF-8, unless the queue's option says otherwise."""

MAX_DEPTH = 64
"""Lists and objects are nested at most this deep, unless the queue's option says otherwise."""

MAX_HEADER_BYTES = 16 * 1024
"""The JSON of a job's headers is at most this long in UTF-8: they say something of the payload."""

MAX_DIGITS = 4_300
"""Digits of the longest integer that every interpreter writes and reads by default."""

LARGEST = 10**MAX_DIGITS

MAX_PATH = 200
"""Characters of a value's place that an error repeats."""


_SCALARS = frozenset((str, int, float, bool, type(None)))

Encoded = tuple[str, str, Any]
"""The texts of payload and headers, and a copy of the payload; None where only the text tells."""


def _count(_: object, attribute: Attribute[Any], value: object) -> None:
    count(attribute.name, value)


@frozen(eq=False)
class Codec:
    """Turns payloads into the text that is stored, and back, through the payload plugins."""

    max_bytes: int = field(default=MAX_BYTES, validator=_count)
    max_depth: int = field(default=MAX_DEPTH, validator=_count)
    encoders: tuple[Callable[..., str], ...] = ()
    decoders: tuple[Callable[..., str], ...] = ()

    def encode(self, payload: object, headers: Mapping[str, str]) -> Encoded:
        """Return what is stored of a payload; raises ``InvalidJob``, and changes nothing."""
        own = own_copy(payload)
        flat = own is not None
        text = to_json(own if flat else payload, self.max_bytes, self.max_depth, plain=flat)
        if self.encoders:
            headers = dict(headers)
            for encode in self.encoders:
                text = encode(text, headers)
            _refuse_unstorable(text)
        if self.encoders or self.decoders or headers:
            own = None
        return text, _headers(headers) if headers else "", own

    def decode(self, text: str, headers: str) -> tuple[Any, dict[str, str]]:
        """Return payload and headers; raises ``CorruptJob`` for any text that cannot be read."""
        try:
            named = _read_headers(headers) if headers else {}
            for decode in self.decoders:
                text = decode(text, named)
            return json_text.read(text), named
        except Exception as error:
            raise CorruptJob(f"stored payload cannot be read: {type(error).__name__}") from error


def to_json(
    payload: object,
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
    *,
    plain: bool = False,
) -> str:
    """Write a payload as JSON, refusing with ``InvalidJob`` whatever would not come back equal.

    ``plain`` says that it is known to be made of JSON's own types.
    """
    try:
        if not plain and not _plain(payload, max_depth):
            _check(payload, max_depth)
        text = json_text.write(payload)
        size = len(text) if text.isascii() else len(text.encode())
    except RecursionError:
        raise InvalidJob("payload is nested deeper than this interpreter can follow") from None
    except (
        ValueError
    ) as error:  # NaN, infinity, a lone surrogate, an integer of thousands of digits
        if isinstance(error, InvalidJob):
            raise
        _check(payload, max_depth)
        raise InvalidJob("payload is not JSON") from None
    if size > max_bytes:
        raise InvalidJob(
            f"payload is {size} bytes of JSON, the limit is {max_bytes}; "
            "store large data elsewhere and enqueue its name"
        )
    return text


def own_copy(payload: object) -> Any:
    """Return a copy as reading the payload's JSON would make it; None where only that can tell."""
    kind = type(payload)
    if kind is not dict:
        return payload if kind in _SCALARS else None
    copy: dict[Any, Any] = payload.copy()  # type: ignore[attr-defined] # kind is dict
    for key, child in copy.items():
        if type(key) is not str or type(child) not in _SCALARS:
            return None
    return copy


def _headers(headers: Mapping[str, str]) -> str:
    text = json_text.write(dict(headers))
    size = len(text) if text.isascii() else len(text.encode())
    if size > MAX_HEADER_BYTES:
        raise InvalidJob(
            f"headers are {size} bytes of JSON, the limit is {MAX_HEADER_BYTES}; "
            "put what is larger into the payload"
        )
    return text


def _read_headers(text: str) -> dict[str, str]:
    named = json_text.read(text)
    if not isinstance(named, dict) or not all(isinstance(v, str) for v in named.values()):
        raise TypeError("headers are no texts by name")
    return named


def _refuse_unstorable(text: object) -> None:
    """Refuse what a payload plugin made that some store could not keep."""
    if not isinstance(text, str) or "\0" in text:
        raise InvalidJob(f"a payload plugin must return text without NUL, got {shown(text)}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidJob("a payload plugin returned a lone surrogate") from None


def _plain(value: object, depth: int) -> bool:
    """Tell quickly whether a payload is made of JSON's own types, as nearly all are."""
    kind = type(value)
    if kind in _SCALARS:
        return True
    if depth == 0:
        return False
    if kind is dict:
        for key, child in value.items():  # type: ignore[attr-defined] # kind is dict
            if type(key) is not str or not (type(child) in _SCALARS or _plain(child, depth - 1)):
                return False
        return True
    return kind is list and all(
        type(child) in _SCALARS or _plain(child, depth - 1)
        for child in value  # type: ignore[attr-defined] # kind is list
    )


def _check(value: object, depth: int, path: str = "payload") -> None:
    """Refuse what JSON cannot hold or the encoder would change silently, saying where it stands."""
    if value is None:
        return
    if isinstance(value, dict):
        _check_depth(depth, path)
        for key, child in value.items():
            if not isinstance(key, str):
                raise InvalidJob(
                    f"{_short(path)} has the key {shown(key)}; keys of JSON objects are strings"
                )
            _check_scalar(key, path)
            _check(child, depth - 1, f"{path}[{shown(key)}]")
    elif isinstance(value, list):
        _check_depth(depth, path)
        for index, child in enumerate(value):
            _check(child, depth - 1, f"{path}[{index}]")
    elif isinstance(value, str | int | float):
        _check_scalar(value, path)
    else:
        raise InvalidJob(
            f"{_short(path)} is a {type(value).__name__}, which JSON cannot hold{_remedy(value)}"
        )


def _check_depth(depth: int, path: str) -> None:
    if depth == 0:
        raise InvalidJob(f"payload is nested too deep at {_short(path)}")


def _check_scalar(value: str | float, path: str) -> None:
    if isinstance(value, str):
        if any("\ud800" <= one <= "\udfff" for one in value):
            raise InvalidJob(f"{_short(path)} holds a lone surrogate, which is no Unicode text")
    elif isinstance(value, int):
        if abs(value) >= LARGEST:
            raise InvalidJob(
                f"payload is not JSON: {_short(path)} is an integer of over {MAX_DIGITS} digits"
            )
    elif not math.isfinite(value):
        raise InvalidJob(f"payload is not JSON: {_short(path)} is {value}")


def _short(path: str) -> str:
    """Return the end of a path, fit for one line."""
    return path if len(path) <= MAX_PATH else f"…{path[-MAX_PATH:]}"


def _remedy(value: object) -> str:
    if isinstance(value, tuple):
        return "; give a list"
    if isinstance(value, bytes | bytearray):
        return "; give text, for instance base64"
    if hasattr(value, "isoformat"):
        return "; give value.isoformat()"
    return ""
