"""Bodies are JSON, strictly."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_web.shared.strict_json import DEEPEST, parse

plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=10
)


@given(values)
def test_what_is_json_is_read_as_ever(value: object) -> None:
    assert parse(json.dumps(value).encode()) == value


@given(st.binary(max_size=50))
def test_anything_else_is_one_kind_of_error(body: bytes) -> None:
    try:
        parse(body)
    except json.JSONDecodeError:
        return


@pytest.mark.parametrize(
    ("body", "why"),
    [(b'{"a": 1, "a": 2}', "'a' comes twice"), (b'[{"b": {"a": 1, "a": 1}}]', "'a' comes twice"),
     (b"NaN", "NaN is no JSON"), (b"[-Infinity]", "-Infinity is no JSON"), (b"[" * (DEEPEST + 1), "nested"),
     (b'{"a":' * (DEEPEST + 1), "nested"), (b"1" * 5000, "digits"), (b"\xff", "UTF-8")],
)  # fmt: skip
def test_what_is_refused_says_why(body: bytes, why: str) -> None:
    with pytest.raises(json.JSONDecodeError, match=why):
        parse(body)


def test_brackets_within_text_are_text() -> None:
    assert parse(json.dumps(['\\"[{' * 100]).encode()) == ['\\"[{' * 100]
