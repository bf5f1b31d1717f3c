"""`create-message`: writes one message, exactly once."""

from typing import Final, Protocol, cast

import anyio
from msgspec import Struct

from backscroll_tools import schemas
from backscroll_tools.client import objects, replies
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.failures import outcome_unknown
from backscroll_tools.client.groups import AGENT_SESSIONS, CONVERSATIONS, THREADS
from backscroll_tools.collections import writable_collection_of
from backscroll_tools.errors import ToolError
from backscroll_tools.message_lists import messages_of
from backscroll_tools.models import JSON, Message
from backscroll_tools.pages.cursor import ListPosition
from backscroll_tools.tool import ADDS, Call, Result, Tool
from backscroll_tools.writes import content, keys
from backscroll_tools.writes.journal import Record, journal_of
from backscroll_tools.writes.keys import IdempotencyKey
from backscroll_tools.writes.once import OneWrite

_KEYED: Final = frozenset(
    {
        "deadline_exceeded",
        "internal",
        "rate_limited",
        "thread_busy",
        "upstream_invalid",
        "upstream_unavailable",
    }
)
"""The codes of failures after which a repeated call may succeed. These errors name the idempotency
key that makes a repeated call safe."""


_REPEATED: Final = (
    "safe with the same idempotency_key. This call wrote nothing; an earlier call with the key may "
    "have."
)
"""The retry rule for failures with a code in `_KEYED`, if the call passed an idempotency key."""


class _Write(Protocol):
    """A message to write, on any kind of upstream."""

    @property
    def thread(self) -> str:
        """The id of the thread to write to; empty until it is known."""
        ...

    @property
    def key(self) -> IdempotencyKey:
        """The idempotency key that makes it safe to repeat the call."""
        ...

    async def written(self) -> JSON:
        """Write the message, and return the created message or thread."""
        ...

    def doubtful(self) -> bool:
        """Whether the upstream may have stored the message although `written` was cancelled."""
        ...


async def _run(call: Call, arguments: JSON) -> Result:
    given: str = arguments.get("thread_id", "")
    message: JSON = {
        "role": arguments["role"],
        "content": content.content_of(arguments),
        **{name: arguments[name] for name in ("attachments", "metadata") if name in arguments},
    }
    write = _write(call.client, given, message, arguments.get("idempotency_key"))
    created_object: JSON | None = None
    try:
        with anyio.CancelScope(deadline=call.ends_at):
            created_object = await write.written()
    except ToolError as error:
        if "idempotency_key" in arguments and error.code in _KEYED:
            error.retry = _REPEATED
        raise _repeatable(error, write) from None
    if created_object is None:
        failure = outcome_unknown(str(write.key)) if write.doubtful() else _too_late()
        raise _repeatable(failure, write)
    if write.thread:
        return _result(write.thread, created_object, write.key)
    new_id: str = created_object["id"]
    return _result(new_id, await _first_message(call, new_id), write.key)


def _write(client: CallClient, thread_id: str, message: JSON, argument: str | None) -> _Write:
    if client.upstream.profile.honours_idempotency_keys:
        key = IdempotencyKey(argument or keys.mint(), given=argument is not None)
        return _KeyedWrite(client, thread_id, message, key)
    key = IdempotencyKey(keys.mint()) if argument is None else keys.read(argument)
    record = Record(key, client.shared.clock.monotonic())
    return OneWrite(client, journal_of(client.shared), thread_id, message, record)


class _KeyedWrite(Struct, frozen=True):
    """A message to write on an upstream that honours idempotency keys."""

    client: CallClient
    thread: str
    message: JSON
    key: IdempotencyKey

    async def written(self) -> JSON:
        collection = writable_collection_of(self.client.upstream.profile, self.thread)
        request = collection.create_message(self.thread, self.message, str(self.key))
        try:
            return replies.created(await self.client.send(request))
        except ToolError as error:
            if error.code == "upstream_invalid":
                raise outcome_unknown(str(self.key)) from None
            raise

    def doubtful(self) -> bool:
        return self.client.in_doubt


def _too_late() -> ToolError:
    return ToolError(
        "deadline_exceeded",
        "The upstream did not answer within the call's time limit.",
        next_step="Call again.",
    )


def _repeatable(error: ToolError, write: _Write) -> ToolError:
    """Return a copy of the error that names the idempotency key, with a suitable retry rule."""
    key, next_step = write.key, error.next_step
    if error.code == "outcome_unknown":
        return error
    if error.code in _KEYED:
        next_step = f'{next_step} When you repeat the call, pass idempotency_key "{key}".'
    # An earlier call with the same key may have written the message.
    retry = error.retry.replace("nothing was written", "this call wrote nothing")
    return ToolError(
        error.code,
        error.message,
        next_step=next_step,
        retry=retry if key.given else error.retry,
        shown_by=error.shown_by,
    )


async def _first_message(call: Call, thread_id: str) -> Message | None:
    """Read the first message of a new thread. The reply to the write contains only the thread's id.

    Return None if the message cannot be read. The call succeeds anyway, because it has written the
    message.
    """
    start = ListPosition(tool=CREATE_MESSAGE.name, owner=thread_id, order="asc")
    collection = writable_collection_of(call.client.upstream.profile, thread_id)
    messages = messages_of(call.client, collection, thread_id, start)
    try:
        with anyio.CancelScope(deadline=call.ends_at):
            chunk = await messages.chunk("", 1)
            return chunk.items[0] if chunk.items else None
    except ToolError:
        pass
    return None


def _result(thread_id: str, created_object: JSON | Message | None, key: IdempotencyKey) -> Result:
    structured: JSON = {"thread_id": thread_id, "idempotency_key": str(key)}
    if created_object is None:
        text = f"Created thread {thread_id} with the message."
    else:
        message = cast("JSON", objects.message(cast("JSON", created_object)))
        shown = {name: message[name] for name in ("id", "role", "created_at") if name in message}
        structured["message"] = shown
        text = f"Created {message['role']} message {message['id']} in thread {thread_id}."
    return Result(f"{text} To repeat this call safely: idempotency_key {key}", structured)


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
    summary="writes one message, exactly once; without `thread_id`, to a new thread",
    description=(
        "Write one message to a conversation; without thread_id, to a new thread. If the outcome "
        "is unclear, repeat the call with the same idempotency_key: it never writes twice."
    ),
    input_schema=schemas.arguments(
        {
            "thread_id": schemas.STRING,
            "role": {"type": "string", "enum": ["user", "assistant"]},
            "content": content.TEXT,
            "parts": content.PARTS,
            "attachments": {"type": "array", "items": _ATTACHMENT},
            "metadata": schemas.METADATA,
            "idempotency_key": {
                "type": "string",
                "description": "1 to 255 visible ASCII characters",
            },
        },
        ("role",),
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
    needs=(THREADS, CONVERSATIONS, AGENT_SESSIONS),
    hints=ADDS,
    keywords="save a note, remember, log",
)
