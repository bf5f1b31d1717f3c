"""Events of a stream, however its bytes are divided and its lines end."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll.store.recorder.assembling.sse_events import SseEvent, SseReader
from tests.store.recorder.streams import CUTS, split, sse


def read(pieces: list[bytes], max_bytes: int = 1_000) -> list[SseEvent]:
    reader = SseReader(max_bytes)
    found = [event for piece in pieces for event in reader.feed(piece)]
    return found + reader.finish()


def told(events: list[SseEvent]) -> list[object]:
    """Return what the events say, apart from where they begin."""
    return [event.flaw or ("[DONE]" if event.is_done else event.value) for event in events]


STREAM = (
    b'\xef\xbb\xbf: OPENROUTER PROCESSING\n\nevent: first\ndata: {"a": 1}\nid: 7\n\n'
    b'data:{"b":\ndata: "\xc3\xa9"}\n\nretry: 3\nevent: ping\ndata: hello\n\ndata:\n\n'
    b'data: {"c": 3}\n\ndata: {"cut\n\ndata: [DONE]\n\n'
)
SAID = [{"a": 1}, {"b": "é"}, {"c": 3}, "unreadable", "[DONE]"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@given(cuts=CUTS)
def test_events_are_the_same_however_the_bytes_are_divided(end: bytes, cuts: list[int]) -> None:
    found = read(list(split(STREAM.replace(b"\n", end), cuts)))

    assert told(found) == SAID
    assert [event.name for event in found] == ["first", "", "", "", ""]


def test_an_event_counts_at_the_end_of_its_line_and_not_of_its_blank_line() -> None:
    reader = SseReader()

    assert told(reader.feed(b'data: {"a": 1}')) == []
    assert told(reader.feed(b"\n")) == [{"a": 1}]
    assert told(reader.feed(b"\ndata: [DONE]\r")) == ["[DONE]"]


def test_an_event_tells_where_its_line_begins_in_the_newest_bytes() -> None:
    reader = SseReader()

    (first,) = reader.feed(b'data: {"a": 1}\n\ndata: [DO')
    (second, third) = reader.feed(b'NE]\n\ndata: {"b": 2}\n')

    assert (first.start, second.start, third.start) == (0, 0, 5)


def test_the_last_event_needs_neither_a_line_end_nor_a_blank_line() -> None:
    assert told(read([b'data: {"a": 1}\n\ndata: [DONE]'])) == [{"a": 1}, "[DONE]"]
    assert told(read([b'data: {"a":\ndata: 1}'])) == []
    assert told(read([b'data: {"a'])) == []


@given(cuts=CUTS)
def test_data_above_the_bound_is_left_out_and_what_follows_is_read(cuts: list[int]) -> None:
    long = json.dumps({"a": "x" * 1_000})
    lines = "\ndata: ".join('{"a": 1,' + " " * 300 for _ in range(5))
    stream = sse({"b": 1}, long, {"c": 1}, lines, {"d": 1}) + b": " + b"x" * 5_000 + b"\n\n"

    found = read(list(split(stream + sse("[DONE]"), cuts)), 1_000)

    assert told(found) == [{"b": 1}, "too_large", {"c": 1}, "too_large", {"d": 1}, "[DONE]"]


@pytest.mark.parametrize(
    "line",
    [b"data: " + b"x" * 994, b"data: " + b"x" * 994 + b"\n", b": " + b"x" * 998, b"\n" * 1_000],
    ids=["one line", "lines of data", "a comment", "blank lines"],
)
def test_an_event_without_an_end_is_told_once_and_kept_in_bounded_memory(line: bytes) -> None:
    # 500 kB: more than twice what may be kept.
    reader = SseReader(10_000)
    tracemalloc.start()
    try:
        found = [event for _ in range(500) for event in reader.feed(line)]
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert told(found) == (["too_large"] if line.startswith(b"data") else [])
    assert most < 200_000


@given(st.binary(max_size=300), CUTS)
def test_no_bytes_raise_an_error(data: bytes, cuts: list[int]) -> None:
    assert told(read(list(split(data, cuts)))) == told(read([data]))


@pytest.mark.parametrize(
    "data",
    [
        "[" * 100_000,
        '{"a": ' * 50_000,
        '{"a": ' + "1" * 5_000 + "}",
        "[1]",
        "null",
        '"text"',
        "{}x",
    ],
)
def test_data_that_is_no_object_is_left_out(data: str) -> None:
    assert [each for each in told(read([sse(data)], 1_000_000)) if each != "unreadable"] == []


@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a":[', "]}")])
def test_an_object_is_read_up_to_a_hundred_levels(opens: str, closes: str) -> None:
    times = 98 // len(closes)
    deep, deeper = (
        '{"a":' + opens * times + inside + closes * times + "}" for inside in ("[]", "[[]]")
    )

    assert told(read([sse(deep), sse(deeper)], 10_000)) == [json.loads(deep), "unreadable"]


def test_numbers_that_json_does_not_have_become_null() -> None:
    found = read([sse('{"a": NaN, "b": -Infinity, "c": 1e999, "d": [1e5, "1e999"]}')])

    assert told(found) == [{"a": None, "b": None, "c": None, "d": [1e5, "1e999"]}]
