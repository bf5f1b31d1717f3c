"""JSON with comments is read as hosts read it; invalid JSON is refused with its position."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll.commands.connect.jsonc import DEPTH, MalformedError, parse

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)  # fmt: skip


@given(anything, st.sampled_from([None, 2, "\t"]))
def test_json_is_read_as_json_does(value: object, indent: int | str | None) -> None:
    assert parse(json.dumps(value, indent=indent)).data == value


def test_comments_and_trailing_commas_and_a_byte_order_mark_are_passed_over() -> None:
    text = '\ufeff// top\r\n{ "a": [1, /* two */ 2,], "//": "/* no comment */", } // end'

    assert parse(text).data == {"a": [1, 2], "//": "/* no comment */"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "line 1, column 1"),
        ('{"a": 1', "line 1, column 8"),
        ('{\n  "a": 1\n  "b": 2\n}', "line 3, column 3"),
        ("{,}", "line 1, column 2"),
        ('{"a" 1}', "line 1, column 6"),
        ("{'a': 1}", "line 1, column 2"),
        ('{"a": 01}', "line 1, column 8"),
        ('{"a": "\n"}', "line 1, column 7"),
        ("{} {}", "line 1, column 4"),
        ("{ /* no end }", "line 1, column 3"),
        ("[" * (DEPTH + 1), f"line 1, column {DEPTH + 1}"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(MalformedError, match=f"^it is not valid JSON from {place} on$"):
        parse(text)
