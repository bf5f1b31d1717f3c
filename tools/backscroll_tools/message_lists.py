"""Reads the messages of a collection: a page of them, or a single message."""

from dataclasses import dataclass, replace

from backscroll_tools.client import objects
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.replies import Reply
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.collections import Collection
from backscroll_tools.completion_messages import CompletionMessages, MessageList
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.lookup import Lookup
from backscroll_tools.models import JSON, Message, Order
from backscroll_tools.neighbours import Neighbours
from backscroll_tools.pages.cursor import ListPosition
from backscroll_tools.pages.source import Chunk, Surroundings


def messages_of(
    client: CallClient, collection: Collection, owner: str, start: ListPosition
) -> MessageList:
    """Return the list of a collection's messages.

    Args:
        client: sends the requests.
        collection: the kind of collection.
        owner: the collection's id.
        start: the position to read the list from, and its order.

    Raises:
        ToolError: `invalid_arguments` if the call filters by run and the collection has no runs.
    """
    if start.filters and not collection.has_runs:
        raise invalid_arguments(
            "run_id cannot be used with a conversation, which has no runs.",
            "Call again without run_id.",
        )
    listed = _Listed(client, collection, owner, start)
    if collection.retrieve is None:
        return listed
    return CompletionMessages(
        client,
        collection,
        owner,
        start.walk_order,
        collection.retrieve(owner).abridged(start.preview),
        listed,
        replace(listed, start=replace(start, order="desc", backward=False)),
    )


async def raw_message(  # noqa: PLR0913 - the arguments select and shape the message
    client: CallClient,
    collection: Collection,
    owner: str,
    message_id: str,
    order: Order = "asc",
    *,
    whole: bool = True,
) -> JSON:
    """Return one message in the upstream's format.

    Args:
        client: sends the requests.
        collection: the kind of collection.
        owner: the collection's id.
        message_id: the message's id.
        order: the order in which to search the list if the upstream cannot retrieve one message.
        whole: whether to keep binary content. If not, its type and size replace it.

    Raises:
        ToolError: `not_found` if the collection has no such message, or the item is no message.
    """

    def shaped(request: Request) -> Request:
        return request if whole else request.abridged()

    retrieval = collection.retrieve_message
    lookup = Lookup(
        client,
        lambda window: shaped(collection.list_messages(owner, window)),
        None if retrieval is None else lambda found_id: shaped(retrieval(owner, found_id)),
        order,
    )
    raw = await lookup.get(message_id)
    if raw is None:
        missing = f"There is no message {message_id} in {owner}."
    elif not collection.is_message(raw):
        missing = f"Item {message_id} of the conversation is not a message."
    else:
        return {**raw, "id": message_id}
    raise ToolError(
        "not_found", missing, next_step="Check message_id.", shown_by=("list-messages",)
    )


@dataclass(frozen=True, slots=True)
class _Listed:
    """The messages that the upstream's list contains."""

    client: CallClient
    collection: Collection
    owner: str
    start: ListPosition

    async def chunk(self, after: str, limit: int) -> Chunk[Message]:
        items = min(PAGE_ITEMS, max(limit, self.collection.page_items))
        window = Slice(items, self.start.walk_order, after)
        return self._chunk_of(await self.client.page(self._listing(window)))

    async def around(self, key: str, older: int, newer: int) -> Surroundings[Message] | None:
        # If the list may contain items that are not messages, or if the upstream may ignore
        # `after`, request as many items as possible (see `Neighbours`).
        exact = self.collection.page_items == 1 and self.client.upstream.profile.trusts_has_more
        least = 1 if exact else PAGE_ITEMS
        found = await Neighbours(self.client, self._listing, least).find(key, older, newer)
        if found is None or not self._is_of_run(found.named):
            return None
        if not self.collection.is_message(found.named):
            raise ToolError(
                "not_found",
                f"Item {key} of the conversation is not a message.",
                next_step="Pass the id of a message as around.",
            )
        named = objects.message(found.named)
        older_chunk, newer_chunk = self._chunk_of(found.older), self._chunk_of(found.newer)
        return Surroundings(older_chunk, named, newer_chunk, found.ignores_after)

    def _listing(self, window: Slice) -> Request:
        if self.start.filters:
            window = replace(window, filters=self.start.filters)
        request = self.collection.list_messages(self.owner, window)
        return request.abridged(self.start.preview)

    def _chunk_of(self, reply: Reply) -> Chunk[Message]:
        return Chunk.of(reply, objects.message, self._is_wanted)

    async def item(self, item_id: str) -> Message | None:
        order = self.start.walk_order
        try:
            raw = await raw_message(
                self.client, self.collection, self.owner, item_id, order, whole=False
            )
        except ToolError as error:
            if error.code == "not_found":
                return None
            raise
        return objects.message(raw)

    def _is_wanted(self, raw: JSON) -> bool:
        return self.collection.is_message(raw) and (not self.start.filters or self._is_of_run(raw))

    def _is_of_run(self, raw: JSON) -> bool:
        # Some proxies drop the filters from the query (docs/upstreams.md), so filter here too.
        return all(raw.get(name, value) == value for name, value in self.start.filters)
