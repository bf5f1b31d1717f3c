"""Reads the messages of a collection: a page of them, or a single message."""

from dataclasses import dataclass, replace
from typing import Final, Protocol, cast

from backscroll_tools.client import objects
from backscroll_tools.client.abridging import OMITTED
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.failures import ExchangeError
from backscroll_tools.client.oversized import why_omitted
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.replies import Reply
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.collections import Collection
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.lookup import Lookup
from backscroll_tools.models import JSON, Message, Order
from backscroll_tools.neighbours import Neighbours
from backscroll_tools.pages.cursor import ListPosition
from backscroll_tools.pages.source import Chunk, Source, SourceAround, Surroundings

_CHOICE: Final = "-choice-"
"""Separates the completion's id from the choice's index in the ids that we assign to choices."""


class MessageList(Source[Message], SourceAround[Message], Protocol):
    """A list of a collection's messages that pages can be read from."""


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
    return _WithChoices(listed, collection.retrieve(owner).abridged(start.preview))


async def raw_message(  # noqa: PLR0913 - they select and shape the message
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
        collection.next_after,
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
        # A conversation also has items that are not messages, so request as many as possible.
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
        window = replace(window, filters=self.start.filters)
        request = self.collection.list_messages(self.owner, window)
        return request.abridged(self.start.preview)

    def _chunk_of(self, reply: Reply) -> Chunk[Message]:
        chunk = Chunk.of(reply, objects.message, self._is_wanted)
        if self.collection.cursor_in_envelope:
            return replace(chunk, last=reply.last_id or chunk.last)
        return chunk

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
        return self.collection.is_message(raw) and self._is_of_run(raw)

    def _is_of_run(self, raw: JSON) -> bool:
        # Some proxies drop the filters from the query (docs/upstreams.md), so filter here too.
        filters = self.start.filters
        return not filters or all(raw.get(name, value) == value for name, value in filters)


@dataclass(frozen=True, slots=True)
class _WithChoices:
    """The messages of a stored completion: those in the upstream's list, then the missing choices.

    In OpenAI's published example, the list has only the input. OGX lists the choices too. Llama
    Stack has no list, but its completions contain their input (docs/upstreams.md).
    """

    listed: _Listed
    retrieval: Request

    async def chunk(self, after: str, limit: int) -> Chunk[Message]:
        try:
            return await self._chunk(after, limit)
        except ToolError as error:
            messages = await self._contained() if error.code == "upstream_retired" else []
            if not messages:
                raise
        if self.listed.start.walk_order == "desc":
            messages.reverse()
        return Chunk(tuple(_items_after(messages, after)), has_more=False)

    async def _chunk(self, after: str, limit: int) -> Chunk[Message]:
        if self.listed.start.walk_order == "desc":
            return await self._newest_first(after, limit)
        chunk: Chunk[Message] = Chunk((), has_more=False)
        if _CHOICE not in after:
            chunk = await self.listed.chunk(after, limit)
        if chunk.has_more is not False and chunk.items:
            return chunk
        choices = _items_after(await self._choices(chunk.items), after)
        return Chunk((*chunk.items, *choices), has_more=False, warning=chunk.warning)

    async def item(self, item_id: str) -> Message | None:
        if _CHOICE in item_id:
            return next(
                (choice for choice in await self._choices() if choice["id"] == item_id), None
            )
        try:
            return await self.listed.item(item_id)
        except ToolError as error:
            messages = await self._contained() if error.code == "upstream_retired" else []
            if not messages:
                raise
        return next((message for message in messages if message["id"] == item_id), None)

    async def around(self, key: str, older: int, newer: int) -> Surroundings[Message] | None:
        try:
            if _CHOICE in key:
                return await self._around_choice(key, older)
            found = await self.listed.around(key, older, newer)
        except ToolError as error:
            messages = await self._contained() if error.code == "upstream_retired" else []
            if not messages:
                raise
            return _split(messages, key)
        if found is None or found.newer.has_more is not False:
            return found
        known = (*found.older.items[::-1], found.named, *found.newer.items)
        choices = await self._choices(known)
        newest = Chunk((*found.newer.items, *choices), has_more=False, warning=found.newer.warning)
        return replace(found, newer=newest)

    async def _around_choice(self, key: str, older: int) -> Surroundings[Message] | None:
        newest_first = replace(self.listed.start, order="desc", backward=False)
        listed = await replace(self.listed, start=newest_first).chunk("", max(older, 1))
        found = _split([*listed.items[::-1], *await self._choices(listed.items[::-1])], key)
        if found is None:
            return None
        further = replace(found.older, has_more=listed.has_more, warning=listed.warning)
        return replace(found, older=further)

    async def _newest_first(self, after: str, limit: int) -> Chunk[Message]:
        if after and _CHOICE not in after:
            return await self.listed.chunk(after, limit)
        listed = await self.listed.chunk("", limit)
        choices = _items_after((await self._choices(listed.items[::-1]))[::-1], after)
        return Chunk((*choices, *listed.items), listed.has_more, warning=listed.warning)

    async def _choices(self, newest: tuple[Message, ...] = ()) -> list[Message]:
        """Return the completion's choices as messages, without those in the upstream's list.

        Args:
            newest: the newest messages of the list, oldest first; empty if they are not known.
        """
        choices = self._choices_of(await self._retrieved())
        if not choices:
            return []
        if len(newest) < len(choices):
            start = replace(self.listed.start, order="desc", backward=False)
            latest = replace(self.listed, start=start)
            newest = (await latest.chunk("", min(PAGE_ITEMS, len(choices)))).items
        if OMITTED in choices[0] and newest and _is_reply(newest[-1]):
            return []  # the completion is too large, but the list already ends with its choices
        listed = {_content(message) for message in newest[-len(choices) :]}
        return [choice for choice in choices if _content(choice) not in listed]

    async def _contained(self) -> list[Message]:
        """Return the input messages that the completion contains, followed by its choices.

        Raises:
            ToolError: `not_found` if there is no such completion.
        """
        raw = await self._retrieved(required=True)
        sent = raw.get("input_messages")
        inputs = (
            [
                objects.message({**cast("JSON", message), "id": f"{self.listed.owner}-{index}"})
                for index, message in enumerate(cast("list[object]", sent or []))
                if isinstance(message, dict)
            ]
            if isinstance(sent, list)
            else []
        )
        return [*inputs, *self._choices_of(raw)] if inputs else []

    def _choices_of(self, raw: JSON) -> list[Message]:
        return [
            objects.message({**message, "id": f"{self.listed.owner}{_CHOICE}{index}"})
            for index, message in enumerate(self.listed.collection.choices(raw))
        ]

    async def _retrieved(self, *, required: bool = False) -> JSON:
        """Return the completion, or an empty object if the upstream serves only its messages.

        If it is too large to read, return one with a single choice whose `omitted` says this.

        Args:
            required: whether to raise `not_found` if the completion does not exist.
        """
        client = self.listed.client
        try:
            if required:
                return await client.send(self.retrieval)
            return await client.find(self.retrieval) or {}
        except ExchangeError as error:
            if error.too_large:
                omitted = why_omitted(error, client.shared.reply_bytes)
                return {"choices": [{"message": {"role": "assistant", OMITTED: omitted}}]}
            if error.code == "upstream_retired":
                return {}
            raise


def _split(messages: list[Message], key: str) -> Surroundings[Message] | None:
    """Return the message with the id `key` and all others around it; None if it is missing."""
    ids = [message["id"] for message in messages]
    if key not in ids:
        return None
    index = ids.index(key)
    older, newer = messages[:index][::-1], messages[index + 1 :]
    return Surroundings(
        Chunk(tuple(older), has_more=False), messages[index], Chunk(tuple(newer), has_more=False)
    )


def _is_reply(message: Message) -> bool:
    return message["role"] == "assistant" or OMITTED in message


def _content(message: Message) -> str:
    """Return a message's role and content, without its id, to compare it with other messages."""
    return str([message.get(name) for name in ("role", "text", "tool_calls", "content")])


def _items_after(messages: list[Message], after: str) -> list[Message]:
    ids = [message["id"] for message in messages]
    return messages[ids.index(after) + 1 :] if after in ids else messages
