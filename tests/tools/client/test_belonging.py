"""A reply belongs to its request unless an id or a kind in it says otherwise."""

from typing import Any

import pytest

from backscroll_tools.client import completion_requests, requests
from backscroll_tools.client.belonging import belongs
from backscroll_tools.client.file_requests import list_message_files
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.writes.deletion import deletion

PAGE = Slice(20, "desc")
MESSAGE = requests.retrieve_message("thread_1", "msg_1")
MESSAGES = requests.list_messages("thread_1", PAGE)
WRITE = requests.create_message("thread_1", {"role": "user", "content": "hi"}, "key")
FILES = list_message_files("thread_1", "msg_1", PAGE)
ITEM = requests.retrieve_item("conv_1", "msg_1")
ITEMS = requests.list_items("conv_1", PAGE)
COMPLETION = completion_requests.retrieve_chat_completion("chatcmpl-1")
THREAD_DELETION = deletion(requests.retrieve_thread("thread_1"))
ITEM_DELETION = deletion(ITEM)
CHAT = completion_requests.list_chat_messages("chatcmpl-1", PAGE)


def listed(**row: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return {"object": "list", "data": [row]}


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (MESSAGE, {"id": "msg_2"}),
        (MESSAGE, {"id": "msg_1", "thread_id": "thread_2"}),
        (MESSAGE, {"id": "msg_1", "object": "thread"}),
        (MESSAGE, {"object": "list", "data": []}),
        (MESSAGES, {"object": "thread.message", "id": "msg_1"}),
        (MESSAGES, listed(id="msg_1", thread_id="thread_2")),
        (MESSAGES, listed(id="thread_1", object="thread")),
        (WRITE, {"id": "msg_9", "object": "thread.message", "thread_id": "thread_2"}),
        (WRITE, {"id": "thread_1", "object": "thread"}),
        (FILES, listed(id="file_1", message_id="msg_2")),
        (ITEM, {"type": "message", "id": "msg_2"}),
        (ITEMS, listed(id="msg_1", object="thread.message")),
        (COMPLETION, {"id": "chatcmpl-2", "object": "chat.completion"}),
        (CHAT, listed(id="chatcmpl-2-0")),
        (requests.retrieve_thread("thread_1"), {"id": "thread_2"}),
        (requests.create_thread([], {}, "key"), {"id": "conv_1", "object": "conversation"}),
        (requests.list_threads(PAGE), listed(id="chatcmpl-1", object="chat.completion")),
        (requests.retrieve_thread("thread_1"), {"id": "thread_1", "object": "thread.deleted"}),
        (THREAD_DELETION, {"id": "thread_1", "object": "thread"}),
        (THREAD_DELETION, {"id": "thread_2", "object": "thread.deleted", "deleted": True}),
        (THREAD_DELETION, {"id": "conv_1", "object": "conversation.deleted", "deleted": True}),
        (ITEM_DELETION, {"id": "msg_1", "type": "message"}),
        (ITEM_DELETION, {"id": "conv_2", "object": "conversation"}),
    ],
)
def test_an_answer_to_another_request_is_told(request_: Request, reply: dict[str, Any]) -> None:
    assert not belongs(reply, request_)


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (MESSAGE, {"id": "msg_1", "object": "thread.message", "thread_id": "thread_1"}),
        (MESSAGE, {"id": "msg_1", "thread_id": None}),
        (MESSAGE, {"id": "msg_1", "object": "something.new", "thread_id": 7}),
        (MESSAGE, {"id": "0c9a6e7e-8d3e-4f4c-9f2e-2d1c6a5b4f3a", "thread_id": "7f"}),
        (MESSAGES, {"object": "runs", "data": [{"id": "msg_1"}, "odd", None]}),
        (MESSAGES, {"object": "thread.message", "data": []}),
        (THREAD_DELETION, {}),
        (THREAD_DELETION, {"id": "thread_1", "object": "thread.deleted", "deleted": True}),
        (THREAD_DELETION, {"id": "7f", "object": "gadget.deleted", "deleted": False}),
        (ITEM_DELETION, {"id": "conv_1", "object": "conversation"}),
        (ITEM_DELETION, {"id": "msg_1", "object": "conversation.item.deleted"}),
        (MESSAGES, {}),
        (WRITE, {"id": "msg_9", "object": "thread.message", "thread_id": "thread_1"}),
        (WRITE, listed(id="msg_9")),
        (FILES, listed(id="file_1", object="thread.message.file", message_id="msg_1")),
        (ITEM, {"type": "message", "id": "msg_1"}),
        (ITEMS, listed(id="rs_1", type="reasoning")),
        (COMPLETION, {"id": "chatcmpl-1", "object": "chat.completion"}),
        (CHAT, listed(id="chatcmpl-1-12", object="chat.completion.message")),
        (CHAT, listed(id="chatcmpl-1")),
        (CHAT, listed(id="msg-1")),
        (CHAT, listed(id="0c9a6e7e-8d3e-4f4c-9f2e-210987654321")),
        (requests.create_thread([], {}, "key"), {"id": "thread_9", "object": "thread"}),
        (requests.create_conversation([], {}, "key"), {"id": "conv_9", "object": "conversation"}),
    ],
)
def test_what_is_missing_or_strange_tells_nothing(request_: Request, reply: dict[str, Any]) -> None:
    assert belongs(reply, request_)
