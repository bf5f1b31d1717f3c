"""The input of a response: a list that never changes.

Some upstreams ignore which page is requested, and send the whole list. Some ignore the requested
order. Some send objects of earlier responses twice (docs/upstreams.md). So a list of up to 100
objects is read with one request. This module then puts it in order, and removes repeated objects.
A longer list is read page by page.
"""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools.client.call import CallClient
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.replies import Reply
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.client.times import seconds
from backscroll_tools.models import JSON, Message, Order
from backscroll_tools.pages.source import Chunk, Source, SourceAround, Surroundings
from backscroll_tools.pages.stop import REPEATED, join_warnings


class MessageList(Source[Message], SourceAround[Message], Protocol):
    """A list of a collection's messages that pages can be read from."""


class WholeList(Struct, eq=False):
    """A list that is read at most once, with one request.

    Attributes:
        client: sends the request.
        listing: builds the request for a slice of the list.
    """

    client: CallClient
    listing: Callable[[Slice], Request]
    _reply: Reply | None = None

    async def read(self) -> Reply | None:
        """Return the whole list, oldest first, each object once; None if it is too long."""
        if self._reply is None:
            # Upstreams that ignore the order send the objects as they were stored: oldest first.
            reply = await self.client.page(self.listing(Slice(PAGE_ITEMS, "asc")))
            self._reply = _each_once(_oldest_first(reply))
        is_all = self._reply.has_more is False or len(self._reply.items) > PAGE_ITEMS
        return replace(self._reply, has_more=False) if is_all else None


class FixedList(Struct, frozen=True):
    """The messages of a list that never changes.

    Attributes:
        whole: the list, if it can be read with one request.
        paged: the messages of the list, read page by page in `order`.
        order: the order in which the messages are read.
        message: converts an object of the list to a message.
        is_wanted: returns whether an object is shown as a message.
    """

    whole: WholeList
    paged: MessageList
    order: Order
    message: Callable[[JSON], Message]
    is_wanted: Callable[[JSON], bool]

    async def chunk(self, after: str, limit: int) -> Chunk[Message]:
        """Return all messages or, if `whole` cannot read the list, those after the id `after`."""
        chunk = await self._all()
        if chunk is None:
            return await self.paged.chunk(after, limit)
        chunk = chunk if self.order == "asc" else chunk.backwards
        return replace(chunk, from_start=True)

    async def item(self, item_id: str) -> Message | None:
        """Return a message by its id, or None if the list does not contain it."""
        chunk = await self._all()
        if chunk is None:
            return await self.paged.item(item_id)
        return next((message for message in chunk.items if message["id"] == item_id), None)

    async def around(self, key: str, older: int, newer: int) -> Surroundings[Message] | None:
        """Return a message and its neighbours, as `SourceAround.around` does."""
        chunk = await self._all()
        if chunk is None:
            return await self.paged.around(key, older, newer)
        found = chunk.around(key)
        return None if found is None else replace(found, ignores_after=True)

    async def _all(self) -> Chunk[Message] | None:
        reply = await self.whole.read()
        return None if reply is None else Chunk.of(reply, self.message, self.is_wanted)


def _oldest_first(reply: Reply) -> Reply:
    """Reverse the objects of a reply if they are newest first.

    They are newest first if their times decrease, or if the outputs of tools come before the calls.
    """
    times = [at for raw in reply.items if (at := seconds(raw.get("created_at"))) is not None]
    calls: dict[object, int] = {}
    outputs: dict[object, int] = {}
    for at, raw in enumerate(reply.items):
        call_id = raw.get("call_id")
        if isinstance(call_id, str):
            is_output = str(raw.get("type")).endswith("_output")
            (outputs if is_output else calls).setdefault(call_id, at)
    pairs = [outputs[call_id] < calls[call_id] for call_id in calls.keys() & outputs.keys()]
    newest_first = bool(times) and times[0] > times[-1]
    if newest_first or (pairs and all(pairs) and not (times and times[0] < times[-1])):
        return replace(reply, items=reply.items[::-1])
    return reply


def _each_once(reply: Reply) -> Reply:
    """Return a reply without the objects that repeat an earlier one with the same id.

    If two objects with the same id differ, the reply has a warning.
    """
    first: dict[str, JSON] = {}
    differ = False
    for raw in reply.items:
        known = first.setdefault(raw["id"], raw)
        differ = differ or known != raw
    if len(first) == len(reply.items):
        return reply
    warning = join_warnings(reply.warning, REPEATED if differ else "")
    return replace(reply, items=tuple(first.values()), warning=warning)
