"""Stems: the forms of a word have one, and it never changes."""

import hashlib
from itertools import product

import pytest

from backscroll_tools.search.stems import MAX_WORD_CHARS, stem
from backscroll_tools.search.tokenizer import TOKENS_VERSION, tokens
from bench.search.facts import facts
from tests.tools.search.texts import WORDS

DIGESTS = {1: "d32cbc116f09b637"}
"""Of the tokens of a few hundred texts, by version: an index holds tokens of its version alone."""
STEMS = {1: "f4c12d3cf832ae38"}
"""Of the stems of `BEGINNINGS` with up to two of `ENDINGS`, by the same version."""

BEGINNINGS = "a be by cy dee gener commun arsen hop hopp fl tr sky rel oper yell bat li oo"
ENDINGS = (
    "s es ies ied ed eed ing ly edly eedly ingly y e l ll t ic icate iciti ical ful ness "
    "tional enci anci abli entli izer ization ational ation ator alism aliti alli fulness "
    "ousli ousness iveness iviti biliti bli fulli lessli ogi li alize ative al ance ence "
    "er able ible ant ement ment ent ism ate iti ous ive ize ion ungen heiten soes eaux"
)


@pytest.mark.parametrize(
    ("forms", "expected"),
    [
        ("refund refunds refunded refunding", "refund"),
        ("connect connected connection connections connective", "connect"),
        ("consist consisted consistency consistent consisting", "consist"),
        ("happy happiness", "happi"),
        ("hoped hoping hopes", "hope"),
        ("hopped hopping hops", "hop"),
        ("relational relations relate", "relat"),
        ("generously generous", "generous"),
        ("generate generation", "generat"),
        ("agreed agreeing agrees", "agre"),
        ("dying", "die"),
        ("ties tied", "tie"),
        ("cries cried", "cri"),
        ("gas", "gas"),
        ("news", "news"),
        ("sky skies", "sky"),
        ("proceed", "proceed"),
        ("controlling controlled controls", "control"),
        ("enjoys enjoyed", "enjoy"),
        ("rechnung rechnungen", "rechnung"),
        ("licao licoes", "licao"),
        ("chateau chateaux", "chateau"),
        ("книга книги книгой книгами", "книг"),
        ("مدرسه المدرسه والمدرسه مدرسات", "مدرس"),
        ("λογος", "λογος"),
        ("2591", "2591"),
        ("ab12", "ab12"),
    ],
)
def test_the_forms_of_a_word_have_one_stem(forms: str, expected: str) -> None:
    assert {stem(form) for form in forms.split()} == {expected}


def test_a_long_word_is_cut() -> None:
    assert stem("ab1" * 100) == ("ab1" * 100)[:MAX_WORD_CHARS]


def test_stems_change_only_with_the_version_of_tokens() -> None:
    endings = ["", *ENDINGS.split()]
    words = map("".join, product(BEGINNINGS.split(), endings, endings))
    every = " ".join(map(stem, words))

    assert hashlib.sha256(every.encode()).hexdigest()[:16] == STEMS[TOKENS_VERSION]


def test_tokens_change_only_with_their_version() -> None:
    texts = [*WORDS, *(f"{fact.before} {fact.said} {fact.question}" for fact in facts())]
    every = "\n".join(" ".join(sorted(tokens(text).terms)) for text in texts)

    assert hashlib.sha256(every.encode()).hexdigest()[:16] == DIGESTS[TOKENS_VERSION]
