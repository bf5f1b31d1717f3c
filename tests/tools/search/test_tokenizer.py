"""Tokens of texts and terms of queries, which agree on what a word is."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backscroll_tools.search.folding import fold
from backscroll_tools.search.literal import Literal
from backscroll_tools.search.tokenizer import (
    MAX_TOKENS,
    inside_word,
    located,
    query_terms,
    tokens,
    word_end,
    words_alone,
)
from tests.tools.search.texts import texts


@pytest.mark.parametrize(
    ("text", "found", "terms"),
    [
        ("Refunds refunded", {"refund"}, ["refund", "refund"]),
        ("don’t", {"don", "t", "dont"}, ["dont"]),
        ("Ines's l'avion qu’il", {"ine", "s", "l", "avion", "qu", "il"}, ["ine", "avion", "il"]),
        ("rock'n'roll", {"rock", "n", "roll", "rockn"}, ["rockn", "roll"]),
        ("c++ C# g++11", {"c", "c++", "c#", "g", "g++", "11"}, ["c++", "c#", "g++", "11"]),
        ("asp.NET", {"asp", "net", ".net"}, ["asp", ".net"]),
        ("foo/bar.py:12", {"foo", "bar", "py", "12"}, ["foo", "bar", "py", "12"]),
        ("snake_case", {"snake", "case"}, ["snake", "case"]),
        ("page#section", {"page", "section"}, ["page", "section"]),
        ("東京都", {"東", "京", "都", "東京", "京都"}, ["東京", "京都"]),
        ("東", {"東"}, ["東"]),
        ("한국", {"한", "국", "한국"}, ["한국"]),
        ("ดีใจ", {"ด", "ี", "ใ", "จ", "ดี", "ีใ", "ใจ"}, ["ดี", "ีใ", "ใจ"]),
        ("東京tower", {"東", "京", "東京", "tower"}, ["東京", "tower"]),
        ("👍🏽👍", {"👍"}, ["👍", "👍"]),
        ("🇩🇪", {"🇩", "🇪", "🇩🇪"}, ["🇩🇪"]),
        ("المدرسة", {"مدرس"}, ["مدرس"]),
        ("книгами книга", {"книг"}, ["книг", "книг"]),
        ("Rechnungen Rechnung", {"rechnung"}, ["rechnung", "rechnung"]),
        ("x" * 100, {"x" * 64}, ["x" * 64]),
        ("x" * 100 + "++", {"x" * 64, "x" * 62 + "++"}, ["x" * 62 + "++"]),
        ("", set(), []),
        ("\0 \ud800 ...", set(), []),
    ],
)
def test_a_text_has_the_tokens_that_a_query_asks_for(
    text: str, found: set[str], terms: list[str]
) -> None:
    assert set(tokens(text).terms) == found
    assert [term.token for term in query_terms(text)] == terms


def test_a_text_keeps_each_token_once_and_counts_each_word() -> None:
    counted = tokens("the cat and the CATS 東京")

    assert sorted(counted.terms) == sorted(["the", "cat", "and", "東", "京", "東京"])
    assert counted.length == 7


def test_a_text_without_end_has_a_bounded_number_of_tokens() -> None:
    assert len(tokens(" ".join(map(str, range(MAX_TOKENS * 2)))).terms) == MAX_TOKENS


@given(texts)
def test_case_width_and_marks_make_no_difference(text: str) -> None:
    assert tokens(fold(text)) == tokens(text)
    assert query_terms(fold(text)) == query_terms(text)


@given(st.text(st.characters(codec="ascii")))
def test_plain_text_has_the_same_tokens_beside_text_of_other_scripts(text: str) -> None:
    assert set(tokens(f"{text} 東").terms) == {*tokens(text).terms, "東"}


@given(texts, st.data())
def test_a_text_has_every_term_of_a_literal_that_it_contains(
    text: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text)))
    wanted = Literal.of(text[start : data.draw(st.integers(start, len(text)))])
    assume(wanted is not None and wanted.occurs(fold(text)))
    assert wanted is not None

    assert set(wanted.terms) <= set(tokens(text).terms)


def test_words_around_an_apostrophe_are_located_each_and_together() -> None:
    text = "Rock'n'roll, l'avion, it'don't, Ines's"
    terms = {"rock", "rockn", "roll", "avion", "don", "dont", "ine"}

    assert sorted(
        (place.token, text[place.start : place.end]) for place in located(fold(text), terms)
    ) == [
        ("avion", "avion"),
        ("don", "don"),
        ("dont", "don't"),
        ("ine", "Ines"),
        ("rock", "Rock"),
        ("rockn", "Rock'n"),
        ("roll", "roll"),
    ]


@given(texts, texts)
def test_a_token_is_located_where_a_text_has_it(text: str, asked: str) -> None:
    terms = {term.token for term in query_terms(asked)}
    folded = fold(text)
    places = list(located(folded, terms))

    assert {place.token for place in places} == terms & set(tokens(text).terms)
    for place in places:
        assert place.token in tokens(folded[place.start : place.end]).terms


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1))
def test_a_stem_is_never_empty(word: str) -> None:
    assert all(tokens(word).terms)


def test_a_word_reaches_from_its_first_to_its_last_character() -> None:
    alone = words_alone("a_boat 東京tower")

    assert alone == "a_boat   tower"
    assert [at for at in range(len(alone) + 1) if inside_word(alone, at)] == [
        *range(3, 6),
        *range(10, 14),
    ]
    assert [word_end(alone, at) for at in (0, 1, 2, 4, 6, 7, 9, 14)] == [1, 1, 6, 6, 6, 7, 14, 14]
