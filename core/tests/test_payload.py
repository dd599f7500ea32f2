"""What a payload may be: whatever JSON gives back equal, and nothing else."""

from __future__ import annotations

import copy
import json
from collections import OrderedDict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gofastr_queue import CorruptJob, InvalidJob, InvalidOption
from gofastr_queue.payload import MAX_BYTES, MAX_DEPTH, Codec, to_json

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)
NEARLY_JSON = st.recursive(
    SCALARS
    | st.floats()
    | st.binary()
    | st.text(st.characters(categories=["Cs", "L"]))
    | st.integers(min_value=10**4_290, max_value=10**4_310),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner)
        | st.dictionaries(st.text(st.characters(categories=["Cs", "L"])) | st.integers(), inner)
    ),
    max_leaves=8,
)


def nested(depth: int, leaf: object = 1) -> Any:
    """Return lists in lists: ``depth`` of them around the leaf."""
    value = leaf
    for _ in range(depth):
        value = [value]
    return value


@given(JSON)
def test_a_payload_comes_back_as_it_was_and_its_text_is_always_the_same(payload: Any) -> None:
    codec = Codec()

    text, headers, own = codec.encode(payload, {})

    assert repr(codec.decode(text, headers)[0]) == repr(payload)
    assert own is None or repr(own) == repr(payload)
    assert to_json(copy.deepcopy(payload)) == text


@settings(max_examples=200)
@given(NEARLY_JSON)
def test_a_payload_is_refused_or_comes_back_equal(payload: Any) -> None:
    try:
        text = to_json(payload)
    except InvalidJob:
        return

    assert repr(json.loads(text)) == repr(payload)


class Money(int):
    """JSON's number is no longer one."""


@pytest.mark.parametrize("payload", [{"a": "b", "c": 1.5, "d": None, "e": True}, {}, "x", 0])
def test_what_is_flat_is_copied_for_whoever_enqueues(payload: Any) -> None:
    _, _, own = Codec().encode(payload, {})

    assert repr(own) == repr(payload)
    assert own is not payload or not isinstance(payload, dict)


@pytest.mark.parametrize("payload", [{"a": {}}, {"a": []}, {"a": Money(1)}, Money(1), [1], None])
def test_what_is_not_flat_is_read_from_its_text(payload: Any) -> None:
    assert Codec().encode(payload, {})[2] is None


def _unchanged(text: str, headers: dict[str, str]) -> str:  # noqa: ARG001 - as plugins are
    return text


@pytest.mark.parametrize("codec", [Codec(encoders=(_unchanged,)), Codec(decoders=(_unchanged,))])
def test_what_a_plugin_may_change_is_read_from_its_text(codec: Codec) -> None:
    assert codec.encode({"a": 1}, {})[2] is None


def test_headers_are_read_with_the_payload() -> None:
    assert Codec().encode({"a": 1}, {"trace": "1"})[2] is None


CIRCULAR_LIST: list[Any] = []
CIRCULAR_LIST.append(CIRCULAR_LIST)
CIRCULAR_DICT: dict[str, Any] = {}
CIRCULAR_DICT["self"] = [CIRCULAR_DICT]

NOT_JSON: dict[str, tuple[Any, str]] = {
    "bytes": (b"x", "bytes.*give text, for instance base64"),
    "bytearray": (bytearray(b"x"), "bytearray.*give text"),
    "datetime": (datetime(2026, 1, 1, tzinfo=UTC), r"datetime.*give value.isoformat\(\)"),
    "date": (date(2026, 1, 1), r"date.*give value.isoformat\(\)"),
    "tuple": ((1, 2), "tuple.*give a list"),
    "set": ({1}, "set, which JSON cannot hold"),
    "frozenset": (frozenset({1}), "frozenset, which JSON cannot hold"),
    "timedelta": (timedelta(1), "timedelta, which JSON cannot hold"),
    "decimal": (Decimal("1.5"), "Decimal, which JSON cannot hold"),
    "uuid": (UUID(int=1), "UUID, which JSON cannot hold"),
    "complex": (1j, "complex, which JSON cannot hold"),
    "object": (object(), "object, which JSON cannot hold"),
    "generator": ((n for n in [1]), "generator, which JSON cannot hold"),
    "dict view": ({}.keys(), "dict_keys, which JSON cannot hold"),
    "integer key": ({1: "x"}, "the key 1; keys of JSON objects are strings"),
    "boolean key": ({True: "x"}, "the key True; keys"),
    "null key": ({None: "x"}, "the key None; keys"),
    "tuple key": ({(1, 2): "x"}, r"the key \(1, 2\); keys"),
    "too deep": (nested(65), "nested too deep"),
    "circular list": (CIRCULAR_LIST, "nested too deep"),
    "circular dict": (CIRCULAR_DICT, "nested too deep"),
    "too large": ("x" * (MAX_BYTES - 1), f"payload is {MAX_BYTES + 1} bytes of JSON, the limit is"),
    "too large in UTF-8": ("é" * (MAX_BYTES // 2), f"payload is {MAX_BYTES + 2} bytes of JSON"),
    "NaN": (float("nan"), "payload is not JSON"),
    "infinity": (float("inf"), "payload is not JSON"),
    "minus infinity": (-float("inf"), "payload is not JSON"),
    "lone surrogate": ("\ud800", "lone surrogate"),
    "lone surrogate in a key": ({"\udfff": 1}, "lone surrogate"),
    "5 000 digits": (10**5_000, "payload is not JSON"),
}
"""Name -> (payload, what the error says)."""


@pytest.mark.parametrize(("payload", "says"), NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_no_json_is_refused(payload: Any, says: str) -> None:
    with pytest.raises(InvalidJob, match=says):
        to_json(payload)


@pytest.mark.parametrize(
    "value",
    [b"x", (1,), float("nan"), float("inf"), "\ud800", {"\ud800": 1}, 10**5_000],
    ids=["bytes", "tuple", "NaN", "infinity", "surrogate", "surrogate key", "5 000 digits"],
)
def test_the_error_says_where_in_the_payload_the_value_stands(value: Any) -> None:
    with pytest.raises(InvalidJob) as caught:
        to_json({"ok": [1, 2], "orders": [{"id": 1}, {"at": value}]})

    assert "payload['orders'][1]['at']" in str(caught.value)


def test_an_integer_of_too_many_digits_is_not_explained_by_the_interpreters_switch() -> None:
    with pytest.raises(InvalidJob) as caught:
        to_json(10**5_000)

    assert "set_int_max_str_digits" not in str(caught.value)


def test_the_text_about_a_payload_stays_short_and_can_be_printed() -> None:
    key = "\ud800" * 100_000
    with pytest.raises(InvalidJob) as caught:
        to_json({key: b"x"})

    assert len(str(caught.value)) < 1_000
    str(caught.value).encode()


@pytest.mark.parametrize(
    "payload",
    [
        nested(MAX_DEPTH),
        "x" * (MAX_BYTES - 2),
        "é" * (MAX_BYTES // 2 - 1),
        10**4_299,
        {"": None},
        "\x00",
        [],
        OrderedDict(a=1),
    ],
    ids=["depth", "bytes", "UTF-8", "digits", "empty key", "NUL", "empty", "dict subclass"],
)
def test_the_last_payload_within_the_limits_is_taken(payload: Any) -> None:
    assert json.loads(to_json(payload)) == payload


def test_limits_are_options_of_the_codec() -> None:
    codec = Codec(max_bytes=5, max_depth=1)

    assert codec.encode([1], {}) == ("[1]", "", None)
    with pytest.raises(InvalidJob, match="payload is 6 bytes"):
        codec.encode("xxxx", {})
    with pytest.raises(InvalidJob, match="too deep"):
        codec.encode([[1]], {})


@pytest.mark.parametrize("value", [0, -1, True, "5", 1.5, None])
@pytest.mark.parametrize("option", ["max_bytes", "max_depth"])
def test_limits_are_positive_integers(option: str, value: Any) -> None:
    with pytest.raises(InvalidOption, match="must be an integer of at least 1"):
        Codec(**{option: value})


def test_a_depth_beyond_the_interpreters_is_refused_not_fallen_over() -> None:
    with pytest.raises((InvalidJob, InvalidOption)):
        to_json(nested(50_000), max_depth=100_000)


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("", ""),
        ("{", ""),
        ("[" * 100_000, ""),
        ("1" * 5_000, ""),
        ("NaN", ""),
        ("1", "{"),
        ("1", "5"),
        ("1", "[]"),
        ("1", '{"a": 5}'),
    ],
    ids=["empty", "cut", "deep", "digits", "NaN", "headers cut", "number", "list", "no text"],
)
def test_stored_text_that_cannot_be_read_is_a_corrupt_job(text: str, headers: str) -> None:
    with pytest.raises(CorruptJob):
        Codec().decode(text, headers)


def test_a_corrupt_jobs_error_does_not_show_the_payload() -> None:
    with pytest.raises(CorruptJob) as caught:
        Codec().decode("secret {", "")

    assert "secret" not in str(caught.value)
