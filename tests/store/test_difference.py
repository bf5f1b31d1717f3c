"""How the store's items become those of a source, for any two lists of items."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from backscroll.store.archive.difference import REMOVED, Difference, Given, Known, compare

KEYS = [*"abcdefgh"]

_sources = st.lists(
    st.builds(
        lambda key, digest: Given(key, None, digest), st.sampled_from(KEYS), st.integers(1, 2)
    ),
    unique_by=lambda each: each.key,
)


def own(position: int) -> Known:
    """Return an item that the user wrote."""
    return Known(position, f"own_{position}", None, None, is_deleted=False)


def applied(
    known: Sequence[Known], source: Sequence[Given], difference: Difference
) -> tuple[list[Known], list[int]]:
    """Return the items after a difference, in order, and the positions that were given anew."""
    there = {each.position: each for each in known}
    for each, at in difference.replaced:
        there[each.position] = each._replace(digest=source[at].digest)
    for each in difference.removed:
        erased = each._replace(key=None, digest=REMOVED, is_deleted=True)
        there[each.position] = erased
        if difference.has_new_start and each.position == 1:
            del there[1]
    free = max((each.position for each in known), default=0) + 1
    positions = [*([1] if difference.has_new_start else []), *range(free, free + 99)]
    moved = {
        placed.at: there.pop(placed.known.position)
        for placed in difference.placed
        if placed.known is not None
    }
    given_anew = positions[: len(difference.placed)]
    for placed, position in zip(difference.placed, given_anew, strict=True):
        key, _, digest = source[placed.at]
        new = Known(position, f"id_{key}_{position}", key, digest, is_deleted=False)
        assert position not in there
        there[position] = moved.get(placed.at, new)._replace(position=position)
    return [there[position] for position in sorted(there)], given_anew


def imported(known: Sequence[Known]) -> list[tuple[str | None, int | None]]:
    return [(each.key, each.digest) for each in known if each.is_imported]


@given(st.lists(st.tuples(_sources, st.booleans(), st.integers(0, 9)), min_size=2, max_size=4))
def test_after_each_import_the_items_are_those_of_the_source_in_its_order(
    steps: list[tuple[list[Given], bool, int]],
) -> None:
    known: list[Known] = []
    for source, writes, deletes in steps:
        difference = compare(known, source, is_tail=False)
        before = [each for each in known if not each.is_imported]
        deleted = {each.key for each in known if each.is_deleted}
        known, _ = applied(known, source, difference)
        wanted = [(each.key, each.digest) for each in source if each.key not in deleted]
        assert imported(known) == wanted
        assert [each for each in known if each in before] == before
        assert not compare(known, source, is_tail=False)
        if writes:
            known.append(own(max((each.position for each in known), default=0) + 1))
        if deletes < len(known):
            known[deletes] = known[deletes]._replace(is_deleted=True)


@given(_sources, _sources)
def test_a_tail_replaces_and_adds_and_leaves_all_others(
    source: list[Given], tail: list[Given]
) -> None:
    known, _ = applied((), source, compare((), source, is_tail=False))
    after, _ = applied(known, tail, compare(known, tail, is_tail=True))
    changed = {each.key: each.digest for each in tail}
    new = [each for each in tail if each.key not in {old.key for old in source}]
    expected = [(each.key, changed.get(each.key, each.digest)) for each in source]
    assert imported(after) == [*expected, *((each.key, each.digest) for each in new)]
    assert not compare(after, tail, is_tail=True)


@given(_sources, st.lists(st.sampled_from(KEYS), unique=True))
def test_a_grown_source_only_adds(source: list[Given], keys: list[str]) -> None:
    known, _ = applied((), source, compare((), source, is_tail=False))
    there = {each.key for each in source}
    new = [Given(key, None, 1) for key in keys if key not in there]
    difference = compare(known, [*source, *new], is_tail=False)
    assert (difference.replaced, difference.removed) == ([], [])
    assert difference.added == list(range(len(source), len(source) + len(new)))
    assert all(placed.known is None for placed in difference.placed)
