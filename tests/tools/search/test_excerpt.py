"""Excerpts: bounded, whole words, in the middle of what was found."""

from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll_tools.search.excerpt import Excerpt, excerpt
from backscroll_tools.search.folding import fold
from backscroll_tools.search.match import occurrences
from backscroll_tools.search.query import Query, QueryError, parse
from backscroll_tools.search.tokenizer import tokens
from tests.tools.search.texts import texts

FILLER = "lorem ipsum dolor sit amet "
WEIGHTS = {"boat": 1.0, "anchor": 2.0, "reef": 0.4}
MARKED = "o\u0308" * 4


def shown(found: Excerpt) -> list[str]:
    """Return the matches inside an excerpt."""
    return [found.text[start:end] for start, end in found.spans]


def test_an_excerpt_is_in_the_middle_of_the_densest_match() -> None:
    text = FILLER * 40 + "refund " + FILLER * 40 + "a Refund in Tōkyō, please " + FILLER * 40
    found = excerpt(text, parse("refunds tokyo"), 60)

    assert found.text == "dolor sit amet a Refund in Tōkyō, please lorem ipsum"
    assert shown(found) == ["Refund", "Tōkyō"]
    assert text[found.start :].startswith(found.text)
    assert found.more == (True, True)


def test_a_literal_counts_more_than_many_words() -> None:
    text = "bank card bank " + FILLER * 20 + "by card " + FILLER * 20

    assert shown(excerpt(text, parse('"by card" bank'), 40)) == ["by card"]


def test_rarer_words_count_more() -> None:
    text = "cat and dog " + FILLER * 20 + "yak " + FILLER * 20
    weights = {"cat": 0.1, "dog": 0.1, "yak": 5.0}

    assert shown(excerpt(text, parse("cat dog yak"), 40, weights)) == ["yak"]


@pytest.mark.parametrize(
    ("weights", "word"),
    [
        ({"cat": 0.1, "yak": 0.5}, "yak"),
        ({"yak": 1.5}, "yak"),
        ({"yak": 0.5}, "cat"),
        ({}, "cat"),
    ],
)
def test_a_word_has_a_weight_of_one_and_the_first_of_equal_parts_is_shown(
    weights: dict[str, float], word: str
) -> None:
    text = "cat " + FILLER * 20 + "yak " + FILLER * 20

    assert shown(excerpt(text, parse("cat yak"), 40, weights)) == [word]


def weight_of(found: Sequence[str]) -> float:
    """Return the weight of the matches of a part. Each repetition adds a hundredth."""
    return sum(WEIGHTS[word] * (1 + (found.count(word) - 1) / 100) for word in set(found))


@given(
    st.lists(st.sampled_from([*WEIGHTS, "x", "of"]), min_size=1, max_size=30), st.integers(7, 30)
)
def test_no_other_part_has_a_higher_weight(words: list[str], chars: int) -> None:
    query = parse(" ".join(WEIGHTS))
    text = " ".join(words)
    parts = (words[first:end] for first, end in combinations(range(len(words) + 1), 2))
    highest = max(
        weight_of([word for word in part if word in WEIGHTS])
        for part in parts
        if len(" ".join(part)) <= chars
    )

    assert weight_of(shown(excerpt(text, query, chars, WEIGHTS))) >= highest - 1e-6


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (FILLER + "boat anchor " + FILLER, "boat anchor"),
        ("boat boat boat reef " + FILLER, "boat reef"),
    ],
)
def test_a_part_may_fill_the_bound_exactly(text: str, part: str) -> None:
    assert excerpt(text, parse("boat anchor reef"), len(part), WEIGHTS).text == part


def test_a_text_that_fits_is_shown_whole() -> None:
    assert excerpt("A refund.", parse("refund"), 100) == Excerpt(
        "A refund.", 0, ((2, 8),), (False, False)
    )


def test_a_text_without_a_match_is_shown_from_its_start() -> None:
    found = excerpt(FILLER * 9, parse("refund"), 30)

    assert (found.text, found.start, found.spans, found.more) == (
        "lorem ipsum dolor sit amet",
        0,
        (),
        (False, True),
    )


def test_a_text_without_spaces_is_cut_between_characters() -> None:
    text = "今天下午三点我们开会讨论" * 20 + "東京タワー" + "今天下午三点我们开会讨论" * 20
    found = excerpt(text, parse("東京"), 20)

    assert len(found.text) == 20
    assert shown(found) == ["東京"]


@pytest.mark.parametrize("chars", range(6, 40))
@pytest.mark.parametrize("unit", ["👩\u200d👧", "क्\u200dष", "की"])
def test_a_character_of_several_parts_is_never_cut(unit: str, chars: int) -> None:
    found = excerpt(unit * 20 + "refund" + unit * 20, parse("refund"), chars)

    assert found.text.replace(unit, "") == "refund"
    assert shown(found) == ["refund"]
    assert chars - len(found.text) <= 2 * (len(unit) - 1)


@pytest.mark.parametrize(
    ("text", "chars", "part"),
    [
        ("refund boat and more", 10, "refund"),
        ("refund boat and more", 11, "refund boat"),
        ("refund boat and more", 12, "refund boat"),
        ("x" * 30 + "東 refund", 8, "東 refund"),
        ("refund 東" + "x" * 30, 8, "refund 東"),
        ("some boat refund", 11, "boat refund"),
    ],
)
def test_an_excerpt_begins_and_ends_between_words(text: str, chars: int, part: str) -> None:
    assert excerpt(text, parse("refund"), chars).text == part


@pytest.mark.parametrize(
    ("chars", "part"),
    [
        (16, ["boat", MARKED]),
        (19, ["boat", MARKED]),
        (20, ["boat", MARKED, "anchor"]),
    ],
)
def test_marks_of_characters_count_to_the_length(chars: int, part: list[str]) -> None:
    text = f"boat {FILLER * 9}boat {MARKED} anchor {FILLER * 9}"
    found = excerpt(text, parse("boat oooo anchor"), chars)

    assert (found.text, shown(found)) == (" ".join(part), part)


def test_matches_are_shown_on_both_sides_of_a_character_that_stands_for_several() -> None:
    wide = "boat ㍿㍿㍿㍿ anchor"
    text = f"boat {FILLER * 9}{wide} {FILLER * 9}"
    weights = {"anchor": 2.0}

    assert shown(excerpt(wide, parse("boat anchor"), 20, weights)) == ["boat", "anchor"]
    assert shown(excerpt(text, parse("boat anchor"), 27, weights)) == ["boat", "anchor"]


def test_a_match_within_a_combined_emoji_is_shown_even_if_the_bound_is_less() -> None:
    assert excerpt("👩\u200d👧", parse("👩"), 1) == Excerpt("👩", 0, ((0, 1),), (False, True))


@pytest.mark.parametrize("word", ["東京都府", "👍👍"])
def test_matches_that_touch_or_overlap_are_shown_as_one(word: str) -> None:
    assert shown(excerpt(f"in {word} today", parse(word), 40)) == [word]


def test_a_match_in_one_long_word_is_shown_within_the_bound() -> None:
    path = "/".join(["folder"] * 200)
    found = excerpt(f"{path}/refund/{path}", parse("refund"), 40)

    assert found.text.startswith("/folder/")
    assert found.text.endswith("/folder/")
    assert shown(found) == ["refund"]


def test_a_match_longer_than_the_bound_is_cut() -> None:
    found = excerpt("so " + "x" * 200, parse("x" * 200), 50)

    assert (found.text, found.spans) == ("x" * 50, ((0, 50),))


@pytest.mark.parametrize(
    "text", ["refund " * 150_000, "会議" * 500_000, "é " * 500_000, "x" * 1_000_000]
)
def test_a_text_of_a_million_characters_takes_no_more_than_linear_time(text: str) -> None:
    assert len(excerpt(text, parse("refund 会議 é"), 200).text) <= 200


@given(texts, texts, st.integers(1, 60))
def test_an_excerpt_is_bounded_and_shows_real_matches(query: str, text: str, chars: int) -> None:
    try:
        parsed = parse(query)
    except QueryError:
        return
    found = excerpt(text, parsed, chars)

    assert len(found.text) <= chars
    assert text[found.start : found.start + len(found.text)] == found.text
    assert found.more == (found.start > 0, found.start + len(found.text) < len(text))
    assert bool(found.spans) == bool(occurrences(parsed, fold(text)))
    assert all(0 <= start < end <= len(found.text) for start, end in found.spans)
    assert list(found.spans) == sorted(found.spans)
    assert all(
        before < after
        for (_, before), (after, _) in zip(found.spans, found.spans[1:], strict=False)
    )
    if chars >= len(text):
        assert found.text.strip() == text.strip()
        assert all(_matching(parsed, each) for each in shown(found))


def _matching(query: Query, text: str) -> bool:
    found = tokens(text).terms
    return any(term in found for term in query.words) or any(
        literal.occurs(fold(text)) for literal in query.literals
    )
