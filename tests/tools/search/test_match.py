"""Whether texts match, and where."""

from collections import Counter

import pytest
from hypothesis import given

from backscroll_tools.search.folding import fold
from backscroll_tools.search.literal import Literal
from backscroll_tools.search.match import MAX_OCCURRENCES, bits, matches, occurrences
from backscroll_tools.search.query import Query, QueryError, parse
from backscroll_tools.search.tokenizer import tokens
from tests.tools.search.texts import texts


def is_found(query: Query, text: str) -> bool:
    return matches(query, frozenset(tokens(text).terms), fold(text))


@pytest.mark.parametrize(
    ("literal", "text", "occurs"),
    [
        ("refund policy", "Our REFUND\n  policy.", True),
        ("refund policy", "policy refund", False),
        ("cat", "concatenate", False),
        ("cat", "scat", False),
        ("cat", "cats", False),
        ("cat", "-cat", True),
        ("cat", "snake_cat.py", True),
        ("bar.py", "see foo/bar.py:12", True),
        ("don't", "I don’t", True),
        ("don't", "dont", False),
        ("avion", "l'avion", True),
        ("-x", "tar -x file", True),
        ("c++", "I like C++11", True),
        ("uber", "Über", True),
        ("ÜBER", "u\u0308ber", True),
        ("c++", "Ｃ＋＋", True),
        ("京都", "東京都", True),
        ("東京", "東 京", False),
        ("->", "a->b", True),
        ("a a", "ba a a", True),
        ("a" * 200, "a" * 500_000, False),
        ("👍", "great👍🏽!", True),
        ("مدرسة", "المدرسة", False),
        ("ดี", "สวัสดี", True),
    ],
)
def test_a_literal_is_found_as_it_is_written_between_words(
    literal: str, text: str, *, occurs: bool
) -> None:
    wanted = Literal.of(literal)

    assert wanted is not None
    assert wanted.occurs(fold(text)) == occurs


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("refunds november", "We refunded it.", True),
        ("refunds november", "Nothing of the kind.", False),
        ('"in may" refund', "It was in May.", True),
        ('"in may" refund', "A refund in June", False),
        ("refund -card", "refund by card", False),
        ("refund -cards", "refund by card", False),
        ('refund -"by card"', "refund by card", False),
        ('refund -"by card"', "refund of a card", True),
    ],
)
def test_a_text_matches_what_is_wanted_and_not_what_is_excluded(
    query: str, text: str, *, found: bool
) -> None:
    assert is_found(parse(query), text) == found


def test_a_character_is_found_alone_and_as_a_part_of_a_pair() -> None:
    assert [match.token for match in occurrences(parse("猫 猫舎"), "猫舎")] == ["猫舎", "猫"]


def test_each_term_has_a_bit() -> None:
    assert bits(("refund", "may", "card"), {"card", "refund", "x"}) == 0b101


def test_matches_are_given_by_place() -> None:
    text = "Tokyo: the refund policy, 東京, refunds, DON’T"
    found = occurrences(parse('"refund policy" don\'t refund tokyo 東京'), fold(text))

    assert [(match.token, text[match.start : match.end]) for match in found] == [
        ("tokyo", "Tokyo"),
        ('"refund policy"', "refund policy"),
        ("refund", "refund"),
        ("東京", "東京"),
        ("refund", "refunds"),
    ]


def test_the_occurrences_of_words_and_of_each_literal_are_bounded() -> None:
    text = "refund a card, " * (MAX_OCCURRENCES + 1)
    found = Counter(each.token for each in occurrences(parse('refund "a card"'), text))

    assert found == {"refund": MAX_OCCURRENCES, '"a card"': MAX_OCCURRENCES}


@given(texts, texts)
def test_a_text_matches_words_if_it_has_an_occurrence_of_them(query: str, text: str) -> None:
    try:
        parsed = parse(query)
    except QueryError:
        return
    found = occurrences(parsed, fold(text))

    if not (parsed.literals or parsed.excluded or parsed.excluded_words):
        assert is_found(parsed, text) == bool(found)
    if is_found(parsed, text):
        assert set(parsed.required) <= set(tokens(text).terms)
        assert found
