"""The messages of a response are read whole and once, however its upstream lists its input."""

import pytest

from backscroll_tools.models import JSON
from backscroll_tools.pages.stop import NO_INPUT
from tests.upstreams import conversing, responding
from tests.upstreams.covering import shows
from tests.upstreams.peculiar import Behaviour
from tests.upstreams.responding import RESPONSE
from tests.upstreams.world import CONVERSATION, THREAD, World, world

ALIKE = (
    responding.HISTORY_FIRST,
    responding.REPLAYED,
    responding.UNPAGED,
    responding.REVERSED,
    responding.WITH_ANSWER,
    responding.CONTAINED,
)
TEXTS = ["text 0", "text 1", "text 2", "text 3"]
WITH_ITEMS = [*TEXTS[:3], '{"city": "Oslo"}', "-3 °C", "text 3"]


def texts(pages: list[JSON]) -> list[str]:
    return [message["text"] for page in pages for message in page["messages"]]


@shows(*ALIKE)
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 100])
@pytest.mark.parametrize("behaviour", ALIKE, ids=str)
async def test_a_response_is_its_input_and_its_output_once(
    behaviour: Behaviour, limit: int, order: str
) -> None:
    owner = {"completion_id": RESPONSE, "order": order, "limit": limit}
    step = 1 if order == "asc" else -1
    async with world(behaviour.answer, behaviour.settings) as upstream:
        pages = await upstream.pages("get-chat-messages", **owner)
        with_items = await upstream.pages("get-chat-messages", **owner, items=True)

    assert texts(pages) == TEXTS[::step]
    assert texts(with_items) == WITH_ITEMS[::step]
    assert all(len(page["messages"]) <= limit for page in pages)
    assert "warning" not in pages[-1]["page"]
    assert pages[-1]["page"]["stopped_by"] == "end"
    if limit == 100:
        passed = [page["page"]["passed"] for page in (pages[0], with_items[0])]
        assert passed == [4, 2]


@pytest.mark.parametrize("place", [0, 3, 5])
@pytest.mark.parametrize("behaviour", ALIKE, ids=str)
async def test_both_sides_of_a_message_of_a_response_are_shown(
    behaviour: Behaviour, place: int
) -> None:
    owner: JSON = {"completion_id": RESPONSE, "items": True}
    async with world(behaviour.answer, behaviour.settings) as upstream:
        whole = await upstream.call("get-chat-messages", **owner)
        named = whole["messages"][place]["id"]
        page = await upstream.call("get-chat-messages", **owner, around=named, limit=3)
        pages = [page]
        if cursor := page["page"]["next_cursor"]:
            pages += await upstream.pages("get-chat-messages", **owner, cursor=cursor, limit=2)
        if cursor := page["page"].get("previous_cursor"):
            before = await upstream.pages("get-chat-messages", **owner, cursor=cursor, limit=2)
            pages = [*before[::-1], *pages]
        after = await upstream.call("get-chat-messages", **owner, after=named)
        one = await upstream.call("get-message", thread_id=RESPONSE, message_id=named)

    assert texts(pages) == WITH_ITEMS
    assert named in [message["id"] for message in page["messages"]]
    assert texts([after]) == WITH_ITEMS[place + 1 :]
    assert one["message"]["text"] == WITH_ITEMS[place]


@shows(responding.OUTPUT_ALONE)
async def test_a_response_whose_input_is_not_served_is_its_output_with_a_warning() -> None:
    behaviour = responding.OUTPUT_ALONE
    async with world(behaviour.answer, behaviour.settings) as upstream:
        page = await upstream.call("get-chat-messages", completion_id=RESPONSE)
        gone = await upstream.error("get-chat-messages", completion_id="resp_2")

    assert texts([page]) == ["text 3"]
    assert page["page"]["warning"] == NO_INPUT
    assert (gone.code, gone.message) == ("not_found", "Response with id 'resp_2' not found.")


@shows(responding.MANY)
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_a_response_with_a_long_input_is_read_page_by_page(order: str) -> None:
    behaviour = responding.MANY
    count = len(responding.LONG)
    async with world(behaviour.answer, behaviour.settings) as upstream:
        pages = await upstream.pages(
            "get-chat-messages", completion_id=RESPONSE, order=order, limit=70
        )
        last = await upstream.call(
            "get-chat-messages", completion_id=RESPONSE, order=order, after="msg_3"
        )

    ids = [message["id"] for page in pages for message in page["messages"]]
    expected = [*(f"msg_{number}" for number in range(count)), "msg_3"]
    assert ids == (expected if order == "asc" else expected[::-1])
    assert [message["id"] for message in last["messages"]][:1] == (
        ["msg_4"] if order == "asc" else ["msg_2"]
    )


async def found(upstream: World, **arguments: object) -> list[str]:
    page = await upstream.call("search-messages", **arguments)
    return [hit["id"] for hit in page["hits"]]


@shows(responding.LISTED)
async def test_a_search_reads_one_response_or_all_that_are_listed_each_message_once() -> None:
    behaviour = responding.LISTED
    async with world(behaviour.answer, behaviour.settings) as upstream:
        everywhere = await found(upstream, query="text", order="newest")
        one = await found(upstream, query="text", order="oldest", thread_id=RESPONSE)

    assert everywhere == ["msg_0"]
    assert one == ["msg_0"]


async def test_the_files_of_a_message_of_a_response_are_listed() -> None:
    image = {"type": "input_image", "file_id": "file_1"}
    question = {"type": "message", "id": "msg_0", "role": "user", "content": [image]}
    picture = {
        "type": "function_call_output",
        "id": "fco_1",
        "call_id": "call_1",
        "output": [{"type": "input_file", "file_id": "file_2"}],
    }
    async with world(responding.responding([question, picture]), responding.SETTINGS) as upstream:
        own = {"thread_id": RESPONSE}
        asked = await upstream.call("list-message-files", message_id="msg_0", **own)
        returned = await upstream.call("list-message-files", message_id="fco_1", **own)

    assert [file["id"] for file in asked["files"]] == ["file_1"]
    assert [file["id"] for file in returned["files"]] == ["file_2"]


async def test_calls_of_tools_are_shown_on_request_and_a_cursor_keeps_the_request() -> None:
    async with world(responding.responding(()), {"serves": ("conversations", "threads")}) as fake:
        refused = await fake.error("list-messages", thread_id=THREAD, items=True)
    async with world(conversing.NO_CREATED_AT.answer) as upstream:
        own = {"thread_id": CONVERSATION, "order": "asc"}
        page = await upstream.call("list-messages", items=True, limit=5, **own)
        cursor = page["page"]["next_cursor"]
        rest = await upstream.call("list-messages", **own, cursor=cursor, limit=1)
        other = await upstream.error("list-messages", **own, cursor=cursor, items=False)
        plain = (await upstream.call("list-messages", limit=5, **own))["page"]["next_cursor"]
        same = await upstream.call("list-messages", **own, cursor=plain, limit=1, items=False)
        third = await upstream.error("list-messages", **own, cursor=plain, items=True)

    assert [(message["role"], message.get("type")) for message in page["messages"]] == [
        ("user", None),
        ("user", None),
        ("user", None),
        ("assistant", "function_call"),
        ("user", None),
    ]
    assert page["messages"][3] == {
        "id": "fc_2",
        "role": "assistant",
        "type": "function_call",
        "name": "f",
        "text": "{}",
    }
    assert page["page"]["passed"] == 1
    assert [message["text"] for message in (*rest["messages"], *same["messages"])] == [
        "text 4",
        "text 5",
    ]
    assert other.message == "cursor conflicts with items."
    assert third.message == "cursor conflicts with items."
    assert refused.message == "items cannot be used with a thread, which has only messages."


@pytest.mark.parametrize(
    ("name", "arguments", "message", "tool"),
    [
        (
            "list-messages",
            {"thread_id": RESPONSE},
            "thread_id is the id of a response.",
            "get-chat-messages",
        ),
        (
            "get-chat-messages",
            {"completion_id": CONVERSATION},
            "completion_id is the id of a conversation.",
            "list-messages",
        ),
    ],
)
async def test_an_id_of_the_wrong_kind_names_the_tool_that_reads_it(
    name: str, arguments: JSON, message: str, tool: str
) -> None:
    async with world(responding.responding(()), responding.SETTINGS) as upstream:
        refused = await upstream.error(name, **arguments)

    assert (refused.code, refused.message) == ("invalid_arguments", message)
    assert refused.taken_by == tool


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("behaviour", ALIKE, ids=str)
async def test_an_unknown_message_to_start_after_is_refused(
    behaviour: Behaviour, order: str
) -> None:
    async with world(behaviour.answer, behaviour.settings) as upstream:
        refused = await upstream.error(
            "get-chat-messages", completion_id=RESPONSE, order=order, after="msg_99"
        )

    assert refused.code == "not_found"
    assert "msg_99" in refused.message
