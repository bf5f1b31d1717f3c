"""What is read of others' JSON, and that it can always be kept."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll.store.archive.rows import check
from backscroll.store.archive.storable import storable
from backscroll.store.recorder.assembling.lenient_json import MAX_DEPTH, parse_object

TEXTS = st.text(st.characters(), max_size=5)  # with NUL characters and lone surrogates
NUMBERS = st.integers() | st.floats() | st.just(10**4_000)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(TEXTS, inside, max_size=3),
)


@given(st.dictionaries(TEXTS, VALUES, max_size=3), st.booleans())
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
