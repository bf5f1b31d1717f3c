"""A key carries what is known of a write, and nobody's own key is taken for one."""

import hashlib
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backscroll_tools.client.upstream_clock import ClockName
from backscroll_tools.writes import keys
from backscroll_tools.writes.keys import KEY_CHARS, TOKEN_CHARS, IdempotencyKey

ID = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.=-]{0,255}", fullmatch=True)
TOKEN = st.text(min_size=1, max_size=TOKEN_CHARS)
MARK = ID.map(keys.digest)
AT = st.integers(0, 2**35)
ANY = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=KEY_CHARS)


@given(TOKEN, MARK, AT, st.just("") | ID, st.sampled_from(get_args(ClockName)))
def test_a_key_is_read_as_it_was_written(
    token: str, since: str, at: int, thread: str, by: ClockName
) -> None:
    key = IdempotencyKey(
        token, given=True, thread=thread, newest_digest=since, sent_at=at, sent_by=by
    )
    text = str(key)
    if "\n" in token or len(text) == len(token):  # no room: told by the token alone
        return
    assert len(text) <= KEY_CHARS
    assert keys.read(text) == key


@given(TOKEN, MARK, ID, MARK)
def test_a_key_of_what_was_written_says_so_where_there_is_room(
    token: str, says: str, made: str, since: str
) -> None:
    key = IdempotencyKey(
        token, given=True, newest_digest=since, sent_at=1, message_id=made, message_digest=says
    )
    if "\n" in token:
        return
    read = keys.read(str(key))
    if len(token) + len(made) + 20 <= KEY_CHARS:
        assert read == replace(key, newest_digest="", sent_at=0)
    else:  # it is searched for, behind what was the newest before it
        assert read == replace(key, message_id="", message_digest="")


@given(ANY)
def test_a_callers_own_key_is_its_own_token_or_told_by_its_hash(argument: str) -> None:
    key = keys.read(argument)
    assert (key.given, key.newest_digest, key.message_id) == (True, "", "")
    assert key.token == argument or (len(argument) > TOKEN_CHARS and len(key.token) == 64)


@given(ANY, ANY)
def test_two_keys_are_never_one(one: str, other: str) -> None:
    assert (keys.read(one) == keys.read(other)) is (one == other)


@given(TOKEN, MARK, AT, st.integers(0, 40), st.characters(min_codepoint=33, max_codepoint=126))
def test_a_damaged_key_is_taken_for_a_callers_own(
    token: str, since: str, at: int, place: int, instead: str
) -> None:
    text = str(IdempotencyKey(token, newest_digest=since, sent_at=at))
    damaged = text[: len(token)] + "".join(
        instead if at == place else character for at, character in enumerate(text[len(token) :])
    )
    if damaged != text:
        assert keys.read(damaged).newest_digest == ""


def test_a_key_of_which_nothing_is_known_is_its_token() -> None:
    assert str(IdempotencyKey("mine")) == "mine"
    assert str(IdempotencyKey("mine", thread="thread_1")) == "mine"


@pytest.mark.parametrize("more", [0, 1])
def test_a_key_carries_what_is_known_up_to_its_most_characters(more: int) -> None:
    key = IdempotencyKey(
        "t" * 100, given=True, thread="h" * (127 + more), newest_digest="s" * 12, sent_at=1
    )
    if more:
        assert str(key) == key.token
    else:
        assert len(str(key)) == KEY_CHARS
        assert keys.read(str(key)) == key


def test_a_long_key_of_a_callers_own_is_told_by_its_hash() -> None:
    longest, longer = "k" * TOKEN_CHARS, "k" * (TOKEN_CHARS + 1)
    assert keys.read(longest) == IdempotencyKey(longest, given=True)
    assert keys.read(longer) == IdempotencyKey(
        hashlib.sha256(longer.encode()).hexdigest(), given=True
    )
