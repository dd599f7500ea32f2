"""Writing and reading JSON by the standard library, without what it makes anew for each text.

NaN and infinity, which are no JSON, are refused in both directions.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from json import encoder
from typing import Any


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False)
_decoder = json.JSONDecoder(parse_constant=_refuse)
_scan = _decoder.scan_once  # type: ignore[attr-defined] # in no stub


def _writer() -> Callable[[object], str]:
    """Return ``JSONEncoder.encode``, which makes a C encoder for each text, with one made once."""
    try:
        chunks = encoder.c_make_encoder(  # type: ignore[attr-defined] # in no stub
            None,
            _encoder.default,
            encoder.encode_basestring,  # because of ensure_ascii=False
            _encoder.indent,
            _encoder.key_separator,
            _encoder.item_separator,
            _encoder.sort_keys,
            _encoder.skipkeys,
            _encoder.allow_nan,
        )
    except (AttributeError, TypeError):  # an interpreter that has none, or makes it otherwise
        return _encoder.encode
    return lambda value: "".join(chunks(value, 0))


write = _writer()
"""Return a value as JSON; raises ``ValueError``, ``TypeError`` or ``RecursionError``."""


def read(text: str) -> Any:
    """Return the value of a JSON text; raises ``ValueError``, also for NaN and infinity."""
    try:
        value, end = _scan(text, 0)
    except (StopIteration, json.JSONDecodeError):
        end = -1
    return value if end == len(text) else _decoder.decode(text)
