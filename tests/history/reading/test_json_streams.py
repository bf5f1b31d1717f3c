"""Large JSON is read record by record, and what is wrong with one record loses no other."""

import json
from collections.abc import Iterator
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll.history.reading.json_events import start_of_value
from backscroll.history.reading.json_streams import (
    JsonProblem,
    JsonRecord,
    json_document,
    json_items,
    json_lines,
)

LEVELS = 100_000
SMALL = 256 * 1024
"""The length from which these tests let records be read in blocks, in characters."""


def nested(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


def values(found: Iterator[JsonRecord | JsonProblem]) -> list[object]:
    """Return each object, or the position and reason of a problem as one text."""
    return [
        each.value if isinstance(each, JsonRecord) else f"{each.position} {each.reason}"
        for each in found
    ]


def test_each_line_is_read_and_each_problem_has_its_line() -> None:
    content = b'\xef\xbb\xbf{"a": 1}\n\n[2]\nnope\n{"b": NaN}\r\n{"c": 3}'

    assert list(json_lines(BytesIO(content))) == [
        JsonRecord(1, {"a": 1}),
        JsonProblem("line 3", "is not a JSON object", 3),
        JsonProblem("line 4", "is not valid JSON", 4),
        JsonRecord(5, {"b": None}),
        JsonRecord(6, {"c": 3}),
    ]


def test_a_torn_last_line_is_told_from_a_damaged_one() -> None:
    assert [
        (each.position, each.torn)
        for each in json_lines(BytesIO(b'{"a": 1\n{"a": 1'))
        if isinstance(each, JsonProblem)
    ] == [("line 1", False), ("line 2", True)]


def test_invalid_utf_8_is_replaced_and_counted() -> None:
    line = b'{"a": "\xff\xfe", "b": "\xef\xbf\xbd"}'
    expected = {"a": "\ufffd\ufffd", "b": "\ufffd"}

    assert list(json_lines(BytesIO(line))) == [JsonRecord(1, expected, replaced=2)]
    assert list(json_items(BytesIO(b"[%s]" % line))) == [JsonRecord(1, expected, replaced=2)]


def test_an_array_is_found_at_the_root_and_in_a_field() -> None:
    content = b'{"x": [1, {"list": [{}]}], "n": 12, "list": [{"a": 1}, {"b": 2}], "y": 3}'

    assert values(json_items(BytesIO(b' [{"a": 1} , {"b": 2}]\n'))) == [{"a": 1}, {"b": 2}]
    assert values(json_items(BytesIO(content), "list")) == [{"a": 1}, {"b": 2}]
    assert values(json_items(BytesIO(content), "other")) == []


def test_damaged_items_lose_no_other_item() -> None:
    content = b'[{"a": 1}, {"b": }, 7, {"c": "[\\q"}, {"d": 4}]'

    assert values(json_items(BytesIO(content))) == [
        {"a": 1},
        "conversation 2 is not valid JSON",
        "conversation 3 is not a JSON object",
        "conversation 4 is not valid JSON",
        {"d": 4},
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            b'[{"a": 1}, {"b"',
            "conversation 2 is cut off, because the file ends in the middle of it: export it again",
        ),
        (
            b'[{"a": 1}, ',
            (
                "the rest is missing, because the file ends in the middle of the array: "
                "export it again"
            ),
        ),
    ],
)
def test_an_array_that_is_cut_off_says_so(content: bytes, expected: str) -> None:
    assert values(json_items(BytesIO(content))) == [{"a": 1}, expected]


def test_a_hundred_thousand_levels_refuse_one_record_alone() -> None:
    lines = BytesIO(nested(LEVELS) + b'\n{"b": 1}\n')
    items = BytesIO(b"[" + nested(LEVELS) + b', {"b": 1}]')

    assert values(json_lines(lines)) == ["line 1 is nested too deeply", {"b": 1}]
    assert values(json_items(items)) == ["conversation 1 is nested too deeply", {"b": 1}]


def test_deep_trees_are_read_on_request() -> None:
    found = json_document(BytesIO(nested(5_000)), deep=True)

    value: object = found.value if isinstance(found, JsonRecord) else None
    levels = 0
    while isinstance(value, dict):
        value, levels = value["a"], levels + 1
    assert (value, levels) == (1, 5_000)


@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_very_long_record_loses_only_the_middle_of_its_long_strings(*, ascii_only: bool) -> None:
    long = '中\n"😀' * 400_000
    record = {"long": long, "short": [long[:50], {"n": 1}]}
    content = json.dumps(record, ensure_ascii=ascii_only).encode()

    (line,) = json_lines(BytesIO(content), long_chars=SMALL)
    (item,) = json_items(BytesIO(b"[" + content + b"]"), long_chars=SMALL)

    for found in (line, item):
        assert isinstance(found, JsonRecord)
        assert found.replaced == 0
        assert found.value["short"] == record["short"]
        start, _, end = found.value["long"].partition(" characters left out] … ")
        assert long.startswith(start.rpartition(" … [")[0])
        assert long.endswith(end)
        assert len(start) + len(end) < 1_100_000


def test_a_line_that_is_too_long_is_refused_and_the_next_one_read() -> None:
    short_strings = b'"%s",' % (b"x" * 100_000)
    line = b'{"a": [' + short_strings * 700 + b"1]}\n"

    assert values(json_lines(BytesIO(line + b'{"b": 1}\n'), long_chars=SMALL)) == [
        "line 1 is too long: it has more than 64 MiB without its longest strings",
        {"b": 1},
    ]


texts = st.text(st.sampled_from('a"\\[]{},:\n中😀'), max_size=12)
json_values = st.recursive(
    st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


class _Slow(BytesIO):
    """A stream that gives a few bytes at a time, so that values are cut anywhere."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(31 if size else 0)


@given(st.lists(st.dictionaries(texts, json_values, max_size=3), max_size=4), st.booleans())
def test_any_array_is_read_as_its_own_objects(
    records: list[dict[str, object]],
    ascii_only: bool,
) -> None:
    content = json.dumps(records, ensure_ascii=ascii_only, indent=1).encode("utf-8")

    assert values(json_items(_Slow(content))) == records
    assert values(json_items(_Slow(content), long_chars=1)) == records
    lines = b"".join(json.dumps(record).encode() + b"\n" for record in records)
    assert values(json_lines(BytesIO(lines), long_chars=8)) == records


def test_the_start_of_a_value_has_all_that_was_read() -> None:
    blocks = [b'[{"a": [1, 2.5, {"x": "yy"', b'}], "b": {"c": true, "d": "cut he']

    expected = [{"a": [1, 2.5, {"x": "yy"}], "b": {"c": True}}]
    assert start_of_value(blocks) == (expected, False)
