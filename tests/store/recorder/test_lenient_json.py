"""JSON of model servers, read as Python's own parser reads it, and so that it can be stored."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll.store.archive.rows import check
from backscroll.store.archive.storable import storable
from backscroll.store.recorder.assembling.lenient_json import MAX_DEPTH, parse_object


def finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def as_python_reads(data: bytes) -> Any:  # noqa: ANN401 - any JSON value
    text = data.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    try:
        return json.loads(text, parse_constant=lambda _: None, parse_float=finite)
    except ValueError:
        return None


PIECES = [
    *('{"a":', '"b":', "[", "]", "}", ",", ":", '"', " ", "\n", "\t", "\x0b", "\x00", "\ufeff"),
    *("true", "null", "NaN", "-Infinity", "-0", "0", "01", "1.", ".5", "2.50", "1e999", "-1E+400"),
    *("1" * 30, "9" * 400 + ".0", "1" * 5_000, "9007199254740993", "0." + "3" * 40),
    *(r"\ud83d", r"\ude00", r"\u00e9", r"\n", r"\x", "é", "🥶"),
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(st.characters(), max_size=3), inside),
    max_leaves=20,
)
TEXTS = st.text(st.characters(), max_size=5)  # with NUL characters and lone surrogates
NUMBERS = st.integers() | st.floats() | st.just(10**4_000)
STORED = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(TEXTS, inside, max_size=3),
)


@given(
    st.dictionaries(st.text(max_size=3), VALUES).map(json.dumps).map(str.encode)
    | st.lists(st.sampled_from(PIECES), max_size=20)
    .map(lambda found: "{" + "".join(found))
    .map(str.encode)
    | st.tuples(st.sampled_from(PIECES), st.binary(max_size=3)).map(
        lambda pair: b'{"a":' + pair[0].encode() + b',"b":"' + pair[1] + b'"}'
    )
)
def test_an_object_is_what_python_reads_with_null_for_what_is_not_finite(data: bytes) -> None:
    expected = as_python_reads(data)

    found = parse_object(data)

    # As text, because a value of another type may be equal: 1, 1.0 and true.
    assert repr(found) == repr(expected if isinstance(expected, dict) else None)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a": "\xff"}', "\ufffd"),
        (rb'{"a": "\ud83d"}', "\ud83d"),
        (rb'{"a": "\ud83d\ude00"}', "😀"),
        (b'{"a": 1e999}', None),
        (b'{"a": ' + b"9" * 400 + b".0}", None),
        (b'\xef\xbb\xbf{"a": 2.50}', 2.5),
        (b'{"a": 0, "a": 1}', 1),
    ],
)
def test_what_is_not_exactly_json_is_read_as_well(data: bytes, value: object) -> None:
    assert parse_object(data) == {"a": value}


@given(st.dictionaries(TEXTS, STORED, max_size=3), st.booleans())
def test_what_is_read_can_be_stored(value: object, escaped: bool) -> None:
    data = json.dumps(value, ensure_ascii=escaped).encode(errors="surrogatepass")
    found = parse_object(data)

    assert found is not None
    check(storable(found)[0])


@pytest.mark.parametrize("digits", ["1e309", "-1e999", "1" * 310 + ".0", "NaN", "-Infinity"])
def test_numbers_that_json_does_not_have_are_read_as_null(digits: str) -> None:
    assert parse_object(f'{{"a": {digits}}}'.encode()) == {"a": None}


@pytest.mark.parametrize(("depth", "is_read"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False)])
def test_an_object_may_be_nested_up_to_a_depth_that_can_be_stored(
    depth: int, *, is_read: bool
) -> None:
    found = parse_object(b'{"a":' * depth + b"1" + b"}" * depth)

    assert (found is not None) == is_read
    check(storable(found or {})[0])
