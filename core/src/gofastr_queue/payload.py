"""JSON text and values: what a payload may be is decided here, the same for every backend."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

from gofastr_queue.errors import CorruptJob, InvalidJob, InvalidOption

MAX_BYTES = 256 * 1024
"""A payload's JSON is at most this long in UTF-8, unless the queue's option says otherwise."""

MAX_DEPTH = 64
"""Lists and objects are nested at most this deep, unless the queue's option says otherwise."""

_dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False).encode
_SCALARS = frozenset((str, int, float, bool, type(None)))


def _positive(_: object, attribute: Any, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidOption(f"{attribute.name} must be a positive integer, got {value!r}")


@frozen(eq=False)
class Codec:
    """Turns payloads into the text that is stored, and back, through the payload plugins."""

    max_bytes: int = field(default=MAX_BYTES, validator=_positive)
    max_depth: int = field(default=MAX_DEPTH, validator=_positive)
    encoders: tuple[Callable[..., str], ...] = ()
    decoders: tuple[Callable[..., str], ...] = ()

    def encode(self, payload: object, headers: Mapping[str, str]) -> tuple[str, str]:
        """Return the texts of payload and headers; raises ``InvalidJob``, and changes nothing."""
        text = to_json(payload, self.max_bytes, self.max_depth)
        if self.encoders:
            headers = dict(headers)
            for encode in self.encoders:
                text = encode(text, headers)
            _refuse_unstorable(text)
        return text, _dumps(dict(headers)) if headers else ""

    def decode(self, text: str, headers: str) -> tuple[Any, dict[str, str]]:
        """Return payload and headers; raises ``CorruptJob`` for any text that cannot be read."""
        try:
            named: dict[str, str] = json.loads(headers) if headers else {}
            for decode in self.decoders:
                text = decode(text, named)
            return json.loads(text), named
        except Exception as error:
            raise CorruptJob(f"stored payload cannot be read: {type(error).__name__}") from error


def to_json(payload: object, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> str:
    """Write a payload as JSON, refusing with ``InvalidJob`` whatever would not come back equal."""
    if not _plain(payload, max_depth):
        _check(payload, max_depth)
    try:
        text = _dumps(payload)
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        raise InvalidJob("payload holds a lone surrogate, which is no Unicode text") from None
    except ValueError as error:  # NaN, infinity, or an integer of thousands of digits
        raise InvalidJob(f"payload is not JSON: {error}") from None
    if size > max_bytes:
        raise InvalidJob(
            f"payload is {size} bytes of JSON, the limit is {max_bytes}; "
            "store large data elsewhere and enqueue its name"
        )
    return text


def _refuse_unstorable(text: object) -> None:
    """Refuse what a payload plugin made that some store could not keep."""
    if not isinstance(text, str) or "\0" in text:
        raise InvalidJob(f"a payload plugin must return text without NUL, got {text!r:.80}")
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
            if type(key) is not str or not _plain(child, depth - 1):
                return False
        return True
    return kind is list and all(_plain(child, depth - 1) for child in value)  # type: ignore[attr-defined] # kind is list


def _check(value: object, depth: int, path: str = "payload") -> None:
    """Refuse what the JSON encoder would change silently, naming where it stands."""
    if value is None or isinstance(value, str | int | float):
        return
    if depth == 0:
        raise InvalidJob(f"payload is nested too deep at {path[:80]}…")
    if isinstance(value, dict):
        for key, child in value.items():
            if not isinstance(key, str):
                raise InvalidJob(f"{path} has the key {key!r}; keys of JSON objects are strings")
            _check(child, depth - 1, f"{path}[{key!r}]")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            _check(child, depth - 1, f"{path}[{index}]")
    else:
        raise InvalidJob(
            f"{path} is a {type(value).__name__}, which JSON cannot hold{_remedy(value)}"
        )


def _remedy(value: object) -> str:
    if isinstance(value, tuple):
        return "; give a list"
    if isinstance(value, bytes | bytearray):
        return "; give text, for instance base64"
    if hasattr(value, "isoformat"):
        return "; give value.isoformat()"
    return ""
