"""Pages have every posting that was put into them, in a small fraction of the space."""

from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll.store.search.postings import BUCKETS, Page, bucket_of, page_of

HASHES = st.integers(-(1 << 31), (1 << 31) - 1)
LAST = 5_000_000_000
ROWS = st.sets(st.one_of(st.integers(0, 300), st.integers(0, 1_000_000)), min_size=1)


@given(first=HASHES, others=st.sets(st.integers(0, (1 << 21) - 1)), data=st.data())
def test_a_page_has_what_was_put_into_it(first: int, others: set[int], data: st.DataObject) -> None:
    bucket = [first >> 21 << 21 | other for other in others] or [first]
    postings = {each: [LAST - distance for distance in sorted(data.draw(ROWS))] for each in bucket}
    page = Page(LAST, page_of(LAST, postings))
    assert page.postings() == postings
    assert {each: list(page.rows(each)) for each in postings} == postings
    assert {each: page.count(each) for each in postings} == {
        each: len(rows) for each, rows in postings.items()
    }


@given(hashed=HASHES, other=HASHES)
def test_a_hash_that_a_page_lacks_has_no_rows(hashed: int, other: int) -> None:
    page = Page(LAST, page_of(LAST, {hashed: [LAST, LAST - 7]}))
    assert (list(page.rows(other)), page.count(other)) == (
        ([LAST, LAST - 7], 2) if other == hashed else ([], 0)
    )


@given(hashed=HASHES)
def test_all_hashes_are_in_a_bucket(hashed: int) -> None:
    assert 0 <= bucket_of(hashed) < BUCKETS


def test_the_rows_of_a_common_word_take_a_byte_each_at_most() -> None:
    page = page_of(LAST, {7: range(LAST, LAST - 20_000, -2)})
    assert len(page) < 200


@given(having=ROWS, others=ROWS, first=HASHES)
def test_the_rows_that_have_a_hash_are_found_among_others(
    having: set[int], others: set[int], first: int
) -> None:
    page = Page(LAST, page_of(LAST, {first: [LAST - distance for distance in sorted(having)]}))
    some = sorted((LAST - distance for distance in others | set(list(having)[::2])), reverse=True)
    assert page.among(first, some) == [row for row in some if LAST - row in having]
    assert page.among(first ^ 1, some) == []


def test_rows_are_found_among_very_many_that_have_a_hash() -> None:
    page = Page(LAST, page_of(LAST, {7: range(LAST, LAST - 100_000, -3)}))
    wanted = [LAST, LAST - 1, LAST - 3_072, LAST - 3_075, LAST - 60_001, LAST - 99_999]
    assert page.among(7, [LAST + 3, *wanted, LAST - 200_001]) == [
        LAST,
        LAST - 3_072,
        LAST - 3_075,
        LAST - 99_999,
    ]


@given(data=st.data(), first=HASHES, others=st.sets(st.integers(0, (1 << 21) - 1)))
def test_a_page_without_some_rows_is_the_page_of_the_others(
    data: st.DataObject, first: int, others: set[int]
) -> None:
    bucket = [first >> 21 << 21 | other for other in others] or [first]
    postings = {each: [LAST - distance for distance in sorted(data.draw(ROWS))] for each in bucket}
    removed = {
        each: data.draw(st.sets(st.sampled_from([*rows, LAST + 1])))
        for each, rows in postings.items()
    }
    left = {
        each: kept
        for each, rows in postings.items()
        if (kept := [row for row in rows if row not in removed[each]])
    }
    page = Page(LAST, page_of(LAST, postings)).without(removed)
    assert (page and Page(LAST, page).postings()) == (left or None)


@pytest.mark.parametrize(
    "removed",
    [
        {0},
        {99_999},
        {1, 1_024, 1_025, 50_000},
        range(1_000, 3_100),
        range(99_000),
        range(1_000, 100_000),
        range(0, 100_000, 2),
    ],
)
def test_rows_are_removed_from_a_word_that_very_many_have(removed: Collection[int]) -> None:
    rows = [LAST - 3 * at for at in range(100_000)]
    page = Page(LAST, page_of(LAST, {7: rows, 9: [LAST]}))
    left = page.without({7: {rows[at] for at in removed}})
    assert left is not None
    assert Page(LAST, left).postings() == {
        7: [row for at, row in enumerate(rows) if at not in removed],
        9: [LAST],
    }
    nothing = page.without({7: rows, 9: [LAST]})
    assert nothing is None
