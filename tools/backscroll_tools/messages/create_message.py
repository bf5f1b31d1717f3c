"""`create-message`: one message written, once."""

from typing import Final, cast

import anyio

from backscroll_tools import schemas
from backscroll_tools.client import requests, typed
from backscroll_tools.client.client import Client
from backscroll_tools.client.failures import outcome_unknown
from backscroll_tools.client.items import message_item
from backscroll_tools.client.requests import Request
from backscroll_tools.errors import ToolError
from backscroll_tools.messages.once import Key, OneWrite, read_key
from backscroll_tools.messages.sources import is_conversation, messages_of
from backscroll_tools.models import JSON, Message
from backscroll_tools.pages.cursor import Place
from backscroll_tools.tool import Call, Result, Tool

CONTENT_CHARS: Final = 256_000
"""The most characters of a message's text (OpenAI API, 2024-04-15, create message)."""


async def _run(call: Call, arguments: JSON) -> Result:
    key = read_key(arguments.get("idempotency_key"))
    thread_id: str | None = arguments.get("thread_id")
    message: JSON = {name: arguments[name] for name in _MESSAGE if name in arguments}
    written: JSON | None = None
    with anyio.CancelScope(deadline=call.ends_at):
        written = await _write(call.client, thread_id, message, key)
    if written is None:
        since = call.client.unsettled.get(key.token, key.since)
        raise outcome_unknown(str(Key(key.token, since)))
    match written:
        case {"object": "list", "data": [{"id": str()} as item, *_]} if thread_id is not None:
            return _result(thread_id, cast("JSON", item), key)
        case {"id": str()} if thread_id is not None:
            return _result(thread_id, written, key)
        case {"id": str() as new_id}:
            return _result(new_id, await _first_message(call, new_id), key)
        case _:
            raise ToolError(
                "upstream_invalid",
                "The upstream accepted the message but named no id.",
                next_step="Look for it with list-messages before you write it again.",
                retry="not safe: the message was probably written.",
            )


async def _write(client: Client, thread_id: str | None, message: JSON, key: Key) -> JSON:
    """Write to a thread or a conversation, that exists or that the message starts."""
    profile = client.upstream.profile
    conversation = is_conversation(profile, thread_id or "")
    if thread_id is None:
        if conversation:
            return await client.send(
                requests.create_conversation([message_item(message)], str(key))
            )
        return await client.send(requests.create_thread(message, str(key)))

    def request(message: JSON) -> Request:
        if conversation:
            return requests.create_items(thread_id, [message_item(message)], str(key))
        return requests.create_message(thread_id, message, str(key))

    if profile.honours_idempotency_keys:
        return await client.send(request(message))
    return await OneWrite(client, thread_id, message, request, key).written()


async def _first_message(call: Call, thread_id: str) -> Message | None:
    """Return the message that a new thread began with: the reply to its creation has none.

    The write stands whatever becomes of this read, so its failure is no failure of the call.
    """
    start = Place(tool=CREATE_MESSAGE.name, owner=thread_id, order="asc")
    try:
        with anyio.CancelScope(deadline=call.ends_at):
            chunk = await messages_of(call.client, thread_id, start).chunk("", 1)
            return chunk.items[0] if chunk.items else None
    except ToolError:
        pass
    return None


def _result(thread_id: str, written: JSON | Message | None, key: Key) -> Result:
    structured: JSON = {"thread_id": thread_id, "idempotency_key": str(key)}
    if written is None:
        text = f"Created thread {thread_id} with the message."
    else:
        message = cast("JSON", typed.message(cast("JSON", written)))
        shown = {name: message[name] for name in ("id", "role", "created_at") if name in message}
        structured["message"] = shown
        text = f"Created {message['role']} message {message['id']} in thread {thread_id}."
    return Result(f"{text} To repeat this call safely: idempotency_key {key}", structured)


_MESSAGE: Final = ("role", "content", "attachments", "metadata")

_PART: Final = schemas.arguments(
    {
        "type": {"type": "string", "enum": ["text", "image_file", "image_url"]},
        "text": {"type": "string", "minLength": 1, "maxLength": CONTENT_CHARS},
        "image_file": {"type": "object"},
        "image_url": {"type": "object"},
    },
    ("type",),
)

_ATTACHMENT: Final = schemas.arguments(
    {
        "file_id": schemas.STRING,
        "tools": {
            "type": "array",
            "items": schemas.arguments(
                {"type": {"type": "string", "enum": ["code_interpreter", "file_search"]}}, ("type",)
            ),
        },
    },
    ("file_id", "tools"),
)

CREATE_MESSAGE: Final = Tool(
    name="create-message",
    title="Create message",
    description=(
        "Write one message to a thread, or without thread_id to a new thread, whose id is "
        "returned. After an unclear failure repeat the call with the same idempotency_key: it is "
        "never written twice."
    ),
    input_schema=schemas.arguments(
        {
            "thread_id": schemas.STRING,
            "role": {"type": "string", "enum": ["user", "assistant"]},
            "content": {
                "type": ["string", "array"],
                "minLength": 1,
                "maxLength": CONTENT_CHARS,
                "minItems": 1,
                "items": _PART,
                "description": "Text, or parts",
            },
            "attachments": {"type": "array", "items": _ATTACHMENT},
            "metadata": schemas.METADATA,
            "idempotency_key": {"type": "string", "maxLength": 255},
        },
        ("role", "content"),
    ),
    output_schema=schemas.result(
        {
            "thread_id": schemas.STRING,
            "message": schemas.result(
                {"id": schemas.STRING, "role": schemas.STRING, "created_at": schemas.INTEGER},
                ("id", "role"),
            ),
            "idempotency_key": schemas.STRING,
        },
        ("thread_id", "idempotency_key"),
    ),
    run=_run,
    writes=True,
)
