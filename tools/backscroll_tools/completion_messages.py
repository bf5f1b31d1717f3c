"""The messages of a stored completion: its input, followed by its choices."""

from dataclasses import dataclass, replace
from typing import Final, Protocol, cast

from backscroll_tools.client import objects
from backscroll_tools.client.abridging import OMITTED
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.failures import ExchangeError
from backscroll_tools.client.oversized import why_omitted
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.requests import Request
from backscroll_tools.collections import Collection
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON, Message, Order
from backscroll_tools.pages.source import Chunk, Source, SourceAround, Surroundings

_CHOICE: Final = "-choice-"
"""Separates the completion's id from the choice's index in the ids that we assign to choices."""


class MessageList(Source[Message], SourceAround[Message], Protocol):
    """A list of a collection's messages that pages can be read from."""


@dataclass(frozen=True, slots=True)
class CompletionMessages:
    """The messages of a stored completion: the upstream's list, then the choices that it lacks.

    In OpenAI's published example, the list has only the input. OGX lists the choices too. Llama
    Stack has no list, but its completions contain their input (docs/upstreams.md).

    Attributes:
        client: sends the requests.
        collection: the kind of collection.
        owner: the completion's id.
        order: the order in which the messages are read.
        retrieval: the request for the completion itself.
        listed: the messages that the upstream lists, in `order`.
        newest_first: the same list, newest first.
    """

    client: CallClient
    collection: Collection
    owner: str
    order: Order
    retrieval: Request
    listed: MessageList
    newest_first: MessageList

    async def chunk(self, after: str, limit: int) -> Chunk[Message]:
        """Return the next messages, as `Chunks.chunk` does, for a `limit` of 1 to 100.

        The chunk with the newest messages also contains the choices that the list lacks. It may
        then have more than `limit` messages.
        """
        try:
            return await self._chunk(after, limit)
        except ToolError as error:
            messages = await self._contained_instead(error)
        if self.order == "desc":
            messages.reverse()
        return Chunk(tuple(_items_after(messages, after)), has_more=False)

    async def _chunk(self, after: str, limit: int) -> Chunk[Message]:
        if self.order == "desc":
            return await self._newest_first(after, limit)
        chunk: Chunk[Message] = Chunk((), has_more=False)
        if _CHOICE not in after:
            chunk = await self.listed.chunk(after, limit)
        if chunk.has_more is not False and chunk.items:
            return chunk
        choices = _items_after(await self._choices(chunk.items), after)
        return Chunk((*chunk.items, *choices), has_more=False, warning=chunk.warning)

    async def item(self, item_id: str) -> Message | None:
        """Return a message or a choice by its id, or None if neither has this id."""
        if _CHOICE in item_id:
            return next(
                (choice for choice in await self._choices() if choice["id"] == item_id), None
            )
        try:
            return await self.listed.item(item_id)
        except ToolError as error:
            messages = await self._contained_instead(error)
        return next((message for message in messages if message["id"] == item_id), None)

    async def around(self, key: str, older: int, newer: int) -> Surroundings[Message] | None:
        """Return a message or a choice and its neighbours, as `SourceAround.around` does."""
        try:
            if _CHOICE in key:
                return await self._around_choice(key, older)
            found = await self.listed.around(key, older, newer)
        except ToolError as error:
            messages = await self._contained_instead(error)
            return _split(messages, key)
        if found is None or found.newer.has_more is not False:
            return found
        known = (*found.older.items[::-1], found.named, *found.newer.items)
        choices = await self._choices(known)
        newest = Chunk((*found.newer.items, *choices), has_more=False, warning=found.newer.warning)
        return replace(found, newer=newest)

    async def _around_choice(self, key: str, older: int) -> Surroundings[Message] | None:
        listed = await self.newest_first.chunk("", max(older, 1))
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
        """Return the choices as messages, except those that the upstream's list contains.

        Args:
            newest: the newest messages of the list, oldest first; empty if not known.
        """
        choices = self._choices_of(await self._retrieved())
        if not choices:
            return []
        if len(newest) < len(choices):
            newest = (await self.newest_first.chunk("", min(PAGE_ITEMS, len(choices)))).items
        if OMITTED in choices[0] and newest and _is_reply(newest[-1]):
            return []  # the completion is too large to read, but the list contains its choices
        listed = {_content(message) for message in newest[-len(choices) :]}
        return [choice for choice in choices if _content(choice) not in listed]

    async def _contained_instead(self, error: ToolError) -> list[Message]:
        """Return the completion's input messages and choices, if the upstream has no list of them.

        Args:
            error: the failure of the request for the list.

        Raises:
            ToolError: `error` if its code is not `upstream_retired`, or if the completion does not
                contain its input; `not_found` if there is no such completion.
        """
        if error.code != "upstream_retired":
            raise error
        raw = await self._retrieved(required=True)
        sent = raw.get("input_messages")
        inputs = (
            [
                objects.message({**cast("JSON", message), "id": f"{self.owner}-{index}"})
                for index, message in enumerate(cast("list[object]", sent or []))
                if isinstance(message, dict)
            ]
            if isinstance(sent, list)
            else []
        )
        if not inputs:
            raise error
        return [*inputs, *self._choices_of(raw)]

    def _choices_of(self, raw: JSON) -> list[Message]:
        return [
            objects.message({**message, "id": f"{self.owner}{_CHOICE}{index}"})
            for index, message in enumerate(self.collection.choices(raw))
        ]

    async def _retrieved(self, *, required: bool = False) -> JSON:
        """Return the completion, or an empty object if the upstream serves only its messages.

        If the completion is too large to read, return a completion with a single choice. The
        choice's `omitted` says that the content was too large.

        Args:
            required: whether to raise `not_found` if the completion does not exist.
        """
        try:
            if required:
                return await self.client.send(self.retrieval)
            return await self.client.find(self.retrieval) or {}
        except ExchangeError as error:
            if error.too_large:
                omitted = why_omitted(error, self.client.shared.reply_bytes)
                return {"choices": [{"message": {"role": "assistant", OMITTED: omitted}}]}
            if error.code == "upstream_retired":
                return {}
            raise


def _split(messages: list[Message], key: str) -> Surroundings[Message] | None:
    """Return the message with the id `key` and its neighbours; None if no message has this id."""
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
