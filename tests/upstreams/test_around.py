"""Whatever an upstream does, both sides of a message are right, or refused with a way on."""

import pytest

from backscroll_tools.models import JSON
from backscroll_tools.tool import Bounds
from tests.upstreams import conversing, paging, servers
from tests.upstreams.peculiar import Answer, Behaviour, Exchange, refusal
from tests.upstreams.world import (
    ANSWER,
    COMPLETION,
    CONVERSATION,
    COUNT,
    INPUT,
    LONG,
    THREAD,
    World,
    numbers,
    world,
)

HONEST = (
    paging.IGNORES_AFTER,
    paging.REPEATS_ITEM,
    paging.REPEATS_ITEMS,
    paging.HAS_MORE_ABSENT,
    paging.HAS_MORE_FALSE,
    paging.IGNORES_LIMIT,
    paging.BEFORE_IS_NEWEST,
    paging.BEFORE_IGNORED,
    paging.ENDS_NULL,
    paging.ENDS_EMPTY,
    paging.ENDS_NONE,
    paging.OTHER_DEFAULT,
    paging.TIES,
    paging.PAGE_OF_100,
    paging.NO_IDS,
)
"""Behaviours in spite of which the neighbours of a message can be found."""

BOUNDS = Bounds(result_chars=200_000)
QUESTIONS = [f"question {number}" for number in range(INPUT)]


async def all_around(
    upstream: World, name: str, owner: JSON, message_id: str, limit: int
) -> list[JSON]:
    """Return the page around a message, between all pages before it and all after it."""
    page = await upstream.call(name, BOUNDS, **owner, around=message_id, limit=limit)
    assert len(upstream.asked) <= 3
    newer, older = page["page"]["next_cursor"], page["page"].get("previous_cursor")
    after = await upstream.pages(name, BOUNDS, **owner, cursor=newer, limit=limit) if newer else []
    before = await upstream.pages(name, BOUNDS, **owner, cursor=older, limit=limit) if older else []
    return [*before[::-1], page, *after]


@pytest.mark.parametrize("number", [0, 20, COUNT - 1])
@pytest.mark.parametrize("behaviour", HONEST, ids=str)
async def test_both_sides_of_a_message_and_all_beyond_them_are_shown_once_and_in_order(
    behaviour: Behaviour, number: int
) -> None:
    async with world(behaviour.answer, behaviour.settings) as upstream:
        owner = {"thread_id": THREAD}
        pages = await all_around(upstream, "list-messages", owner, f"msg_{number}", 7)

    assert numbers(pages) == list(range(COUNT))


@pytest.mark.parametrize(
    ("behaviour", "number"),
    [
        (paging.DROPS_QUERY, 0),
        (paging.DROPS_QUERY, COUNT - 1),
        (paging.EMPTY_BUT_MORE, 20),
        (paging.IN_TURN, COUNT - 1),
        (servers.LITELLM, 20),
    ],
    ids=str,
)
async def test_an_upstream_that_cannot_list_both_sides_says_how_to_go_on(
    behaviour: Behaviour, number: int
) -> None:
    async with world(behaviour.answer, behaviour.settings) as upstream:
        refused = await upstream.error("list-messages", thread_id=THREAD, around=f"msg_{number}")

    assert refused.render() == (
        "upstream_invalid: The upstream cannot list the items before and after a given item.\n"
        "Next: Call again without around, and continue with next_cursor.\n"
        "Retry: safe, but the upstream may send the same reply again."
    )
    assert len(upstream.asked) == 2


@pytest.mark.parametrize(("order", "place"), [("asc", 0), ("asc", 49), ("desc", 0), ("desc", 49)])
async def test_a_list_that_ignores_after_and_is_longer_than_a_page_is_never_shown_in_disorder(
    order: str, place: int
) -> None:
    async with world(paging.IGNORES_AFTER.answer, long=True) as upstream:
        end = await upstream.call("list-messages", thread_id=LONG, order=order, limit=50)
        named = end["messages"][place]["id"]
        refused = await upstream.error("list-messages", thread_id=LONG, around=named)

    assert refused.code == "upstream_invalid"


@pytest.mark.parametrize("behaviour", [paging.AFTER_GONE_404, paging.AFTER_GONE_400], ids=str)
async def test_a_deleted_message_is_not_found_with_a_way_on(behaviour: Behaviour) -> None:
    async with world(behaviour.answer) as upstream:
        gone = await upstream.error("list-messages", thread_id=THREAD, around="msg_15")

    assert gone.render() == (
        f"not_found: Message msg_15 was not found in {THREAD}.\n"
        "Next: If it was deleted, pass the id of another message as around, or leave around out.\n"
        "Retry: safe, but pointless until the ids are corrected; nothing was written."
    )


async def test_a_neighbour_that_is_deleted_between_two_requests_is_named() -> None:
    async with world(paging.AFTER_GONE_404.answer) as upstream:
        lost = await upstream.error("list-messages", thread_id=THREAD, around="msg_16")

    assert lost.render() == (
        "not_found: msg_15, which is directly before msg_16, was deleted during the call.\n"
        "Next: Call again.\n"
        "Retry: safe; nothing was written."
    )


@pytest.mark.parametrize("after", ["", "msg_19"])
async def test_any_other_failure_is_told_as_it_is(after: str) -> None:
    async def answering(exchange: Exchange) -> Answer:
        if exchange.asked["after"] == after or not after:
            return refusal(403, "Not yours.")
        return await exchange.ask()

    async with world(answering) as upstream:
        refused = await upstream.error("list-messages", thread_id=THREAD, around="msg_20")

    assert refused.code == "forbidden"


@pytest.mark.parametrize("place", [0, 3, INPUT - 1, INPUT])
@pytest.mark.parametrize("limit", [1, 7])
@pytest.mark.parametrize(
    "behaviour",
    [conversing.INPUT_ONLY, conversing.WITH_OUTPUT, conversing.MESSAGES_ALONE, servers.LLAMA_STACK],
    ids=str,
)
async def test_both_sides_of_a_message_of_a_completion_are_shown_with_its_answer_once(
    behaviour: Behaviour, limit: int, place: int
) -> None:
    async with world(behaviour.answer, behaviour.settings) as upstream:
        owner = {"completion_id": COMPLETION}
        whole = await upstream.call("get-chat-messages", **owner)
        named = whole["messages"][place]["id"]
        upstream.asked.clear()
        pages = await all_around(upstream, "get-chat-messages", owner, named, limit)

    shown = [message["text"] for page in pages for message in page["messages"]]
    assert shown == [message["text"] for message in whole["messages"]]
    assert shown == [*QUESTIONS, ANSWER]
    assert all(len(page["messages"]) <= limit for page in pages)


@pytest.mark.parametrize("unknown", ["chatcmpl-1-choice-7", "chatcmpl-1-99"])
async def test_a_completion_without_the_message_says_so(unknown: str) -> None:
    async with world(servers.LLAMA_STACK.answer, servers.LLAMA_STACK.settings) as upstream:
        gone = await upstream.error("get-chat-messages", completion_id=COMPLETION, around=unknown)

    assert (gone.code, gone.message) == (
        "not_found",
        f"Message {unknown} was not found in {COMPLETION}.",
    )


async def test_an_upstream_without_completions_is_told_as_it_is() -> None:
    async with world(conversing.NO_CREATED_AT.answer, {"serves": ("threads",)}) as upstream:
        gone = await upstream.error("get-chat-messages", completion_id=COMPLETION, around="a-1")

    assert gone.code == "upstream_retired"


@pytest.mark.parametrize("number", [0, 20, COUNT - 1])
@pytest.mark.parametrize(
    "behaviour",
    [conversing.NO_CREATED_AT, conversing.ENVELOPE_CURSOR, conversing.UNKNOWN_KINDS, servers.DEVUI],
    ids=str,
)
async def test_both_sides_of_a_message_of_a_conversation_are_shown(
    behaviour: Behaviour, number: int
) -> None:
    async with world(behaviour.answer, behaviour.settings) as upstream:
        owner = {"thread_id": CONVERSATION}
        whole = await upstream.call("list-messages", BOUNDS, **owner, order="asc", limit=100)
        named = whole["messages"][number]["id"]
        upstream.asked.clear()
        pages = await all_around(upstream, "list-messages", owner, named, 7)

    texts = [message["text"] for message in whole["messages"]]
    shown = [message["text"] for page in pages for message in page["messages"]]
    assert shown == texts
