"""The messages of a list that the upstream always sends whole, such as Mistral's history."""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools.client.call import CallClient
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.replies import UNNAMED, Reply
from backscroll_tools.client.requests import ID, Request, Slice
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON, Message, Order
from backscroll_tools.pages.source import Chunk, Surroundings


class WholeMessages(Struct, eq=False):
    """A list that is read at most once, with one request. The items' keys are their ids.

    Attributes:
        client: sends the request.
        listing: builds the request for a slice of the list. The reply has all items, oldest first.
        owner: the id of the collection that the list belongs to.
        order: the order in which the messages are read.
        message: converts an item of the list to a message.
        is_wanted: returns whether an item is shown as a message.
    """

    client: CallClient
    listing: Callable[[Slice], Request]
    owner: str
    order: Order
    message: Callable[[JSON], Message]
    is_wanted: Callable[[JSON], bool]
    _reply: Reply | None = None

    async def read(self) -> Reply:
        """Return all items that have a valid id, oldest first."""
        if self._reply is None:
            reply = await self.client.page(self.listing(Slice(PAGE_ITEMS, "asc")))
            items = tuple([raw for raw in reply.items if ID.fullmatch(raw["id"])])
            warning = reply.warning if len(items) == len(reply.items) else UNNAMED
            self._reply = Reply(items, has_more=False, warning=warning)
        return self._reply

    async def find(self, item_id: str) -> JSON | None:
        """Return an item by its id, or None if the list does not contain it."""
        reply = await self.read()
        return next((raw for raw in reply.items if raw["id"] == item_id), None)

    async def chunk(self, after: str, limit: int) -> Chunk[Message]:  # noqa: ARG002 - part of `Source`
        """Return all messages after an item.

        Raises:
            ToolError: `not_found` if the list does not contain the item.
        """
        reply = await self.read()
        items = reply.items if self.order == "asc" else reply.items[::-1]
        if after:
            start = next((at for at, raw in enumerate(items) if raw["id"] == after), -1)
            if start < 0:
                raise ToolError(
                    "not_found",
                    f"There is no message {after} in {self.owner}.",
                    next_step="Pass the id of another message, or start again without cursor.",
                )
            items = items[start + 1 :]
        return self._chunk_of(replace(reply, items=items))

    async def item(self, item_id: str) -> Message | None:
        """Return a message by its id, or None if the list does not contain it."""
        raw = await self.find(item_id)
        return None if raw is None else self.message(raw)

    async def around(self, key: str, older: int, newer: int) -> Surroundings[Message] | None:  # noqa: ARG002 - part of `SourceAround`
        """Return a message and all messages on both sides of it, or None if it is not found."""
        return self._chunk_of(await self.read()).around(key)

    def _chunk_of(self, reply: Reply) -> Chunk[Message]:
        return Chunk.of(reply, self.message, self.is_wanted)
