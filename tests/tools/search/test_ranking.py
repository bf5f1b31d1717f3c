"""The order of hits, from numbers alone."""

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll_tools.search.ranking import (
    BEST,
    COVERAGE,
    LENGTH,
    MEANING,
    SATURATION,
    Candidate,
    best,
    ranked,
    rarer,
    weight,
)

numbers = st.integers(0, 1_000)
candidates = st.lists(
    st.builds(
        Candidate, row=numbers, bits=st.integers(0, 7), length=numbers, thread=st.integers(0, 3)
    ),
    unique_by=lambda each: each.row,
    max_size=20,
)
WEIGHTS = (1.0, 2.0, 4.0)


def test_a_rare_word_tells_more_than_a_common_one() -> None:
    assert weight(999, 0) == pytest.approx(log(2000))
    assert weight(999, 9) > weight(999, 500) > weight(999, 999) > 0
    assert weight(0, 5) > 0


def test_the_best_have_the_rarest_words_and_then_are_the_newest() -> None:
    found = [Candidate(1, 0b011, 9, "a"), Candidate(2, 0b100, 9, "a"), Candidate(3, 0b011, 9, "a")]

    assert [each.row for each in best(found, WEIGHTS, limit=2)] == [2, 3]
    assert len(best([Candidate(row, 1, 9, "a") for row in range(300)], WEIGHTS)) == BEST


def test_the_rarer_words_have_a_third_of_the_greatest_weight_or_more() -> None:
    weights = (1.0, 0.9, 3.0, 9.0)

    assert rarer([0, 1, 2], weights) == [0, 2]
    assert rarer([0, 1, 2, 3], weights) == [2, 3]
    assert rarer([], weights) == []


def test_a_score_is_the_weight_of_the_words_and_a_part_of_the_threads() -> None:
    order = ranked(
        [Candidate(1, 0b100, 20, "a"), Candidate(2, 0b010, 20, "a"), Candidate(3, 0b100, 20, "b")],
        WEIGHTS,
        mean_length=10,
    )
    norm = (SATURATION + 1) / (1 + SATURATION * (1 - LENGTH + LENGTH * 2))

    assert [each.row for each in order] == [1, 3, 2]
    assert [each.score for each in order] == pytest.approx(
        [
            (4 * norm + COVERAGE * 6) / 7,
            (4 * norm + COVERAGE * 4) / 7,
            (2 * norm + COVERAGE * 6) / 7,
        ]
    )


def test_a_shorter_message_comes_first_and_then_a_newer_one() -> None:
    found = [Candidate(1, 1, 5, 1), Candidate(2, 1, 50, 2), Candidate(3, 1, 5, 3)]

    assert [each.row for each in ranked(found, WEIGHTS, mean_length=10)] == [3, 1, 2]


def test_a_semantic_score_is_added() -> None:
    found = [Candidate(1, 1, 5, 1), Candidate(2, 1, 5, 2)]
    plain = {each.row: each.score for each in ranked(found, WEIGHTS, 10)}

    assert ranked(found, WEIGHTS, 10, {1: 0.5}) == [
        (plain[1] + MEANING * 0.5, 1),
        (plain[2], 2),
    ]


@given(candidates, st.floats(0, 1_000))
def test_every_candidate_is_ranked_once_from_the_highest_score(
    found: list[Candidate], mean_length: float
) -> None:
    order = ranked(found, WEIGHTS, mean_length)

    assert sorted(each.row for each in order) == sorted(each.row for each in found)
    assert order == sorted(order, key=lambda each: (-each.score, -each.row))
    assert ranked(found[::-1], WEIGHTS, mean_length) == order


def test_nothing_found_is_nothing_ranked() -> None:
    assert ranked([], (), 0) == []
    assert ranked([Candidate(1, 0, 0, "a")], (), 0) == [(0.0, 1)]
