"""JSON is written and read as the standard library does; NaN and infinity are refused."""

from __future__ import annotations

import json
from json import encoder

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gofastr_queue import json_text

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_it_writes_what_the_standard_library_writes(value: object) -> None:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        with pytest.raises(ValueError, match="not JSON compliant"):
            json_text.write(value)
    else:
        assert json_text.write(value) == text
        assert json_text.read(text) == value


def test_the_c_encoder_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    make = encoder.c_make_encoder  # type: ignore[attr-defined] # in no stub

    def counted(*settings: object) -> object:
        made.append(settings)
        return make(*settings)

    monkeypatch.setattr(encoder, "c_make_encoder", counted)
    write = json_text._writer()

    assert [write([1, "a"]), write({})] == ['[1, "a"]', "{}"]
    assert len(made) == 1


@pytest.mark.parametrize("maker", [None, lambda: None])
def test_without_one_it_is_the_encoder_of_the_standard_library(
    maker: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder, "c_make_encoder", maker)

    assert json_text._writer() == json_text._encoder.encode


@pytest.mark.parametrize("text", [' {"a": 1} ', "\n[1]", "1\t", '"a"'])
def test_space_around_a_value_is_nothing(text: str) -> None:
    assert json_text.read(text) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    ["", " ", "[", "1 2", "{}x", "NaN", "-Infinity", "[Infinity]", "'a'", '"\ud800', "\ufeff1"],
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        json_text.read(text)
