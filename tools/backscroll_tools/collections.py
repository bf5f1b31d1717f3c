"""Where a thread's messages are read: a thread's own list, or a conversation's items.

OpenAI's migration maps threads to conversations, and messages to items of type `message`
(docs/upstreams.md). Tools take either id and need not know which it is.
"""

from dataclasses import dataclass, replace
from typing import Final

from backscroll_tools.client import objects, requests
from backscroll_tools.client.client import Client
from backscroll_tools.client.groups import THREADS
from backscroll_tools.client.profiles import PAGE_ITEMS, Profile
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.models import JSON, Message
from backscroll_tools.pages.cursor import Place
from backscroll_tools.pages.walk import Chunk, Source

_ITEMS_MIN: Final = 20
"""The fewest items to ask for at once, since not all of them are messages."""


def is_conversation(profile: Profile, thread_id: str) -> bool:
    """Whether an id is a conversation's, on an upstream of this kind."""
    if thread_id.startswith("conv_"):
        return True
    return not thread_id.startswith("thread_") and THREADS not in profile.serves


def messages_of(client: Client, thread_id: str, start: Place) -> Source[Message]:
    """Return the messages of a thread or a conversation, in the order of the walk.

    Raises:
        ToolError: `invalid_arguments` where a conversation is asked for one run's messages.
    """
    if not is_conversation(client.upstream.profile, thread_id):
        return _ThreadMessages(client, thread_id, start)
    if start.filters:
        raise invalid_arguments(
            "run_id does not go with a conversation, which has no runs.",
            "Call again without run_id.",
        )
    return _ConversationMessages(client, thread_id, start)


async def raw_message(client: Client, thread_id: str, message_id: str) -> JSON:
    """Return one message as the upstream has it.

    Raises:
        ToolError: `not_found` where there is none, or where the item is no message.
    """
    raw = await client.send(_retrieve(client, thread_id, message_id))
    if not _is_message(raw):
        raise ToolError(
            "not_found",
            f"Item {message_id} of the conversation is no message.",
            next_step="Check message_id.",
            shown_by=("list-messages",),
        )
    return {**raw, "id": message_id}


def _retrieve(client: Client, thread_id: str, message_id: str) -> Request:
    if is_conversation(client.upstream.profile, thread_id):
        return requests.retrieve_item(thread_id, message_id)
    return requests.retrieve_message(thread_id, message_id)


def _is_message(item: JSON) -> bool:
    return bool(item.get("type", "message") == "message")


async def _message_or_none(client: Client, thread_id: str, message_id: str) -> Message | None:
    raw = await client.find(_retrieve(client, thread_id, message_id))
    return None if raw is None else objects.message({**raw, "id": message_id})


@dataclass(frozen=True, slots=True)
class _ThreadMessages:
    client: Client
    thread_id: str
    start: Place

    async def chunk(self, after: str, limit: int) -> Chunk[Message]:
        window = Slice(limit, self.start.walk_order, after, self.start.filters)
        reply = await self.client.page(requests.list_messages(self.thread_id, window))
        return Chunk.of(reply, objects.message, self._is_wanted)

    def _is_wanted(self, raw: JSON) -> bool:
        # Some proxies drop the parameters of a query on its way (docs/upstreams.md).
        filters = self.start.filters
        return not filters or all(raw.get(name, value) == value for name, value in filters)

    async def item(self, item_id: str) -> Message | None:
        return await _message_or_none(self.client, self.thread_id, item_id)


@dataclass(frozen=True, slots=True)
class _ConversationMessages:
    client: Client
    thread_id: str
    start: Place

    async def chunk(self, after: str, limit: int) -> Chunk[Message]:
        window = Slice(min(PAGE_ITEMS, max(limit, _ITEMS_MIN)), self.start.walk_order, after)
        reply = await self.client.page(requests.list_items(self.thread_id, window))
        chunk = Chunk.of(reply, objects.message, _is_message)
        # The cursor is the envelope's, where it names one (OpenAI API, list items).
        return replace(chunk, last=reply.last_id or chunk.last)

    async def item(self, item_id: str) -> Message | None:
        return await _message_or_none(self.client, self.thread_id, item_id)
