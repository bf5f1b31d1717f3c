"""Texts that the property tests draw: any characters, and those with rules of their own."""

from typing import Final

from hypothesis import strategies as st

PECULIAR: Final = (
    "aAbBzZ09_-./:#+'’\"\n\t \0\u00a0İıßſµæÆéÉe\u0301ñüÜ½①ﬁ㍿™ﾊﾟパハ"
    "\u309a東京都会议한ᄒ\u1161\u11abㅎㅏ"
    "กำ\u0e33ัดหน้า\u0939\u093f\u0928\u094d\u0627\u0623\u0644\u0640\u064b\u0629\u064a\u06cc\u0661"
    "👍🏽👩\u200d👧🇩🇪✈\ufe0f\u20e3\ud800\U00020000ЁёйИ\u0306ΣσςЇ\u0345\u037a\u1fbd"
)
WORDS: Final = (
    *("c++", "C#", ".NET", "don't", "l’avion", "Ines's", "rock'n'roll", "foo/bar.py:12"),
    *(
        "snake_case",
        "Über",
        "東京都",
        "สวัสดี",
        "مرحبا",
        "refunds",
        "👍🏽",
        "a",
        "ＡＢ",
        "-x",
        "x" * 70,
    ),
)

chars = st.one_of(st.sampled_from(PECULIAR), st.characters())
texts = st.one_of(
    st.text(chars, max_size=40),
    st.lists(st.one_of(st.sampled_from(WORDS), st.text(chars, max_size=4)), max_size=8).flatmap(
        lambda parts: st.sampled_from(["", " ", "'", "\n"]).map(lambda space: space.join(parts))
    ),
)
"""Any strings, lone surrogates among them."""
