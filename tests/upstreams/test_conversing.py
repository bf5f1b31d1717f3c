"""Conversations and stored completions are read whole, whoever serves them."""

from contextlib import suppress

import pytest

from backscroll_tools.client.replies import UNFILTERED
from backscroll_tools.errors import ToolError
from backscroll_tools.tool import Bounds
from tests.upstreams import conversing
from tests.upstreams.covering import shows
from tests.upstreams.peculiar import Behaviour
from tests.upstreams.world import (
    ANSWER,
    COMPLETION,
    CONVERSATION,
    COUNT,
    INPUT,
    numbers,
    world,
)

QUESTIONS = [f"question {number}" for number in range(INPUT)]


@shows(conversing.NO_CREATED_AT, conversing.ENVELOPE_CURSOR, conversing.UNKNOWN_KINDS)
@pytest.mark.parametrize(
    "behaviour",
    [conversing.NO_CREATED_AT, conversing.ENVELOPE_CURSOR, conversing.UNKNOWN_KINDS],
    ids=str,
)
@pytest.mark.parametrize("limit", [1, 4, 30, 100])
async def test_messages_are_read_over_the_items_between_them(
    behaviour: Behaviour, limit: int
) -> None:
    async with world(behaviour.answer) as upstream:
        pages = await upstream.pages(
            "list-messages", thread_id=CONVERSATION, order="asc", limit=limit
        )

    assert numbers(pages) == list(range(COUNT))
    assert not any("created_at" in message for page in pages for message in page["messages"])
    assert all(len(page["messages"]) <= limit for page in pages)
    assert (pages[-1]["page"]["has_more"], pages[-1]["page"]["stopped_by"]) == (False, "end")
    if limit == 100 and behaviour is not conversing.ENVELOPE_CURSOR:
        assert pages[0]["page"]["passed"] == 30


@shows(conversing.INPUT_ONLY, conversing.WITH_OUTPUT)
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 3, 7, 8, 100])
@pytest.mark.parametrize("behaviour", [conversing.INPUT_ONLY, conversing.WITH_OUTPUT], ids=str)
async def test_a_completion_ends_with_its_answer_once(
    behaviour: Behaviour, limit: int, order: str
) -> None:
    async with world(behaviour.answer) as upstream:
        pages = await upstream.pages(
            "get-chat-messages", completion_id=COMPLETION, limit=limit, order=order
        )

    shown = [message for page in pages for message in page["messages"]]
    told = [*QUESTIONS, ANSWER]
    assert [message["text"] for message in shown] == (told if order == "asc" else told[::-1])
    assert len({message["id"] for message in shown}) == len(shown)
    assert shown[-1 if order == "asc" else 0]["role"] == "assistant"
    assert all(len(page["messages"]) <= limit for page in pages)


@shows(conversing.LONG_CHOICE)
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_an_answer_longer_than_a_page_is_read_in_pieces(order: str) -> None:
    async with world(conversing.LONG_CHOICE.answer) as upstream:
        pages = await upstream.pages(
            "get-chat-messages",
            Bounds(result_chars=4_000),
            completion_id=COMPLETION,
            order=order,
        )

    texts = [message["text"] for page in pages for message in page["messages"]]
    questions = QUESTIONS if order == "asc" else QUESTIONS[::-1]
    whole = "".join(text for text in texts if text not in QUESTIONS)
    assert [text for text in texts if text in QUESTIONS] == questions
    assert whole == conversing.LONG_ANSWER


@shows(conversing.MESSAGES_ALONE)
async def test_messages_are_read_where_the_completion_itself_is_not_served() -> None:
    async with world(conversing.MESSAGES_ALONE.answer) as upstream:
        page = await upstream.call("get-chat-messages", completion_id=COMPLETION)

    assert [message["text"] for message in page["messages"]] == [*QUESTIONS, ANSWER]


@shows(conversing.IGNORES_METADATA)
@pytest.mark.parametrize(
    ("metadata", "ids"),
    [
        ({}, ["chatcmpl-0", "chatcmpl-1", "chatcmpl-2"]),
        ({"user": "b"}, ["chatcmpl-1"]),
        ({"user": "b", "team": "y"}, []),
    ],
)
async def test_completions_with_other_metadata_are_passed_over(
    metadata: dict[str, str], ids: list[str]
) -> None:
    async with world(conversing.IGNORES_METADATA.answer) as upstream:
        page = await upstream.call("list-chat-completions", metadata=metadata)

    assert [completion["id"] for completion in page["completions"]] == ids
    assert page["page"].get("passed", 0) == 3 - len(ids)
    assert "warning" not in page["page"]


@shows(conversing.LACKS_METADATA)
async def test_a_metadata_filter_that_cannot_be_checked_is_told() -> None:
    async with world(conversing.LACKS_METADATA.answer) as upstream:
        page = await upstream.call("list-chat-completions", metadata={"user": "b"})

    assert page["completions"] == []
    assert page["page"]["warning"] == UNFILTERED


@shows(conversing.STORED_LATER_400, conversing.STORED_LATER_404)
@pytest.mark.parametrize(
    "behaviour", [conversing.STORED_LATER_400, conversing.STORED_LATER_404], ids=str
)
async def test_what_is_stored_a_moment_later_was_created_once_and_is_found(
    behaviour: Behaviour,
) -> None:
    async with world(behaviour.answer, behaviour.settings) as upstream:
        created = await upstream.call("create-message", role="user", content="text 0")
        early = await upstream.error("list-messages", thread_id=created["thread_id"])
        found = []
        for _ in range(3):
            with suppress(ToolError):
                found.append(await upstream.call("list-messages", thread_id=created["thread_id"]))

    assert early.code == "not_found"
    assert "A new object may take a few seconds to appear." in early.next_step
    assert numbers(found[-1:]) == [0]
    # A new one is begun empty, which does no harm twice; the message is written to it, once.
    written = [asked.path for asked in upstream.asked if asked.method == "POST"]
    assert written == ["/conversations", f"/conversations/{created['thread_id']}/items"]
