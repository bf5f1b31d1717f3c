"""Finds and creates the conversation of a session.

The conversation's metadata contains labels, such as the name of the session. Among conversations
with the same labels, the oldest one is the session's: if two programs create a session at the same
time, both use the one that was created first, and the other program deletes its own.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from msgspec.structs import replace

from backscroll_tools.client import replies, requests
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.models import JSON
from backscroll_tools.schemas import METADATA_VALUE_CHARS
from backscroll_tools.sessions.calls import OLDEST_FIRST, change, walk
from backscroll_tools.writes import keys
from backscroll_tools.writes.deletion import deletion

Labels: TypeAlias = Mapping[str, str]
"""Keys and values in the metadata of a conversation; a value has 1 to 512 characters."""

FRAMEWORK: Final = "session_of"
NAME: Final = "session"
USER: Final = "user"


def labels_of(framework: str, **others: str) -> Labels:
    """Return the labels of a session.

    Args:
        framework: the framework, such as `langchain`.
        others: further labels, such as `session`, the session's name.

    Raises:
        ToolError: `invalid_arguments` if a label is empty or too long.
    """
    for name, value in others.items():
        if not 0 < len(value) <= METADATA_VALUE_CHARS:
            raise invalid_arguments(
                f"{name} has {len(value)} characters; a session's {name} has 1 to "
                f"{METADATA_VALUE_CHARS}."
            )
    return {FRAMEWORK: framework, **others}


async def find(call: CallClient, labels: Labels) -> JSON | None:
    """Return the conversation with these labels; None if it does not exist."""
    found = await walk(call, requests.list_conversations, with_labels(labels), 1)
    return found[0] if found else None


async def find_all(call: CallClient, labels: Labels) -> list[JSON]:
    """Return all conversations with these labels, oldest first."""
    return await walk(call, requests.list_conversations, with_labels(labels))


async def create(
    call: CallClient, labels: Labels, items: Sequence[JSON] = (), metadata: Labels | None = None
) -> tuple[JSON, bool]:
    """Create a conversation with these labels, and return it.

    Args:
        call: sends the requests.
        labels: the labels.
        items: the first items; at most 20.
        metadata: further metadata of the conversation.

    Returns:
        The conversation, and whether this call has created it. If not, another program was faster,
        and `items` and `metadata` are not written.
    """
    request = requests.create_conversation(items, {**labels, **(metadata or {})}, keys.mint())
    created = replies.created(await change(call, request))
    oldest = await find(call, labels)
    if oldest is None or oldest["id"] == created["id"]:
        return created, True
    await remove(call, conversation(created["id"]))
    return oldest, False


async def delete(call: CallClient, labels: Labels) -> None:
    """Delete all conversations with these labels."""
    for each in await find_all(call, labels):
        await remove(call, conversation(each["id"]))


async def remove(call: CallClient, request: Request) -> bool:
    """Delete the object that a request reads, and return whether this call has deleted it.

    If a reply was lost, and the object does not exist any longer, this call counts as the one that
    has deleted it.

    Raises:
        ToolError: `outcome_unknown` if the object may have been deleted. Any other code means that
            it was not.
    """
    try:
        await change(call, deletion(request))
    except ToolError as error:
        if error.code != "not_found":
            raise
        return call.in_doubt
    return True


def conversation(conversation_id: str) -> Request:
    """Return the request that reads a conversation."""
    return requests.retrieve_conversation(conversation_id)


def with_labels(labels: Labels, start: Slice = OLDEST_FIRST) -> Slice:
    """Return a slice of the list of conversations: those with these labels."""
    filters = tuple((f"metadata[{name}]", value) for name, value in labels.items())
    return replace(start, filters=filters)
