"""A cursor holds the position in a list of hits, and cannot be read or changed without the key."""

from base64 import urlsafe_b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll.store.api_errors import ApiError
from backscroll.store.search.search_cursor import MAX_CURSOR_CHARS, Cursor

KEY = bytes(range(32))
IDENTITY = (1, "", "refund\ud800", None, None, 3, None, "newest")
CURSOR = Cursor(high=300, messages=127, mean_length=128, having=(0, 16_384), at=(-1, 5), shown=(7,))

number = st.integers(0, (1 << 62) - 1)
row = st.integers(0, (1 << 40) - 1)
signed = st.integers(-(1 << 63), (1 << 63) - 1)
cursors = st.builds(
    Cursor,
    row,
    number,
    number,
    *(st.lists(each, max_size=5).map(tuple) for each in (number, signed, row)),
)


@given(cursors)
def test_a_cursor_is_read_as_it_was_written(cursor: Cursor) -> None:
    text = cursor.encode(IDENTITY, KEY)

    assert Cursor.read(text, IDENTITY, KEY, len(cursor.having)) == cursor
    assert "=" not in text


def refused(text: str, identity: object = IDENTITY, key: bytes = KEY, groups: int = 2) -> bool:
    with pytest.raises(ApiError) as raised:
        Cursor.read(text, identity, key, groups)
    return (raised.value.status, raised.value.param) == (400, "after")


def test_a_cursor_belongs_to_one_search_of_one_database() -> None:
    text = CURSOR.encode(IDENTITY, KEY)

    assert refused(text, identity=(*IDENTITY[:-1], "oldest"))
    assert refused(text, key=bytes(32))
    assert refused(text, groups=1)
    assert refused(text, groups=3)


def test_a_cursor_that_was_changed_anywhere_is_refused() -> None:
    text = CURSOR.encode(IDENTITY, KEY)

    for at, char in enumerate(text[:-1]):  # the last character has bits without a meaning
        assert refused(text[:at] + ("B" if char == "A" else "A") + text[at + 1 :]), at
        assert refused(text[:at]), at
    assert refused(f"{text}AAAA")
    assert refused("ü" * 20)


def test_a_text_that_is_longer_than_any_cursor_is_refused() -> None:
    longest = Cursor(1, 1 << 21, 1, (), (), (1,) * 596)
    text = longest.encode(IDENTITY, KEY)
    longer = Cursor(1, 1 << 21, 1, (), (), (1,) * 597)

    assert len(text) == MAX_CURSOR_CHARS
    assert Cursor.read(text, IDENTITY, KEY, 0) == longest
    assert refused(longer.encode(IDENTITY, KEY), groups=0)


def test_a_number_of_more_than_62_bits_is_refused() -> None:
    most = (1 << 62) - 1
    within = Cursor(1, most, most, (most, most))

    assert Cursor.read(within.encode(IDENTITY, KEY), IDENTITY, KEY, 2) == within
    for messages, mean_length, having in ((most + 1, 1, 1), (1, most + 1, 1), (1, 1, most + 1)):
        beyond = Cursor(1, messages, mean_length, (1, having))
        assert refused(beyond.encode(IDENTITY, KEY))


def test_a_cursor_shows_neither_the_numbers_of_rows_nor_that_two_have_a_part_in_common() -> None:
    texts = [Cursor(high, 1, 1, (1,), (5,)).encode(IDENTITY, KEY) for high in (1, 2, 1 << 39)]
    raw = [urlsafe_b64decode(text + "=" * (-len(text) % 4)) for text in texts]

    assert len({len(each) for each in raw}) == 1
    for one, two in ((raw[0], raw[1]), (raw[1], raw[2])):
        same = sum(left == right for left, right in zip(one, two, strict=True))
        assert same < len(one) / 4
