"""JSON values for property tests: any at all, and documented ones with any value at one place."""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

_Place = tuple[str | int, ...]

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "a\x00\ud800", "2026-01-02T03:04:05Z", 1e300, -1, 10**400])
    | st.text(max_size=8)
)
ANY: st.SearchStrategy[object] = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def json_values(*examples: object) -> st.SearchStrategy[object]:
    """Return a strategy for any value, and for an example in which any place may hold any value."""
    places = [(example, place) for example in examples for place in _places(example)]
    return ANY | st.builds(_replaced, st.sampled_from(places), ANY)


def _places(value: object, place: _Place = ()) -> Iterator[_Place]:
    if place:
        yield place
    if isinstance(value, dict | list):
        for name, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(each, (*place, name))


def _replaced(at: tuple[Any, _Place], value: object) -> object:
    example, place = at
    changed = owner = copy.deepcopy(example)
    for name in place[:-1]:
        owner = owner[name]
    owner[place[-1]] = value
    return changed
