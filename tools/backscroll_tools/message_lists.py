"""Reads the messages of a collection: a page of them, or a single message."""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools.client.abridging import abridged
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.dialects import Place
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.replies import Reply
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.collection import Collection
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.fixed_list import FixedList, MessageList, WholeList
from backscroll_tools.input_and_output import InputAndOutput
from backscroll_tools.lookup import Lookup
from backscroll_tools.models import JSON, Message, Order
from backscroll_tools.neighbours import Neighbours
from backscroll_tools.pages.cursor import ListPosition
from backscroll_tools.pages.source import Chunk, Surroundings
from backscroll_tools.places import page_after
from backscroll_tools.stored_object import StoredObject
from backscroll_tools.whole_messages import WholeMessages

ITEMS: Final = "items"
"""The name of the argument that asks for calls of tools, and for their outputs, among the messages.
A cursor contains it as a filter of the same name."""


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
        ToolError: `invalid_arguments` if the call filters by run and the collection has no runs, or
            if the call asks for calls of tools and the collection's list contains only messages.
    """
    filters = dict(start.filters)
    if "run_id" in filters and not collection.has_runs:
        raise invalid_arguments(
            f"run_id cannot be used with a {collection.noun}, which has no runs.",
            "Call again without run_id.",
        )
    if ITEMS in filters and not collection.has_items:
        raise invalid_arguments(
            f"items cannot be used with a {collection.noun}, which has only messages.",
            "Call again without items.",
        )
    listed = _Listed(client, collection, owner, start)
    if collection.lists_all:
        order, message = start.walk_order, collection.message
        return WholeMessages(client, listed.listing, owner, order, message, listed.is_wanted)
    if collection.retrieve is None:
        return listed
    newest_first = replace(listed, start=replace(start, order="desc", backward=False))
    lists: tuple[MessageList, MessageList] = listed, newest_first
    may_be_unpaged = collection.is_fixed and not client.upstream.profile.pages_input
    # If a cursor lacks `ignores_after`, the call that made it read the list page by page, because
    # the list is too long for one request.
    if may_be_unpaged and (start.ignores_after or not start.continued):
        whole = WholeList(client, listed.listing)
        lists = _fixed(whole, listed), _fixed(whole, newest_first)
    request = collection.retrieve(owner).abridged(start.preview)
    stored = StoredObject(client, collection, owner, request)
    return InputAndOutput(stored, start.walk_order, *lists, listed.is_wanted)


def has_both_ends(collection: Collection, owner: str) -> bool:
    """Whether the list of a collection's messages can be read page by page in both orders."""
    if collection.lists_all or collection.retrieve is not None:
        return False
    return collection.list_messages(owner, Slice(1, "asc")).dialect.has_both_ends


def _fixed(whole: WholeList, paged: "_Listed") -> FixedList:
    order, message = paged.start.walk_order, paged.collection.message
    return FixedList(whole, paged, order, message, paged.is_wanted)


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

    def listing(window: Slice) -> Request:
        return shaped(collection.list_messages(owner, window))

    retrieval = collection.retrieve_message
    retrieve_one = (
        None if retrieval is None else lambda found_id: shaped(retrieval(owner, found_id))
    )
    lookup = Lookup(client, listing, retrieve_one, order)
    if collection.lists_all:
        message, is_wanted = collection.message, collection.is_message
        messages = WholeMessages(client, listing, owner, order, message, is_wanted)
        raw = await messages.find(message_id)
    elif collection.retrieve is None:
        raw = await lookup.get(message_id)
    else:
        request = shaped(collection.retrieve(owner))
        whole_list = WholeList(client, listing) if collection.is_fixed else None
        raw = await StoredObject(client, collection, owner, request).find(
            message_id, lookup, whole_list
        )
    if raw is None:
        missing = f"There is no message {message_id} in {owner}."
    elif not collection.is_shown(raw, with_items=True):
        missing = f"Item {message_id} of the {collection.noun} is not a message."
    else:
        raw = {**raw, "id": message_id}
        return raw if collection.is_message(raw) else abridged(raw)
    raise ToolError(
        "not_found", missing, next_step="Check message_id.", shown_by=("list-messages",)
    )


class _Listed(Struct, frozen=True):
    """The messages that the upstream's list contains."""

    client: CallClient
    collection: Collection
    owner: str
    start: ListPosition

    async def chunk(self, after: str, limit: int) -> Chunk[Message]:
        items = min(PAGE_ITEMS, max(limit, self.collection.page_items))
        order = self.start.walk_order
        return self._chunk_of(await page_after(self.client, self.listing, order, after, items))

    async def around(self, key: str, older: int, newer: int) -> Surroundings[Message] | None:
        if self._has_places:
            raise invalid_arguments(
                "around cannot be used: this upstream cannot list the messages before one.",
                "Call again with after or before.",
            )
        # If the list may contain items that are not messages, or if the upstream may ignore
        # `after`, request as many items as possible (see `Neighbours`).
        exact = self.collection.page_items == 1 and self.client.upstream.profile.trusts_has_more
        least = 1 if exact else PAGE_ITEMS
        found = await Neighbours(self.client, self.listing, least).find(key, older, newer)
        if found is None or not self._is_of_run(found.named):
            return None
        if not self._is_shown(found.named):
            raise ToolError(
                "not_found",
                f"Item {key} of the {self.collection.noun} is not a message.",
                next_step="Pass the id of a message as around.",
            )
        named = self.collection.message(found.named)
        older_chunk, newer_chunk = self._chunk_of(found.older), self._chunk_of(found.newer)
        return Surroundings(older_chunk, named, newer_chunk, found.ignores_after)

    def listing(self, window: Slice) -> Request:
        if filters := self._run:
            window = replace(window, filters=filters)
        request = self.collection.list_messages(self.owner, window)
        return request.abridged(self.start.preview)

    @property
    def _has_places(self) -> bool:
        """Whether the list's keys are places, and not ids."""
        return self.listing(Slice(1, "asc")).dialect.has_places

    def _chunk_of(self, reply: Reply) -> Chunk[Message]:
        return Chunk.of(reply, self.collection.message, self.is_wanted)

    async def item(self, key: str) -> Message | None:
        order = self.start.walk_order
        item_id = Place.of(key).item_id if self._has_places else key
        try:
            raw = await raw_message(
                self.client, self.collection, self.owner, item_id, order, whole=False
            )
        except ToolError as error:
            if error.code == "not_found":
                return None
            raise
        return self.collection.message(raw)

    def is_wanted(self, raw: JSON) -> bool:
        return self._is_shown(raw) and (not self.start.filters or self._is_of_run(raw))

    def _is_shown(self, raw: JSON) -> bool:
        return self.collection.is_shown(raw, with_items=ITEMS in dict(self.start.filters))

    @property
    def _run(self) -> tuple[tuple[str, str], ...]:
        """The filters of the upstream's list; `items` is not one of them."""
        return tuple(pair for pair in self.start.filters if pair[0] != ITEMS)

    def _is_of_run(self, raw: JSON) -> bool:
        # Some proxies drop the filters from the query (docs/upstreams.md), so filter here too.
        return all(raw.get(name, value) == value for name, value in self._run)
