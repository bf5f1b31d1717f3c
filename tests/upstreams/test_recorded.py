"""The client reads what two real servers said, request by request as it was recorded."""

import pytest

from backscroll_tools.client import completion_requests, objects, requests
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.requests import Slice
from backscroll_tools.lookup import last_of
from backscroll_tools.models import JSON, Message, Order
from backscroll_tools.pages.stop import STUCK
from tests.upstreams.replay import LITELLM, OGX, DroppingReplay, Replay, recordings, replayed
from tests.upstreams.world import World

CONVERSATION = "conv_37ec51dea20f80f1daf317594dc5a56c1ffe915fc70bec5b"
MIXED = "conv_96a43f349bb53d3a5fbbeb8d53a38ecf2dec598b2612f711"
EMPTY = "conv_f56aac13e4af9b555bda6ce588824d466ca35577be09d440"
UNKNOWN = "conv_000000000000000000000000000000000000000000000000"
FIRST = "msg_a8d56045ab88e21be79142a0a5daa5d03cb9eb72872ed680"
DELETED = "msg_15e7cda899f2d700a78929d723521bd336408089e347e5a8"
NOWHERE = "msg_000000000000000000000000000000000000000000000000"
COMPLETION = "chatcmpl-fake1"

SAID = [f"m{number}" if number % 4 == 1 else f"m{number} é 😀" for number in range(40)]
QUESTIONS = [f"q{number}" for number in range(25)]


async def autopaged(upstream: World, owner: str, order: Order, limit: int) -> list[Message]:
    """Read a whole list in the pages that were recorded."""
    seen: list[Message] = []
    after, more = "", True
    while more:
        assert len(seen) < 1000
        window = Slice(limit, order, after)
        is_conversation = owner.startswith("conv_")
        ask = requests.list_items if is_conversation else completion_requests.list_chat_messages
        page = await CallClient(upstream.client).page(ask(owner, window))
        seen += map(objects.message, page.items)
        after, more = last_of(page, after), page.has_more is not False
    return seen


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_the_pages_of_a_conversation_of_ogx_hold_each_message_once(order: Order) -> None:
    replay = Replay(recordings(OGX))
    async with replayed(replay) as upstream:
        messages = await autopaged(upstream, CONVERSATION, order, 7)

    texts = [message["text"] for message in messages]
    assert texts == (SAID if order == "asc" else SAID[::-1])
    assert {message["role"] for message in messages} == {"user", "assistant", "system", "developer"}
    assert all(set(message) <= {"id", "role", "text", "other"} for message in messages)
    assert replay.unanswered == []


async def test_a_page_of_a_conversation_of_ogx_is_a_page_of_messages() -> None:
    replay = Replay(recordings(OGX))
    async with replayed(replay) as upstream:
        whole = await upstream.call("list-messages", thread_id=CONVERSATION, limit=100)
        part = await upstream.call("list-messages", thread_id=CONVERSATION)
        none = await upstream.call("list-messages", thread_id=EMPTY)

    assert [message["text"] for message in whole["messages"]] == SAID[::-1]
    assert whole["page"] == {
        "returned": 40,
        "has_more": False,
        "next_cursor": None,
        "stopped_by": "end",
        "order": "desc",
    }
    assert [message["text"] for message in part["messages"]] == SAID[:19:-1]
    assert part["page"]["stopped_by"] == "limit"
    assert none["messages"] == []
    assert none["page"]["stopped_by"] == "end"
    assert replay.unanswered == []


async def test_items_of_ogx_that_are_no_messages_are_passed_over() -> None:
    replay = Replay(recordings(OGX))
    async with replayed(replay) as upstream:
        page = await upstream.call("list-messages", thread_id=MIXED, order="asc")

    image: JSON = {
        "type": "input_image",
        "detail": "auto",
        "file_id": None,
        "image_url": "data:image/png;base64,AAAA",
    }
    assert page["messages"] == [
        {
            "id": "msg_2749766a6a409abfa14e420f30181cc79664a95f815d9fd3",
            "role": "user",
            "text": "see",
            "content": [image],
        },
        {
            "id": "msg_80a0f26d90133030dfe267acb4466b415cb086bf4b42af4b",
            "role": "assistant",
            "text": "ans",
            "content": [{"type": "refusal", "refusal": "no"}],
        },
    ]
    assert page["page"]["passed"] == 3


async def test_one_item_of_ogx_is_read_and_its_files_are_derived() -> None:
    replay = Replay(recordings(OGX))
    async with replayed(replay) as upstream:
        one = await upstream.call("get-message", thread_id=CONVERSATION, message_id=FIRST)
        files = await upstream.call("list-message-files", thread_id=CONVERSATION, message_id=FIRST)

    assert one["message"] == {"id": FIRST, "role": "user", "text": SAID[0]}
    assert files["files"] == []
    assert files["page"]["derived"] is True


async def test_a_reply_of_ogx_to_a_write_names_the_message() -> None:
    async with replayed(Replay(recordings(OGX, "002"))) as upstream:
        created = await upstream.call(
            "create-message", thread_id=CONVERSATION, role="user", content=SAID[0]
        )

    assert created["message"] == {"id": FIRST, "role": "user"}


async def test_the_pages_of_a_completion_of_ogx_hold_each_message_once_with_its_answer() -> None:
    replay = Replay(recordings(OGX))
    async with replayed(replay) as upstream:
        pages = await upstream.pages("get-chat-messages", completion_id=COMPLETION, limit=7)
        newest_first = await autopaged(upstream, COMPLETION, "desc", 7)

    messages = [message for page in pages for message in page["messages"]]
    texts = ["dev", "sys", "hi", "", "42", *QUESTIONS, "fixed reply 0"]
    assert [message["text"] for message in messages] == texts
    assert [message["id"] for message in messages] == [
        f"{COMPLETION}-{number}" for number in range(31)
    ]
    assert messages[3]["tool_calls"][0]["function"] == {"name": "f", "arguments": "{}"}
    assert messages[4]["role"] == "tool"
    assert newest_first == messages[::-1]
    assert replay.unanswered == []


async def test_a_completion_that_ogx_stored_unasked_is_read() -> None:
    async with replayed(Replay(recordings(OGX))) as upstream:
        page = await upstream.call("get-chat-messages", completion_id="chatcmpl-fake2")
        listed = await upstream.call("list-chat-completions", order="asc", limit=2)

    assert [message["text"] for message in page["messages"]] == ["x", "fixed reply 0"]
    assert listed["completions"] == [
        {
            "id": COMPLETION,
            "created_at": 1795304336,
            "model": "fake/fake-1",
            "text": "fixed reply 0",
        }
    ]


@pytest.mark.parametrize(
    ("tool", "arguments", "code", "said"),
    [
        ("list-messages", {"thread_id": UNKNOWN}, "not_found", f"Conversation '{UNKNOWN}' not"),
        ("list-messages", {"thread_id": "conv_123"}, "invalid_arguments", "Invalid value for"),
        (
            "list-messages",
            {"thread_id": CONVERSATION, "after": NOWHERE},
            "not_found",
            f"The upstream does not know {NOWHERE}, which this page starts after (Conversation",
        ),
        (
            "list-messages",
            {"thread_id": CONVERSATION, "after": DELETED, "order": "asc"},
            "not_found",
            f"The upstream does not know {DELETED}, which this page starts after (Conversation",
        ),
        ("get-chat-messages", {"completion_id": "nope"}, "not_found", "Chat completion with id no"),
        (
            "get-chat-messages",
            {"completion_id": COMPLETION, "after": "nope"},
            "not_found",
            "The upstream does not know nope, which this page starts after (Failed to list",
        ),
        (
            "list-messages",
            {"thread_id": "thread_1"},
            "upstream_retired",
            "The upstream (compatible) does not serve GET /threads/{id}/messages.",
        ),
    ],
)
async def test_an_error_of_ogx_says_what_it_means(
    tool: str, arguments: JSON, code: str, said: str
) -> None:
    replay = Replay(recordings(OGX))
    async with replayed(replay) as upstream:
        error = await upstream.error(tool, **arguments)

    assert error.code == code
    assert error.message.startswith(said)
    assert replay.unanswered == []


async def test_a_message_that_ogx_does_not_have_is_not_found() -> None:
    async with replayed(Replay(recordings(OGX, "038"))) as upstream:
        error = await upstream.error("get-message", thread_id=CONVERSATION, message_id=NOWHERE)

    assert error.code == "not_found"
    assert error.message.startswith("Conversation item")


@pytest.mark.parametrize("number", [39, 20])
async def test_a_message_that_litellm_lists_but_cannot_retrieve_is_read_from_its_list(
    number: int,
) -> None:
    message_id = f"msg_{number:03}"
    replay = DroppingReplay(recordings(LITELLM))
    async with replayed(replay) as upstream:
        one = await upstream.call("get-message", thread_id="thread_1", message_id=message_id)

    assert (one["message"]["id"], one["message"]["text"]) == (message_id, f"m{number}")
    assert [asked.path for asked in upstream.asked] == [
        f"/threads/thread_1/messages/{message_id}",
        "/threads/thread_1/messages",
    ]


async def test_a_message_out_of_reach_at_litellm_is_not_said_to_be_missing() -> None:
    async with replayed(DroppingReplay(recordings(LITELLM))) as upstream:
        error = await upstream.error("get-message", thread_id="thread_1", message_id="msg_001")

    assert error.code == "not_found"
    assert error.message == (
        "msg_001 was not found: the upstream cannot retrieve it by its id, and only a part of the "
        "list could be searched."
    )


async def test_litellm_gives_its_newest_messages_and_the_page_says_that_no_more_can_be_had() -> (
    None
):
    replay = DroppingReplay(recordings(LITELLM))
    async with replayed(replay) as upstream:
        page = await upstream.call("list-messages", thread_id="thread_1", limit=50)

    assert [message["text"] for message in page["messages"]] == [
        f"m{number}" for number in range(39, 19, -1)
    ]
    assert page["messages"][0] == {
        "id": "msg_039",
        "role": "assistant",
        "created_at": 1699000039,
        "text": "m39",
        "other": {"x_extra": "kept?"},
    }
    assert page["page"] == {
        "returned": 20,
        "has_more": True,
        "next_cursor": None,
        "stopped_by": "requests",
        "order": "desc",
        "warning": STUCK,
    }
    assert len(upstream.asked) == 2


@pytest.mark.parametrize("number", ["04", "05"])
async def test_a_reply_of_litellm_to_a_write_names_the_message(number: str) -> None:
    (recorded,) = recordings(LITELLM, number)
    async with replayed(Replay([recorded])) as upstream:
        created = await upstream.call(
            "create-message", thread_id="thread_1", role="user", content="hello é 😀"
        )

    body = recorded.reply["body"]
    assert created["message"] == {name: body[name] for name in ("id", "role", "created_at")}


async def test_a_new_thread_of_litellm_is_named_though_its_message_cannot_be_read() -> None:
    replay = DroppingReplay(recordings(LITELLM, "15"))
    async with replayed(replay) as upstream:
        created = await upstream.call("create-message", role="user", content="hello")

    assert created["thread_id"] == "thread_new"
    assert "message" not in created
    assert [asked.path for asked in replay.unanswered] == ["/threads/thread_new/messages"]


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("list-messages", {"thread_id": "thread_404"}, "upstream_unavailable"),
        ("list-messages", {"thread_id": "thread_429"}, "rate_limited"),
        ("list-messages", {"thread_id": "conv_1"}, "upstream_retired"),
        ("get-chat-messages", {"completion_id": "chatcmpl-1"}, "upstream_retired"),
    ],
)
async def test_an_error_of_litellm_says_what_it_means(
    tool: str, arguments: JSON, code: str
) -> None:
    replay = DroppingReplay(recordings(LITELLM))
    async with replayed(replay) as upstream:
        error = await upstream.error(tool, **arguments)

    assert error.code == code
    # The completion itself is requested too, because it may contain its messages.
    completion = ["/chat/completions/chatcmpl-1"] if tool == "get-chat-messages" else []
    assert [asked.path for asked in replay.unanswered] == completion


async def test_litellm_answers_500_for_a_write_that_it_refuses() -> None:
    async with replayed(Replay(recordings(LITELLM, "07"))) as upstream:
        error = await upstream.error(
            "create-message", thread_id="thread_1", role="user", content="hello"
        )

    assert error.code == "outcome_unknown"


def test_the_recordings_hold_no_key() -> None:
    for server in (OGX, LITELLM):
        for recording in recordings(server):
            assert set(recording.reply["request"]) == {"method", "path", "json"}
            assert "authorization" not in str(recording.reply).lower()
