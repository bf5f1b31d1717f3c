"""Blocks of rows: nothing is lost in them, whatever the numbers are."""

import zlib
from array import array

from hypothesis import given
from hypothesis import strategies as st

from backscroll.store.search.blocks import columns_of, pack, some, unpack

COLUMNS = 3
NUMBERS = st.one_of(st.integers(-130, 130), st.integers(-(1 << 62), (1 << 62) - 1))
ROWS = st.lists(st.tuples(*[NUMBERS] * COLUMNS), min_size=1, max_size=128)


@given(ROWS, st.sets(st.integers(0, 127)))
def test_the_rows_of_a_block_are_read_as_they_were_packed(
    rows: list[tuple[int, ...]], asked: set[int]
) -> None:
    stored = pack(rows)
    assert list(unpack(stored, COLUMNS)) == rows
    assert columns_of(stored, COLUMNS, [2, 0]) == [[row[at] for row in rows] for at in (2, 0)]
    few = {each % len(rows) for each in asked}
    assert some(stored, COLUMNS, few) == {each: rows[each] for each in few}


def test_blocks_of_the_first_version_of_the_index_are_read() -> None:
    rows = [(5, 1), (7, 1), (6, 1)]
    stored = zlib.compress(array("q", (5, 2, -1, 1, 0, 0)).tobytes())
    assert list(unpack(stored, 2)) == rows
    assert some(stored, 2, [1]) == {1: (7, 1)}
    assert columns_of(stored, 2, [1]) == [[1, 1, 1]]


def test_a_block_of_like_rows_is_small() -> None:
    rows = [(4 * at // 10, 1_700_000_000 + 40 * at, at % 10, 35, at % 2) for at in range(128)]
    assert len(pack(rows)) < 128
