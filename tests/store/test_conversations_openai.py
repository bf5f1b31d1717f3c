"""Conversations through the official client, unchanged, over a real socket."""

from typing import Literal

import openai
import pytest
from openai.types.conversations import ConversationItem, Message
from openai.types.responses import ResponseInputItemParam


def _text(item: ConversationItem) -> str:
    assert isinstance(item, Message)
    part = item.content[0]
    assert part.type in {"input_text", "output_text"}
    return str(getattr(part, "text"))  # noqa: B009 - some kinds of parts have no text


def _messages(count: int) -> list[ResponseInputItemParam]:
    return [{"role": "user", "content": str(number)} for number in range(count)]


async def test_a_conversation_is_created_retrieved_updated_and_deleted(
    client: openai.AsyncOpenAI,
) -> None:
    conversation = await client.conversations.create(
        items=[{"role": "developer", "content": "Be brief."}], metadata={"a": "1"}
    )
    assert (conversation.object, conversation.metadata) == ("conversation", {"a": "1"})
    assert await client.conversations.retrieve(conversation.id) == conversation
    changed = await client.conversations.update(conversation.id, metadata={"b": "2"})
    assert changed == conversation.model_copy(update={"metadata": {"b": "2"}})
    deleted = await client.conversations.delete(conversation.id)
    assert deleted.model_dump() == {
        "id": conversation.id,
        "deleted": True,
        "object": "conversation.deleted",
    }
    with pytest.raises(openai.NotFoundError, match="No conversation found with id"):
        await client.conversations.retrieve(conversation.id)


async def test_items_are_created_retrieved_and_deleted(client: openai.AsyncOpenAI) -> None:
    conversation = await client.conversations.create()
    items = client.conversations.items
    made = await items.create(
        conversation.id,
        items=[
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]},
            {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "1"},
            {"role": "assistant", "content": "b"},
        ],
        include=["message.output_text.logprobs"],
    )
    assert [item.type for item in made.data] == [
        "message",
        "function_call",
        "function_call_output",
        "message",
    ]
    assert (_text(made.data[0]), _text(made.data[3])) == ("a", "b")
    assert (made.first_id, made.last_id, made.has_more) == (
        made.data[0].id,
        made.data[3].id,
        False,
    )
    for item in made.data:
        assert item.id is not None
        assert await items.retrieve(item.id, conversation_id=conversation.id) == item
    gone = made.first_id
    assert await items.delete(gone, conversation_id=conversation.id) == conversation
    with pytest.raises(openai.NotFoundError, match=f"No item found with id '{gone}'"):
        await items.retrieve(gone, conversation_id=conversation.id)
    left = await items.list(conversation.id, order="asc", after=gone)
    assert left.data == made.data[1:]


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_auto_paging_yields_every_item_once_in_order(
    client: openai.AsyncOpenAI, order: Literal["asc", "desc"]
) -> None:
    expected = [str(number) for number in range(17)]
    conversation = await client.conversations.create(items=_messages(17))
    listed = client.conversations.items.list(conversation.id, limit=5, order=order)
    found = [_text(item) async for item in listed]
    assert found == (expected if order == "asc" else expected[::-1])


async def test_a_list_is_newest_first(client: openai.AsyncOpenAI) -> None:
    conversation = await client.conversations.create(items=_messages(3))
    listed = await client.conversations.items.list(conversation.id)
    assert [_text(item) for item in listed.data] == ["2", "1", "0"]


async def test_a_refusal_reaches_the_caller_by_its_parameter(client: openai.AsyncOpenAI) -> None:
    conversation = await client.conversations.create()
    with pytest.raises(openai.BadRequestError) as caught:
        await client.conversations.items.create(conversation.id, items=_messages(21))
    assert (caught.value.param, caught.value.code) == ("items", "array_above_max_length")
    with pytest.raises(openai.BadRequestError) as caught:
        await client.conversations.items.list(conversation.id, limit=101)
    assert (caught.value.param, caught.value.code) == ("limit", "integer_above_max_value")
