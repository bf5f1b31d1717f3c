"""Rows that have several hashes are found in pages, however the pages divide the rows."""

from collections import defaultdict
from itertools import islice, pairwise

from hypothesis import given
from hypothesis import strategies as st

from backscroll.store.search.postgres_postings import Placed, Postings
from backscroll.store.search.postings import Page, bucket_of, page_of

ROWS = 400
HASHES = (5, 6, 3 << 21, 9 << 21 | 5)
"""The first two are in one bucket."""
HAVING = st.dictionaries(
    st.integers(1, ROWS), st.sets(st.sampled_from(HASHES), min_size=1), max_size=120
)
ENDS = st.fixed_dictionaries(
    {bucket_of(each): st.sets(st.integers(1, ROWS - 1), max_size=4) for each in HASHES}
)


def placed(having: dict[int, set[int]], ends: dict[int, set[int]]) -> dict[int, list[Placed]]:
    pages: dict[int, list[Placed]] = {}
    for bucket, inner in ends.items():
        bounds = [0, *sorted(inner), ROWS]
        pages[bucket] = []
        for after, last in pairwise(bounds):
            postings: defaultdict[int, list[int]] = defaultdict(list)
            for row in range(last, after, -1):
                for each in having.get(row, ()):
                    if bucket_of(each) == bucket:
                        postings[each].append(row)
            if postings:
                pages[bucket].insert(0, Placed(last, after, Page(last, page_of(last, postings))))
    return pages


@given(
    having=HAVING,
    ends=ENDS,
    group=st.lists(st.sampled_from(HASHES), min_size=1, max_size=4),
    between=st.tuples(st.integers(1, ROWS), st.integers(1, ROWS)),
    dead=st.sets(st.integers(1, ROWS), max_size=20),
    most=st.integers(0, 50),
)
def test_the_newest_rows_that_have_all_hashes_are_found(  # noqa: PLR0917 - what is drawn
    having: dict[int, set[int]],
    ends: dict[int, set[int]],
    group: list[int],
    between: tuple[int, int],
    dead: set[int],
    most: int,
) -> None:
    removed = {bucket: frozenset(dead) for bucket in ends}
    found = Postings({}, placed(having, ends), removed, between)
    low, high = between
    expected = [
        row
        for row in sorted(having, reverse=True)
        if low <= row <= high and having[row].issuperset(group) and row not in dead
    ]
    assert list(found.packed(group)) == expected
    assert list(islice(found.packed(group), most)) == expected[:most]
    few = list(found.packed(group, enough=3))
    assert [row for row in few if having[row].issuperset(group)] == expected


@given(having=HAVING, ends=ENDS, hashed=st.sampled_from(HASHES), new=st.sets(st.integers(500, 600)))
def test_the_parts_of_a_hash_contain_all_rows_that_have_it(
    having: dict[int, set[int]], ends: dict[int, set[int]], hashed: int, new: set[int]
) -> None:
    found = Postings({0: list(new)} if new else {}, placed(having, ends), {}, (1, 600))
    parts = found.parts([hashed])
    rows = {row for row, hashes in having.items() if hashed in hashes} | new
    assert all(any(first <= row <= last for first, last in parts) for row in rows)
    assert all(any(first <= row <= last for row in rows) for first, last in parts)
