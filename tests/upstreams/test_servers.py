"""What each tool does at real servers: all that the server itself can do."""

import pytest

from backscroll.commands.doctor.probes import COMPLETION_MESSAGES, SINGLE_MESSAGES, probe_all
from backscroll_tools.models import JSON
from backscroll_tools.tool import Bounds
from tests.upstreams import servers
from tests.upstreams.covering import shows
from tests.upstreams.peculiar import Behaviour
from tests.upstreams.servers import LONG
from tests.upstreams.world import ANSWER, COMPLETION, CONVERSATION, COUNT, INPUT, THREAD, world

SMALL = Bounds(result_chars=4_000)
TEXTS = [LONG if number % 10 == 0 else f"text {number}" for number in range(COUNT)][::-1]

LISTS = {
    servers.LITELLM: (THREAD, TEXTS[:20]),
    servers.LITELLM_PASS_THROUGH: (THREAD, TEXTS),
    servers.DEVUI: (CONVERSATION, TEXTS),
    servers.OPEN_ASSISTANT: (THREAD, TEXTS),
    servers.AGENTIC_API: (CONVERSATION, TEXTS),
    servers.OGX: (CONVERSATION, TEXTS),
    servers.LLAMA_STACK: (CONVERSATION, TEXTS),
}
"""The id of the list of each server that lists messages, and the texts that it can show."""


def joined(pages: list[JSON]) -> dict[str, str]:
    """Return the texts of the messages on the pages by their ids, with their pieces joined."""
    texts: dict[str, str] = {}
    for page in pages:
        for message in page["messages"]:
            texts[message["id"]] = texts.get(message["id"], "") + message["text"]
    return texts


@shows(*LISTS)
@pytest.mark.parametrize("server", LISTS, ids=str)
async def test_a_walk_shows_each_message_whole_even_one_that_is_longer_than_a_page(
    server: Behaviour,
) -> None:
    list_id, texts = LISTS[server]
    async with world(server.answer, server.settings) as upstream:
        pages = await upstream.pages("list-messages", SMALL, thread_id=list_id, limit=20)

    assert list(joined(pages).values()) == texts
    assert not any("warning" in page["page"] for page in pages[:-1])
    assert ("warning" in pages[-1]["page"]) is (len(texts) < COUNT)


@pytest.mark.parametrize("server", LISTS, ids=str)
async def test_each_listed_message_can_be_read_by_its_id(server: Behaviour) -> None:
    list_id, texts = LISTS[server]
    async with world(server.answer, server.settings) as upstream:
        page = await upstream.call("list-messages", thread_id=list_id, limit=5, preview_chars=1)
        message_id = page["messages"][-1]["id"]
        ids = {"thread_id": list_id, "message_id": message_id}
        parts = [await upstream.call("get-message", SMALL, **ids)]
        while cursor := parts[-1]["page"]["next_cursor"]:
            parts.append(await upstream.call("get-message", SMALL, cursor=cursor, **ids))

    assert len(parts) > 1
    assert "".join(part["message"]["text"] for part in parts) == texts[4] == LONG


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("server", LISTS, ids=str)
async def test_a_message_created_again_is_written_once_and_its_files_are_listed(
    server: Behaviour, *, new: bool
) -> None:
    attachment = {"file_id": "file_1", "tools": [{"type": "file_search"}]}
    say: JSON = {"role": "user", "content": "hello", "attachments": [attachment]}
    if not new:
        say["thread_id"] = LISTS[server][0]
    async with world(server.answer, server.settings) as upstream:
        first = await upstream.call("create-message", **say)
        key = first["idempotency_key"]
        again = await upstream.call("create-message", idempotency_key=key, **say)
        ids = {"thread_id": first["thread_id"], "message_id": first["message"]["id"]}
        one = await upstream.call("get-message", **ids)
        files = await upstream.call("list-message-files", **ids)
        listed = await upstream.call("list-messages", thread_id=first["thread_id"], limit=3)

    assert first["message"]["id"] == again["message"]["id"]
    assert one["message"]["text"] == "hello"
    assert [file["id"] for file in files["files"]] == ["file_1"]
    assert [message["text"] for message in listed["messages"]].count("hello") == 1


async def test_a_marker_that_is_returned_under_another_name_still_tells_a_message_apart() -> None:
    server = servers.OPEN_ASSISTANT
    say = {"thread_id": THREAD, "role": "user", "content": "hello", "idempotency_key": "once"}
    async with world(server.answer, server.settings) as upstream:
        first = await upstream.call("create-message", **say)
        again = await upstream.call("create-message", **say)
        one = await upstream.call(
            "get-message", thread_id=THREAD, message_id=first["message"]["id"]
        )

    assert again["message"]["id"] == first["message"]["id"]
    assert one["message"]["metadata"] == {"backscroll_key": "once"}


@shows(servers.LLAMA_STACK)
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 7, 100])
async def test_the_messages_of_a_completion_are_read_from_the_completion_itself(
    limit: int, order: str
) -> None:
    async with world(servers.LLAMA_STACK.answer, servers.LLAMA_STACK.settings) as upstream:
        pages = await upstream.pages(
            "get-chat-messages", completion_id=COMPLETION, limit=limit, order=order
        )

    texts = [*(f"question {number}" for number in range(INPUT)), ANSWER]
    assert list(joined(pages).values()) == texts[:: 1 if order == "asc" else -1]
    assert pages[-1]["page"]["stopped_by"] == "end"


@shows(servers.LLAMA_STACK)
async def test_an_unknown_completion_is_not_found_where_its_messages_are_not_served() -> None:
    async with world(servers.LLAMA_STACK.answer, servers.LLAMA_STACK.settings) as upstream:
        error = await upstream.error("get-chat-messages", completion_id="chatcmpl-nope")

    assert (error.code, "chatcmpl-nope" in error.message) == ("not_found", True)


@pytest.mark.parametrize(
    ("server", "name", "detail"),
    [
        (servers.LITELLM, "threads", SINGLE_MESSAGES),
        (servers.LLAMA_STACK, "stored completions", COMPLETION_MESSAGES),
    ],
    ids=str,
)
async def test_doctor_names_what_a_served_group_lacks(
    server: Behaviour, name: str, detail: str
) -> None:
    async with world(server.answer, server.settings) as upstream:
        checks = await probe_all(upstream.client)

    assert [check.name for check in checks.values() if detail in check.detail] == [name]
