"""Mistral's conversations are read like others, although their lists work differently."""

import pytest

from backscroll.commands.doctor.probes import probe_all
from backscroll.mcp.toolsets import offered
from backscroll.settings.model import Settings
from backscroll_tools.client.profiles import MISTRAL
from backscroll_tools.client.replies import UNNAMED
from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from tests.upstreams import mistral, sessions
from tests.upstreams.peculiar import Answer, Behaviour, Exchange, answer
from tests.upstreams.world import world

SETTINGS = mistral.MISTRAL.settings


def ids(page: JSON, kind: str = "messages") -> list[str]:
    return [item["id"] for item in page[kind]]


async def test_a_message_is_shown_with_those_around_it_by_one_request() -> None:
    async with world(mistral.mistral(), SETTINGS) as upstream:
        page = await upstream.call(
            "list-messages", thread_id=mistral.CONVERSATION, around="entry_7", limit=3
        )
        requests = len(upstream.asked)
        later = await upstream.call(
            "list-messages", thread_id=mistral.CONVERSATION, cursor=page["page"]["next_cursor"]
        )

    assert ids(page) == ["entry_6", "entry_7", "entry_8"]
    assert ids(later)[0] == "entry_9"
    assert requests == 1


async def test_thoughts_are_hidden_and_files_of_tools_are_listed() -> None:
    named = {"thread_id": mistral.CONVERSATION, "message_id": "entry_6"}
    async with world(mistral.mistral(), SETTINGS) as upstream:
        one = await upstream.call("get-message", **named)
        files = await upstream.call("list-message-files", **named)

    assert one["message"]["text"] == "text 6"
    assert "thoughts" not in str(one)
    assert ids(files, "files") == ["file_6"]


async def test_an_unknown_conversation_or_message_is_not_found() -> None:
    thread = {"thread_id": mistral.CONVERSATION}
    async with world(mistral.mistral(), SETTINGS) as upstream:
        errors = [
            await upstream.error("list-messages", thread_id="conv_none"),
            await upstream.error("list-messages", after="entry_none", **thread),
            await upstream.error("list-messages", around="entry_none", **thread),
            await upstream.error("get-message", message_id="entry_none", **thread),
            await upstream.error("list-threads", after="conv_none", order="asc"),
        ]

    assert [error.code for error in errors] == ["not_found"] * 5
    assert errors[3].message == f"There is no message entry_none in {mistral.CONVERSATION}."


async def test_entries_without_a_usable_id_are_left_out_with_a_warning() -> None:
    entries: list[JSON] = [
        {"type": "message.input", "content": "no id"},
        {"type": "message.input", "content": "bad id", "id": "a:b"},
        {"type": "message.input", "content": "hello", "id": "entry_1"},
    ]
    async with world(mistral.mistral(entries=entries), SETTINGS) as upstream:
        page = await upstream.call("list-messages", thread_id=mistral.CONVERSATION)

    assert page["messages"] == [{"id": "entry_1", "role": "user", "text": "hello"}]
    assert page["page"]["warning"] == UNNAMED


@pytest.mark.parametrize("path", ["/conversations", f"/conversations/{mistral.CONVERSATION}"])
async def test_a_reply_of_another_shape_is_an_error_that_says_so(path: str) -> None:
    async def answering(exchange: Exchange) -> Answer:
        assert exchange.asked.path.startswith(path)
        return answer({"object": "list", "data": []})

    async with world(answering, SETTINGS) as upstream:
        if path == "/conversations":
            error = await upstream.error("list-threads")
        else:
            error = await upstream.error("list-messages", thread_id=mistral.CONVERSATION)

    assert error.code == "upstream_invalid"
    assert error.message in {
        "The upstream's list reply is not an array.",
        "The upstream's list reply has no `entries` array.",
    }


@pytest.mark.parametrize("order", ["newest", "oldest"])
async def test_a_search_reads_conversations_in_the_order_that_was_asked_for(order: str) -> None:
    rows = mistral.conversations(130)

    async def answering(exchange: Exchange) -> Answer:
        said = await mistral.mistral(rows)(exchange)
        named = exchange.asked.path.strip("/").split("/")[1:]
        if named[1:] != ["history"] or named[0] not in {"conv_3", "conv_120"}:
            return said
        return answer({"entries": [{"type": "message.input", "id": "entry_1", "content": "found"}]})

    async with world(answering, SETTINGS) as upstream:
        pages = await upstream.pages("search-messages", query="found", order=order)

    hits = [hit["thread_id"] for page in pages for hit in page["hits"]]
    assert hits == (["conv_120", "conv_3"] if order == "newest" else ["conv_3", "conv_120"])


async def test_more_conversations_than_can_be_read_backwards_are_refused() -> None:
    rows = mistral.conversations(4_001)
    async with world(mistral.mistral(rows), SETTINGS) as upstream:
        error = await upstream.error("list-threads", order="asc")

    assert (error.code, error.next_step) == (
        "invalid_arguments",
        "Call again without order and before.",
    )
    assert len(upstream.asked) == 40


async def test_a_list_that_repeats_its_first_page_ends_there_in_both_orders() -> None:
    rows = mistral.conversations(100)

    async def answering(exchange: Exchange) -> Answer:
        return answer(rows[: int(exchange.asked["page_size"] or 100)])

    async with world(answering, SETTINGS) as upstream:
        newest = await upstream.call("list-threads", limit=100)
        before = len(upstream.asked)
        oldest = await upstream.call("list-threads", limit=100, order="asc")

    assert ids(newest, "threads") == [row["id"] for row in rows]
    assert ids(oldest, "threads") == ids(newest, "threads")[::-1]
    assert len(upstream.asked) - before == 2


async def test_a_conversation_that_is_created_between_two_pages_repeats_no_other() -> None:
    rows = mistral.conversations(20)
    async with world(mistral.mistral(rows), SETTINGS) as upstream:
        first = await upstream.call("list-threads", limit=10)
        rows.insert(0, {**rows[0], "id": "conv_new"})
        second = await upstream.call("list-threads", limit=10, cursor=first["page"]["next_cursor"])

    found = ids(first, "threads") + ids(second, "threads")
    assert found == [row["id"] for row in rows[1:]]
    assert "warning" not in second["page"]


@pytest.mark.parametrize("behaviour", [mistral.MISTRAL, sessions.MANAGED], ids=str)
async def test_a_period_limits_the_times_of_creation_that_are_written_as_text(
    behaviour: Behaviour,
) -> None:
    async with world(behaviour.answer, behaviour.settings) as upstream:
        page = await upstream.call(
            "list-threads", since="2026-11-28T08:01:00Z", until="2026-11-28T08:01:05Z"
        )

    numbers = [each.rpartition("_")[2] for each in ids(page, "threads")]
    assert numbers == ["64", "63", "62", "61", "60"]


async def test_doctor_reads_the_array_that_the_list_is() -> None:
    async with world(mistral.mistral(), SETTINGS) as upstream:
        found = await probe_all(upstream.client)

    assert [(group.words, check.verdict) for group, check in found.items()] == [
        ("Mistral conversations", "ok")
    ]


def test_no_tool_that_writes_is_offered_because_mistral_would_run_a_model() -> None:
    names = [tool.name for tool in offered(TOOLS, Settings(toolsets=("all",)), MISTRAL)]

    assert names == [
        "list-messages",
        "list-message-files",
        "get-message",
        "list-threads",
        "search-messages",
    ]
