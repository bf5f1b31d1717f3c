"""Cursors carry a place unaltered, or are refused."""

import json
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backscroll_tools.arguments import validated
from backscroll_tools.errors import ToolError
from backscroll_tools.pages.cursor import (
    FILTERS_ENCODED,
    Inside,
    ListPosition,
    checksum,
    decode,
    encode,
    encoded_filters,
)
from backscroll_tools.pages.start import start_position
from backscroll_tools.tools.list_chat_completions import LIST_CHAT_COMPLETIONS

IDS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.=-]{0,255}", fullmatch=True)
TOOLS = st.sampled_from(["list-messages", "get-chat-messages", "list-message-files"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=100)
NAMES = st.from_regex(r"[a-z_]+", fullmatch=True)
PLACES = st.builds(
    ListPosition,
    tool=TOOLS,
    owner=st.just("") | IDS,
    order=st.sampled_from(["asc", "desc"]),
    backward=st.booleans(),
    position=IDS,
    inside=st.none() | st.builds(Inside, st.integers(1, 999_999_999), st.booleans()),
    preview=st.integers(0, 2000),
    filters=st.lists(st.tuples(NAMES | TEXTS, NAMES | TEXTS), max_size=3).map(tuple),
    ignores_after=st.booleans(),
)
START = ListPosition(tool="list-messages", owner="thread_1", order="desc", position="msg_7")
MEND = (
    "Copy page.next_cursor exactly and use it with the same id, or leave cursor out to start from "
    "the beginning."
)


def from_cursor(start: ListPosition) -> ListPosition:
    return replace(start, continued=True)


@given(PLACES)
def test_a_place_comes_back_from_its_cursor_as_it_was(start: ListPosition) -> None:
    assert decode(encode(start), start.tool, start.owner) == from_cursor(start)


FORMS = {
    "1lcc.df~chatcmpl_1~f900~80~W1sibW9kZWwiLCLDqSJdLFsibWV0YWRhdGEiLCJ7fSJdXQ==~994866876887": (
        ListPosition(
            "list-chat-completions",
            "",
            "desc",
            position="chatcmpl_1",
            inside=Inside(900, with_fields=True),
            preview=80,
            filters=(("model", "é"), ("metadata", "{}")),
        )
    ),
    "1sm.af~msg_7~~~.role.user=query.two.words~378374909025": ListPosition(
        "search-messages",
        "thread_1",
        "asc",
        position="msg_7",
        filters=(("role", "user"), ("query", "two words")),
    ),
    "1sm.af~~~~W1sicXVlcnkiLCJ0d28gIHdvcmRzIl1d~994893720016": ListPosition(
        "search-messages", "", "asc", filters=(("query", "two  words"),)
    ),
    "1lru.dB~~i5~~~378359664051": ListPosition(
        "list-runs", "thread_1", "desc", backward=True, inside=Inside(5), ignores_after=True
    ),
}


@pytest.mark.parametrize("cursor", FORMS)
def test_a_cursor_costs_few_characters_and_outlives_a_release(cursor: str) -> None:
    start = FORMS[cursor]
    assert encode(start) == cursor
    assert decode(cursor, start.tool, start.owner) == from_cursor(start)


@given(PLACES, st.data())
def test_a_cursor_with_one_character_changed_is_refused(
    start: ListPosition, data: st.DataObject
) -> None:
    good = encode(start)
    index = data.draw(st.integers(0, len(good) - 1))
    other = data.draw(
        st.sampled_from("abcdfiXYZ0123456789_.=~-").filter(lambda c: c != good[index])
    )

    with pytest.raises(ToolError) as refused:
        decode(good[:index] + other + good[index + 1 :], start.tool, start.owner)

    assert refused.value.code == "invalid_arguments"
    assert refused.value.next_step == MEND


@given(PLACES, st.data())
def test_a_truncated_cursor_is_refused(start: ListPosition, data: st.DataObject) -> None:
    good = encode(start)
    with pytest.raises(ToolError, match="cursor"):
        decode(good[: data.draw(st.integers(0, len(good) - 1))], start.tool, start.owner)


@given(st.text(max_size=300))
def test_random_text_is_no_cursor(text: str) -> None:
    with pytest.raises(ToolError, match="invalid_arguments: cursor"):
        decode(text, "list-messages", "thread_1")


@pytest.mark.parametrize(
    ("text", "tool", "owner", "why"),
    [
        (
            encode(START),
            "list-messages",
            "thread_2",
            "cursor was created for another id.",
        ),
        (
            encode(START),
            "get-message",
            "thread_1",
            "cursor belongs to a tool other than get-message.",
        ),
        (
            "2" + encode(START)[1:],
            "list-messages",
            "thread_1",
            "cursor was created by another version of this server.",
        ),
        (encode(START)[:-1], "list-messages", "thread_1", "cursor is damaged."),
        (
            encode(START).replace("msg_7", "msg_8"),
            "list-messages",
            "thread_1",
            "cursor is damaged.",
        ),
    ],
)
def test_a_cursor_out_of_place_is_refused_with_the_reason(
    text: str, tool: str, owner: str, why: str
) -> None:
    with pytest.raises(ToolError) as refused:
        decode(text, tool, owner)
    assert (refused.value.message, refused.value.next_step) == (why, MEND)


@pytest.mark.parametrize("filters", ['{"a":"b"}', "[1]", '[["a"]]', '[["a",1]]', "nonsense"])
def test_filters_of_another_shape_are_refused_even_when_the_check_holds(filters: str) -> None:
    import base64

    encoded = base64.urlsafe_b64encode(filters.encode()).decode()
    body = f"1lm.df~msg_7~~~{encoded}~"
    with pytest.raises(ToolError) as refused:
        decode(body + checksum(body, "thread_1"), "list-messages", "thread_1")
    assert refused.value.message == "cursor is damaged."


def test_filters_that_are_no_base64_are_refused() -> None:
    body = "1lm.df~msg_7~~~a~"
    with pytest.raises(ToolError, match="cursor is damaged"):
        decode(body + checksum(body, "thread_1"), "list-messages", "thread_1")


def test_arguments_without_a_cursor_start_where_they_say() -> None:
    arguments = {"after": "msg_1", "order": "asc", "run_id": "run_1", "preview_chars": 80}
    assert start_position(
        "list-messages", "thread_1", arguments, "desc", ("run_id",)
    ) == ListPosition(
        tool="list-messages",
        owner="thread_1",
        order="asc",
        position="msg_1",
        preview=80,
        filters=(("run_id", "run_1"),),
    )


def test_before_walks_against_the_order_that_is_shown() -> None:
    start = start_position("list-messages", "thread_1", {"before": "msg_1"}, "desc")
    assert (start.backward, start.position, start.order, start.walk_order) == (
        True,
        "msg_1",
        "desc",
        "asc",
    )
    ascending = start_position(
        "list-messages", "thread_1", {"before": "msg_1", "order": "asc"}, "desc"
    )
    assert ascending.walk_order == "desc"


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_without_before_a_list_is_walked_in_the_order_that_is_shown(order: str) -> None:
    start = start_position("list-messages", "thread_1", {"order": order}, "desc")
    assert (start.backward, start.order, start.walk_order) == (False, order, order)


def test_a_cursor_alone_carries_order_filters_and_preview() -> None:
    first = start_position(
        "list-messages",
        "thread_1",
        {"order": "asc", "run_id": "run_1", "preview_chars": 9},
        "desc",
        ("run_id",),
    )
    again = start_position(
        "list-messages", "thread_1", {"cursor": encode(first)}, "desc", ("run_id",)
    )
    assert again == from_cursor(first)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({"order": "asc"}, "order"),
        ({"after": "msg_7"}, "after"),
        ({"before": "msg_1", "order": "asc"}, "before and order"),
        ({"run_id": "run_1"}, "run_id"),
    ],
)
def test_arguments_that_disagree_with_the_cursor_are_refused(
    arguments: dict[str, str], names: str
) -> None:
    with pytest.raises(ToolError) as refused:
        start_position(
            "list-messages", "thread_1", {"cursor": encode(START), **arguments}, "desc", ("run_id",)
        )
    assert refused.value.message == f"cursor conflicts with {names}."
    assert refused.value.next_step == f"Call again with cursor and without {names}."


def test_a_filter_that_is_set_to_false_disagrees_with_a_cursor_that_has_it() -> None:
    place_of = partial(
        start_position, "list-messages", "thread_1", default_order="desc", filters=("items",)
    )
    plain = place_of(arguments={})
    filtered = place_of(arguments={"items": True})
    assert filtered.filters == (("items", "true"),)
    for start, value in ((plain, False), (filtered, True)):
        again = place_of(arguments={"cursor": encode(start), "items": value})
        assert again == from_cursor(start)
    for start, value in ((plain, True), (filtered, False)):
        with pytest.raises(ToolError) as refused:
            place_of(arguments={"cursor": encode(start), "items": value})
        assert refused.value.message == "cursor conflicts with items."


def test_an_order_that_is_a_filter_leaves_the_order_of_the_list() -> None:
    place_of = partial(
        start_position, "search-messages", "", default_order="desc", filters=("query", "order")
    )
    start = place_of(arguments={"query": "tea", "order": "oldest"})
    assert start == ListPosition(
        "search-messages", "", "desc", filters=(("query", "tea"), ("order", "oldest"))
    )
    assert place_of(arguments={"cursor": encode(start), "order": "oldest"}) == from_cursor(start)
    with pytest.raises(ToolError) as refused:
        place_of(arguments={"cursor": encode(start), "order": "newest"})
    assert refused.value.message == "cursor conflicts with order."


def test_arguments_that_agree_with_the_cursor_and_a_new_preview_are_taken() -> None:
    arguments = {"cursor": encode(START), "order": "desc", "preview_chars": 5}
    assert start_position("list-messages", "thread_1", arguments, "desc").preview == 5


def test_without_arguments_a_list_is_read_whole_from_its_start() -> None:
    assert start_position("list-messages", "thread_1", {}, "desc") == ListPosition(
        tool="list-messages", owner="thread_1", order="desc"
    )


def test_after_and_before_exclude_each_other() -> None:
    with pytest.raises(ToolError) as refused:
        start_position("list-messages", "thread_1", {"after": "msg_1", "before": "msg_2"}, "desc")
    assert (refused.value.message, refused.value.next_step) == (
        "after and before cannot be used together.",
        "Use after for the items after an id, or before for the items before it.",
    )


@pytest.mark.parametrize(
    ("arguments", "others"),
    [
        ({"after": "msg_1"}, "after"),
        ({"before": "msg_1"}, "before"),
        ({"order": "asc"}, "order"),
        ({"cursor": encode(START)}, "cursor"),
        ({"after": "msg_1", "before": "msg_2", "order": "desc"}, "after and before and order"),
    ],
)
def test_a_page_around_a_message_takes_no_other_position_and_no_order(
    arguments: dict[str, str], others: str
) -> None:
    with pytest.raises(ToolError) as refused:
        start_position("list-messages", "thread_1", {"around": "msg_7", **arguments}, "desc")
    assert (refused.value.code, refused.value.message, refused.value.next_step) == (
        "invalid_arguments",
        f"around cannot be used with {others}: its page is always oldest first.",
        f"Call again without {others}.",
    )


def test_a_page_around_a_message_starts_at_it_and_is_oldest_first() -> None:
    arguments = {"around": "msg_7", "run_id": "run_1", "preview_chars": 80}
    assert start_position(
        "list-messages", "thread_1", arguments, "desc", ("run_id",)
    ) == ListPosition(
        tool="list-messages",
        owner="thread_1",
        order="asc",
        position="msg_7",
        preview=80,
        filters=(("run_id", "run_1"),),
    )


def test_filters_too_long_for_every_cursor_to_repeat_are_refused() -> None:
    arguments = {"model": "m" * 100, "metadata": {"key": "v" * 290}}
    with pytest.raises(ToolError) as refused:
        start_position("list-chat-completions", "", arguments, "desc", ("model", "metadata"))
    assert (refused.value.code, refused.value.message, refused.value.next_step) == (
        "invalid_arguments",
        "model and metadata may have at most 400 characters.",
        "Use shorter filters.",
    )
    shorter = {**arguments, "metadata": {"key": "v" * 289}}
    longest = start_position("list-chat-completions", "", shorter, "desc", ("model", "metadata"))
    assert decode(encode(longest), longest.tool, "") == from_cursor(longest)


@pytest.mark.parametrize(("more", "taken"), [("", True), ("a", False)])
def test_filters_that_are_not_ascii_may_be_as_long_as_a_cursor_has_space_for(
    more: str, *, taken: bool
) -> None:
    model = "\U0001f600" * 324 + "a" + more
    if taken:
        start = start_position("list-chat-completions", "", {"model": model}, "desc", ("model",))
        assert len(encoded_filters(start.filters)) == FILTERS_ENCODED
        return
    with pytest.raises(ToolError) as refused:
        start_position("list-chat-completions", "", {"model": model}, "desc", ("model",))
    assert (refused.value.code, refused.value.message, refused.value.next_step) == (
        "invalid_arguments",
        "model may have at most 400 characters, and fewer if they are not ASCII.",
        "Use shorter filters.",
    )


def test_filters_agree_in_whatever_order_their_pairs_are_named() -> None:
    filters = ("model", "metadata")
    named = {"metadata": {"a": "1", "b": "2"}}
    start = start_position("list-chat-completions", "", named, "desc", filters)
    again = {"metadata": {"b": "2", "a": "1"}, "cursor": encode(start)}
    assert start_position("list-chat-completions", "", again, "desc", filters) == from_cursor(start)


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "model": st.text(st.characters(exclude_categories=["Cs"]), max_size=400),
        "metadata": st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=64),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
            max_size=3,
        ),
    },
)


@given(FILTERS, IDS, st.integers(1, 999_999_999_999), st.booleans(), st.integers(0, 2000))
def test_every_cursor_that_is_given_out_is_taken_back(
    filters: dict[str, object], position: str, offset: int, with_fields: bool, preview: int
) -> None:
    try:
        start = start_position("list-chat-completions", "", filters, "desc", ("model", "metadata"))
    except ToolError:
        return
    later = replace(
        start, position=position, inside=Inside(offset, with_fields=with_fields), preview=preview
    )
    given_out = encode(later)
    assert validated(LIST_CHAT_COMPLETIONS, {"cursor": given_out}) == {"cursor": given_out}
    assert decode(given_out, later.tool, "") == from_cursor(later)


@pytest.mark.parametrize("character", ["\U0001f600", "é", '"', "\n", "\x01"])
@pytest.mark.parametrize("count", [200, 300, 400])
def test_a_filter_of_long_characters_is_refused_or_has_cursors_that_are_taken(
    character: str, count: int
) -> None:
    place_of = partial(
        start_position, "list-chat-completions", "", default_order="desc", filters=("model",)
    )
    try:
        start = place_of(arguments={"model": character * count})
    except ToolError:
        assert len(json.dumps(character, ensure_ascii=False).encode()) * count > 1200
        return
    given_out = encode(replace(start, position="c" * 256, inside=Inside(10**12 - 1)))
    assert validated(LIST_CHAT_COMPLETIONS, {"cursor": given_out})
