"""Bytes are split into the same lines whatever the chunks, and long lines are not kept."""

from hypothesis import given
from hypothesis import strategies as st

from backscroll.mcp.lines import EDGE_BYTES, LINE_BYTES, Lines, Overlong


@given(
    lines=st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line)), data=st.data()
)
def test_lines_are_the_same_however_the_bytes_arrive(
    lines: list[bytes], data: st.DataObject
) -> None:
    raw = b"".join(line + b"\n" for line in lines) + b"rest"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)))))
    reader, found = Lines(), list[bytes | Overlong]()
    for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        found += reader.feed(raw[start:end])

    assert (found, reader.rest()) == (lines, b"rest")


@given(size=st.integers(0, 6000), chunk=st.integers(1, 5000), limit=st.integers(1, 5000))
def test_a_line_over_the_limit_leaves_its_edges_and_its_size(
    size: int, chunk: int, limit: int
) -> None:
    line = bytes(index % 9 + 48 for index in range(size))
    raw = line + b"\nnext\n"
    reader, found = Lines(limit), list[bytes | Overlong]()
    for start in range(0, len(raw), chunk):
        found += reader.feed(raw[start : start + chunk])

    expected = Overlong(line[:EDGE_BYTES], line[-EDGE_BYTES:], size) if size > limit else line
    following = Overlong(b"next", b"next", 4) if limit < 4 else b"next"
    assert found == [expected, following]


def test_a_line_of_exactly_the_limit_is_kept() -> None:
    assert Lines().feed(b"x" * LINE_BYTES + b"\n") == [b"x" * LINE_BYTES]


def test_the_rest_after_the_last_newline_is_returned_only_once() -> None:
    reader = Lines(limit=3)
    reader.feed(b"a\nlong")

    assert (reader.rest(), reader.rest()) == (Overlong(b"long", b"long", 4), b"")
