"""A failing run is reduced to the fewest parts that still fail."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulation.shrinking import fewest


@given(st.integers(0, 40), st.sets(st.integers(0, 39), max_size=4))
def test_exactly_the_parts_that_matter_are_left(count: int, matter: set[int]) -> None:
    parts = [each for each in range(count) if each not in matter]
    parts += sorted(matter)

    assert fewest(parts, matter.issubset) == sorted(matter)


def test_one_of_several_causes_is_left() -> None:
    def fails(parts: Sequence[int]) -> bool:
        return {1, 7} <= set(parts) or 5 in parts

    assert fewest(range(20), fails) in ([5], [1, 7])


def test_no_part_is_left_if_none_matters() -> None:
    assert fewest(range(20), lambda _: True) == []


@pytest.mark.parametrize(("matter", "most"), [({3}, 20), ({3, 90}, 60)])
def test_few_runs_are_needed_if_few_parts_matter(matter: set[int], most: int) -> None:
    runs = []

    def fails(parts: Sequence[int]) -> bool:
        runs.append(parts)
        return matter.issubset(parts)

    assert fewest(range(100), fails) == sorted(matter)
    assert len(runs) < most
