"""Pages of a list are joined, turned around and divided without losing or moving an item."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll_tools.pages.source import Chunk


def page(names: str, passed: tuple[int, ...] = (), **fields: object) -> Chunk[dict[str, str]]:
    items = tuple({"id": name} for name in names)
    return Chunk(items, has_more=False, passed=passed, **fields)  # type: ignore[arg-type]  # each test passes the field's own type


def rows(chunk: Chunk[dict[str, str]]) -> list[str | int]:
    """Return the ids of a page's items, and the number of skipped items before and after each."""
    counts = chunk.passed or (0,) * (len(chunk.items) + 1)
    found: list[str | int] = [counts[0]]
    for item, count in zip(chunk.items, counts[1:], strict=True):
        found += [item["id"], count]
    return found


@st.composite
def pages(draw: st.DrawFn, names: str) -> Chunk[dict[str, str]]:
    has_counts = draw(st.booleans())
    counts = st.lists(st.integers(0, 3), min_size=len(names) + 1, max_size=len(names) + 1)
    return page(names, tuple(draw(counts)) if has_counts else ())


@pytest.mark.parametrize("keys", [(), ("k1", "k2", "k3")])
def test_the_part_after_an_item_has_its_keys(keys: tuple[str, ...]) -> None:
    whole = page("abc", keys=keys)
    assert [whole.following(key).keyed for key, _ in whole.keyed] == [
        whole.keyed[1:],
        whole.keyed[2:],
        [],
    ]


@given(pages("abcde"), st.sampled_from("abcde"), st.integers(0, 3))
def test_the_part_after_an_item_has_its_items_and_counts(
    whole: Chunk[dict[str, str]], key: str, fewer: int
) -> None:
    expected = rows(whole)[rows(whole).index(key) + 1 :]
    assert rows(whole.following(key)) == expected
    assert isinstance(expected[0], int)
    assert rows(whole.passing_fewer(fewer))[1:] == rows(whole)[1:]
    assert rows(whole.following(key).passing_fewer(fewer)) == [
        max(0, expected[0] - fewer),
        *expected[1:],
    ]


@pytest.mark.parametrize("keys", [(), ("k1", "k2", "k3")])
@pytest.mark.parametrize("is_dead_end", [False, True])
def test_other_items_in_place_of_a_pages_items_have_their_keys(
    keys: tuple[str, ...], is_dead_end: bool
) -> None:
    fields: dict[str, object] = {
        "last": "d",
        "warning": "flawed",
        "has_places": True,
        "is_dead_end": is_dead_end,
        "from_start": not is_dead_end,
    }
    counts = (1, 0, 0, 2)
    other = page("abc", counts, keys=keys, **fields).with_items(page("xyz").items)
    assert other == page("xyz", counts, keys=keys or ("a", "b", "c"), **fields)


@given(pages("abc"), pages("de"))
def test_two_pages_as_one_have_all_items_and_counts_in_order(
    one: Chunk[dict[str, str]], other: Chunk[dict[str, str]]
) -> None:
    *start, last = rows(one)
    first, *end = rows(other)
    assert isinstance(last, int)
    assert isinstance(first, int)
    assert rows(one.then(other)) == [*start, last + first, *end]


@given(pages("abc"))
def test_a_page_backwards_is_the_page_in_the_opposite_order(one: Chunk[dict[str, str]]) -> None:
    assert rows(one.backwards) == rows(one)[::-1]
    assert one.backwards.backwards == one


@pytest.mark.parametrize(
    ("warnings", "joined"),
    [
        (("late", "early"), "late; early"),
        (("late", "late"), "late"),
        (("late", ""), "late"),
        (("", "early"), "early"),
        (("", ""), ""),
    ],
)
def test_a_joined_page_keeps_both_warnings_the_keys_and_where_it_starts(
    warnings: tuple[str, str], joined: str
) -> None:
    one = page("a", warning=warnings[0], keys=("k",), from_start=True)
    other = page("b", warning=warnings[1], last="z")

    assert one.then(other) == page("ab", warning=joined, keys=("k", "b"), last="z", from_start=True)


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("by_key", [False, True])
@pytest.mark.parametrize("passed", [(), (1, 0, 2, 0, 3)])
def test_a_whole_list_is_divided_at_an_item_named_by_key_or_id(
    place: int, *, by_key: bool, passed: tuple[int, ...]
) -> None:
    whole = page("abcd", passed, keys=("k1", "k2", "k3", "k4"))
    key, item = whole.keyed[place]

    found = whole.around(key if by_key else item["id"])

    assert found is not None
    assert found.named == item
    assert (found.older.has_more, found.newer.has_more) == (False, False)
    joined = found.older.backwards.then(page(item["id"], keys=(key,))).then(found.newer)
    assert joined.keyed == whole.keyed
    assert rows(joined) == rows(whole)


def test_an_item_that_a_list_lacks_has_no_sides() -> None:
    assert page("ab").around("c") is None
