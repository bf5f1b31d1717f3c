"""Excerpts: bounded, whole words, in the middle of what was found."""

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
