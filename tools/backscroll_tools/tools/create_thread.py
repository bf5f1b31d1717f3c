"""`create-thread`: creates a thread or a conversation, empty or with its first messages."""

from typing import Final

import anyio

from backscroll_tools import schemas
from backscroll_tools.client.groups import CONVERSATIONS, THREADS
from backscroll_tools.collections import CONVERSATION, collection_of
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.tool import ADDS, Call, Result, Tool
from backscroll_tools.toolset import THREADS_TOOLSET
from backscroll_tools.writes.sequence import MessageSequence


async def _run(call: Call, arguments: JSON) -> Result:
    profile = call.client.upstream.profile
    wants_conversation = arguments.get("kind") == "conversation"
    collection = CONVERSATION if wants_conversation else collection_of(profile, "")
    if arguments.get("kind") == "thread" and THREADS not in profile.serves:
        raise ToolError(
            "invalid_arguments",
            f"The upstream ({profile.name}) has no threads.",
            next_step="Leave kind out, to create a conversation.",
        )
    key: str = arguments.get("idempotency_key", "")
    sequence = MessageSequence.of(call.client, collection, key)
    messages: list[JSON] = arguments.get("messages", [])
    done = False
    try:
        with anyio.CancelScope(deadline=call.ends_at):
            await sequence.begin(messages, arguments.get("metadata", {}))
            done = True
    except ToolError as error:
        raise _failed(sequence, error) from None
    if not done:
        raise _failed(sequence, sequence.too_late())
    shown = _key(sequence)
    count = len(messages)
    text = f"Created {sequence.thread} with {count} message{'' if count == 1 else 's'}."
    return Result(
        f"{text} To repeat this call safely: idempotency_key {shown}",
        {"thread_id": sequence.thread, "idempotency_key": shown},
    )


def _key(sequence: MessageSequence) -> str:
    """Return the idempotency key that makes it safe to repeat the call.

    If the upstream ignores idempotency keys, the key also contains the state of the sequence.
    """
    honoured = sequence.client.upstream.profile.honours_idempotency_keys
    return sequence.token if honoured else sequence.argument


def _failed(sequence: MessageSequence, error: ToolError) -> ToolError:
    return sequence.failed(error, CREATE_THREAD.name, f'idempotency_key "{_key(sequence)}"')


CREATE_THREAD: Final = Tool(
    name="create-thread",
    title="Create thread",
    summary="creates a thread or conversation, also with messages and metadata",
    description=(
        "Start a new conversation, empty or with messages. If the outcome is unclear, repeat the "
        "call with the same idempotency_key."
    ),
    input_schema=schemas.arguments(
        {
            "kind": {"type": "string", "enum": ["thread", "conversation"]},
            "messages": {
                "type": "array",
                "items": schemas.arguments(
                    {
                        "role": {"type": "string", "enum": ["user", "assistant"]},
                        "content": schemas.STRING,
                    },
                    ("role", "content"),
                ),
                "description": f"At most {schemas.MESSAGES_MAX}",
            },
            "metadata": schemas.METADATA,
            "idempotency_key": schemas.STRING,
        }
    ),
    output_schema=schemas.result(
        {"thread_id": schemas.STRING, "idempotency_key": schemas.STRING},
        ("thread_id", "idempotency_key"),
    ),
    run=_run,
    toolset=THREADS_TOOLSET,
    hints=ADDS,
    needs=(THREADS, CONVERSATIONS),
    keywords="open, begin",
)
