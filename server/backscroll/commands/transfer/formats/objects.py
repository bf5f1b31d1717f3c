"""The objects that an export writes, one per line. An import reads them with `shapes`."""

from collections.abc import Mapping, Sequence
from typing import Any

from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedResponse,
    ImportedThread,
)
from backscroll.store.envelopes import JSON
from backscroll.store.message_object import text_part


def thread_object(thread: ImportedThread) -> JSON:
    """Return a thread as an object that can be imported again."""
    return {
        "object": "thread",
        "id": thread.id,
        **_own_key(thread),
        "created_at": thread.created_at,
        **_given(metadata=thread.metadata, tool_resources=thread.tool_resources),
        "messages": [_message_object(message) for message in thread.messages],
    }


def conversation_object(conversation: ImportedConversation) -> JSON:
    """Return a conversation as an object that can be imported again."""
    return {
        "object": "conversation",
        "id": conversation.id,
        **_own_key(conversation),
        "created_at": conversation.created_at,
        **_given(last_active_at=conversation.last_active_at, metadata=conversation.metadata),
        "items": [_item_object(item) for item in conversation.items],
    }


def _item_object(item: ImportedItem) -> JSON:
    known = {"created_at": item.created_at, "import_key": item.key}
    return item.item | {name: value for name, value in known.items() if value is not None}


def completion_object(completion: ImportedCompletion) -> JSON:
    """Return a stored completion as an object that can be imported again."""
    return {
        "object": "chat.completion",
        "id": completion.id,
        **_own_key(completion),
        "created": completion.created_at,
        "model": completion.model,
        **_given(metadata=completion.metadata),
        **completion.fields,
        "choices": completion.choices,
        "messages": completion.messages,
    }


def response_object(response: ImportedResponse) -> JSON:
    """Return a response as an object that can be imported again."""
    return {
        "object": "response",
        "id": response.id,
        **_own_key(response),
        "created_at": response.created_at,
        **_given(metadata=response.metadata),
        **response.fields,
        "output": response.output,
        "input_items": response.input,
    }


def _message_object(message: ImportedMessage) -> JSON:
    status = None if message.status == "completed" else message.status
    return {
        "id": message.id,
        "role": message.role,
        "created_at": message.created_at,
        "content": _content(message.content),
        **_given(
            attachments=message.attachments,
            metadata=message.metadata,
            run_id=message.run_id,
            assistant_id=message.assistant_id,
            status=status,
            incomplete_at=message.incomplete_at,
            incomplete_details=message.incomplete_details,
            key=message.key,
        ),
    }


def _content(content: str | Sequence[Mapping[str, Any]]) -> str | Sequence[Mapping[str, Any]]:
    """Return the content. Plain text becomes a string, which takes less space than a part."""
    match content:
        case [{"type": "text", "text": {"value": str(text), "annotations": []}}] if content[
            0
        ] == text_part(text):
            return text
        case _:
            return content


def _own_key(
    item: ImportedThread | ImportedConversation | ImportedCompletion | ImportedResponse,
) -> JSON:
    return {} if item.key == item.id else {"key": item.key}


def _given(**fields: object) -> JSON:
    return {name: value for name, value in fields.items() if value}
