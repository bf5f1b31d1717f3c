"""Folding makes case, width and accents alike, and knows where each character comes from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll_tools.search.folding import Folded, fold
from tests.tools.search.texts import texts


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Über STRASSE straße", "uber strasse strasse"),
        ("u\u0308ber", "uber"),
        ("don’t don‘t donʼt don´t", "don't don't don't don't"),
        ("Ｃ＋＋ ﾊﾟｿｺﾝ ①", "c++ パソコン 1"),
        ("İstanbul ılık Øre Łódź", "istanbul ilik ore lodz"),
        ("أحمد مدرسةٌ ٱلله ٣", "احمد مدرسه الله 3"),
        ("👍🏽 ✈️ 👩\u200d👧", "👍 ✈ 👩👧"),
        ("สวัสดี हिन्दी 한국어 が", "สวัสดี हिन्दी 한국어 が"),
        ("soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"),
        ("\ud800 \0", "\ud800 \0"),
    ],
)
def test_a_text_folds_to_what_a_person_takes_as_the_same(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(texts)
def test_folding_again_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(texts)
def test_upper_case_and_decomposition_make_no_difference(text: str) -> None:
    assert fold(text.casefold()) == fold(text)


@given(texts, st.integers(0, 3))
def test_a_text_in_blocks_folds_as_in_one(text: str, repeated: int) -> None:
    long = text + "é 東京 " * (repeated * 400) + text

    assert Folded(long).text == fold(long)


@given(texts, st.data())
def test_a_span_points_at_the_characters_that_it_was_folded_from(
    text: str, data: st.DataObject
) -> None:
    folded = Folded(text)
    if not folded.text:
        return
    start = data.draw(st.integers(0, len(folded.text) - 1))
    end = data.draw(st.integers(start + 1, len(folded.text)))
    left, right = folded.raw_span(start, end)

    assert folded.text[start:end] in fold(text[left:right])
    assert left < right


def test_a_span_in_a_later_block_points_there() -> None:
    text = "Straße 東京 " * 2_000 + "Übergang"
    folded = Folded(text)
    start = folded.text.index("ubergang")

    assert folded.raw_span(start, start + 8) == (len(text) - 8, len(text))


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("é", [(0, 1)]),
        ("Üb", [(0, 1), (1, 2)]),
        ("e\u0301x", [(0, 2), (2, 3)]),
        ("ﬁx", [(0, 1), (0, 1), (1, 2)]),
        ("\u200bé\u200b", [(1, 2)]),
    ],
)
def test_each_character_comes_from_one_with_its_marks(
    text: str, spans: list[tuple[int, int]]
) -> None:
    folded = Folded(text)

    assert [folded.raw_span(at, at + 1) for at in range(len(folded.text))] == spans


@pytest.mark.parametrize("text", ["é" * 1_024, "é" * 4_096, "e\u0301\u0302\u0303\u0304" * 1_000])
def test_a_block_ends_before_a_character_and_not_within(text: str) -> None:
    folded = Folded(text)
    size = len(text) // len(fold(text))

    assert folded.text == fold(text)
    assert [folded.raw_span(at, at + 1) for at in range(len(folded.text))] == [
        (at, at + size) for at in range(0, len(text), size)
    ]
