"""The messages of a stored completion or a response: its input, followed by its output."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools.client.abridging import OMITTED
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.replies import Reply
from backscroll_tools.errors import ToolError
from backscroll_tools.fixed_list import MessageList
from backscroll_tools.models import JSON, Message, Order
from backscroll_tools.pages.source import Chunk, Surroundings
from backscroll_tools.pages.stop import NO_INPUT
from backscroll_tools.stored_object import StoredObject

_EMPTY: Final[Chunk[Message]] = Chunk((), has_more=False)
_UNKNOWN: Final = frozenset({"not_found", "invalid_arguments"})
"""The codes of the errors that upstreams send for an id that their list does not contain."""


class InputAndOutput(Struct, frozen=True):
    """The messages in the upstream's list, then the messages of the output that this list lacks.

    In OpenAI's published examples, the list has only the input. OGX lists the choices of a
    completion too. Llama Stack has no list, but its completions contain their input
    (docs/upstreams.md).

    Attributes:
        stored: the completion or the response itself.
        order: the order in which the messages are read.
        listed: the messages that the upstream lists, in `order`.
        newest_first: the same list, newest first.
        is_wanted: returns whether an object of the input or the output is shown.
    """

    stored: StoredObject
    order: Order
    listed: MessageList
    newest_first: MessageList
    is_wanted: Callable[[JSON], bool]

    async def chunk(self, after: str, limit: int) -> Chunk[Message]:
        """Return the next messages, as `Chunks.chunk` does, for a `limit` of 1 to 100.

        The chunk with the newest messages also contains the output that the list lacks. It may then
        have more than `limit` messages.
        """
        try:
            chunk = await self._chunk(after, limit)
        except ToolError as error:
            outputs = await self._outputs_after(error, after, limit)
            if outputs is not None:
                chunk = outputs
            else:
                chunk = await self._contained_instead(error, after)
                chunk = chunk if self.order == "asc" else chunk.backwards
                chunk = replace(chunk, from_start=True)
        if chunk.from_start and after and after not in chunk.keys:
            raise _no_message(after, self.stored.owner)
        return chunk

    async def _chunk(self, after: str, limit: int) -> Chunk[Message]:
        if self.order == "desc":
            return await self._newest_first(after, limit)
        chunk = _EMPTY
        if not self._is_assigned(after):
            chunk = await self.listed.chunk(after, limit)
        if chunk.has_more is not False and chunk.items:
            return chunk
        outputs = await self._outputs(chunk.items, after)
        return replace(chunk.then(outputs), has_more=False)

    async def _newest_first(self, after: str, limit: int) -> Chunk[Message]:
        is_listed = bool(after) and not self._is_assigned(after)
        listed = await self.listed.chunk(after if is_listed else "", limit)
        if is_listed and not listed.from_start:
            return listed
        outputs = await self._outputs(listed.items[::-1], after)
        return outputs.backwards.then(listed)

    async def item(self, item_id: str) -> Message | None:
        """Return a message of the input or the output by its id, or None if neither has this id."""
        try:
            found = None if self._is_assigned(item_id) else await self.listed.item(item_id)
            rest = _EMPTY if found else await self._outputs()
        except ToolError as error:
            found, rest = None, await self._contained_instead(error)
        output = rest.around(item_id)
        return found if output is None else output.named

    async def around(self, key: str, older: int, newer: int) -> Surroundings[Message] | None:
        """Return a message and its neighbours, as `SourceAround.around` does."""
        try:
            found = None
            if not self._is_assigned(key):
                found = await self.listed.around(key, older, newer)
            if found is None:
                return await self._around_output(key, older)
        except ToolError as error:
            return (await self._contained_instead(error)).around(key)
        if found.newer.has_more is not False:
            return found
        known = (*found.older.items[::-1], found.named, *found.newer.items)
        outputs = await self._outputs(known)
        return replace(found, newer=replace(found.newer.then(outputs), has_more=False))

    async def _around_output(self, key: str, older: int) -> Surroundings[Message] | None:
        listed = await self.newest_first.chunk("", max(older, 1))
        outputs = await self._outputs(listed.items[::-1])
        found = listed.backwards.then(outputs).around(key)
        if found is None or outputs.around(key) is None:
            return None
        further = replace(found.older, has_more=listed.has_more, warning=listed.warning)
        return replace(found, older=further, ignores_after=listed.from_start)

    def _is_assigned(self, key: str) -> bool:
        """Whether a key is one that we assigned to an object of the output."""
        return self.stored.collection.output_mark in key

    async def _outputs(self, newest: tuple[Message, ...] = (), after: str = "") -> Chunk[Message]:
        """Return the output as messages, oldest first, except those that the upstream's list has.

        Args:
            newest: the newest messages of the list, oldest first; empty if not known.
            after: the id or the key of the message to continue after. If a message of the output
                has this id, the id is also used as its key.
        """
        rows = self.stored.output(await self.stored.retrieved())
        if not rows:
            return _EMPTY
        if len(newest) < len(rows):
            known = await self.newest_first.chunk("", min(PAGE_ITEMS, len(rows)))
            newest = known.items[::-1]
        if OMITTED in rows[0][1] and newest and _is_reply(newest[-1]):
            return _EMPTY  # the object is too large to read, but the list contains its output
        ids = {message["id"] for message in newest}
        contents = {_content(message) for message in newest[-len(rows) :]}

        def is_listed(key: str, raw: JSON) -> bool:
            if raw["id"] != key:
                return raw["id"] in ids
            return _content(self.stored.collection.message(raw)) in contents

        further = [row for row in rows if not is_listed(*row)]
        if len(further) < len(rows) and not any(self.is_wanted(raw) for _, raw in further):
            # The list has all messages of the output. So it also has the output's other items, such
            # as tool calls.
            return _EMPTY
        return self._chunk_of(further, after)

    async def _outputs_after(
        self, error: ToolError, after: str, limit: int
    ) -> Chunk[Message] | None:
        """Return the output if one of its messages has the id `after`; otherwise None.

        The upstream's list does not contain this id. If the order is `desc`, the newest messages of
        the list follow the output.

        Args:
            error: the failure of the request for the list.
            after: the id of the message to continue after.
            limit: the maximum number of messages of the list.
        """
        if not after or error.code not in _UNKNOWN or not self.stored.collection.is_fixed:
            return None
        outputs = self._chunk_of(self.stored.output(await self.stored.retrieved()), after)
        if after not in outputs.keys:
            return None
        if self.order == "asc":
            return outputs
        return outputs.backwards.then(await self.listed.chunk("", limit))

    async def _contained_instead(self, error: ToolError, after: str = "") -> Chunk[Message]:
        """Return the messages inside the completion or response, if the upstream has no list.

        These are the messages of its output, preceded by its input if it contains its input.

        Args:
            error: the failure of the request for the list.
            after: as in `_outputs`.

        Raises:
            ToolError: `error` if it does not say that there is no list, if a completion does not
                contain its input, or if a response contains neither input nor output; `not_found`
                if there is no such completion or response.
        """
        is_missing = error.code == "not_found" and self.stored.collection.is_fixed
        if error.code != "upstream_retired" and not is_missing:
            raise error
        raw = await self.stored.retrieved(required=True)
        inputs = self.stored.input(raw)
        outputs = self.stored.output(raw)
        if not inputs and not (self.stored.collection.is_fixed and outputs):
            raise error
        chunk = self._chunk_of([*inputs, *outputs], after)
        return chunk if inputs else replace(chunk, warning=NO_INPUT)

    def _chunk_of(self, rows: list[tuple[str, JSON]], after: str = "") -> Chunk[Message]:
        """Convert objects to messages with the given keys. The key of the id `after` is this id."""
        reply = Reply(tuple([raw for _, raw in rows]), has_more=False)
        chunk = Chunk.of(reply, self.stored.collection.message, self.is_wanted)
        keys = [after if raw["id"] == after else key for key, raw in rows if self.is_wanted(raw)]
        return replace(chunk, keys=tuple(keys))


def _is_reply(message: Message) -> bool:
    return message["role"] == "assistant" or OMITTED in message


def _content(message: Message) -> str:
    """Return a message's role and content, without its id, to compare it with other messages."""
    return str([message.get(name) for name in ("role", "text", "tool_calls", "content")])


def _no_message(message_id: str, owner: str) -> ToolError:
    return ToolError(
        "not_found",
        f"There is no message {message_id} in {owner}.",
        next_step="Pass the id of another message as after, or start again without cursor.",
    )
