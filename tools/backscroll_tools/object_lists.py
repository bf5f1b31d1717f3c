"""Reads any list of an upstream page by page, in whichever way it is divided into pages."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from backscroll_tools.client.call import CallClient
from backscroll_tools.client.dialects import Place
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.lookup import Lookup
from backscroll_tools.models import JSON
from backscroll_tools.pages.cursor import ListPosition
from backscroll_tools.pages.source import Chunk


class ObjectList(Struct, frozen=True):
    """A list of objects.

    Attributes:
        client: sends the requests.
        start: the position to read the list from, and its order.
        listing: builds the request for a slice of the list.
        shown: converts an object to an item of a page.
        retrieval: builds the request for one object from its id; None if there is no such request.
    """

    client: CallClient
    start: ListPosition
    listing: Callable[[Slice], Request]
    shown: Callable[[JSON], Mapping[str, object]]
    retrieval: Callable[[str], Request] | None = None

    async def chunk(self, after: str, limit: int) -> Chunk[Mapping[str, object]]:
        """Return the next items, as `Chunks.chunk` does, for a `limit` of 1 to 100."""
        window = Slice(limit, self.start.walk_order, after)
        return Chunk.of(await self.client.page(self.listing(window)), self.shown)

    async def item(self, key: str) -> Mapping[str, object] | None:
        """Return an item by its key, or None if the list no longer contains it."""
        order = self.start.walk_order
        if not self.listing(Slice(1, order)).dialect.has_places:
            raw = await Lookup(self.client, self.listing, self.retrieval, order).find(key)
            return None if raw is None else self.shown({**raw, "id": key})
        place = Place.of(key)
        chunk = await self.chunk(Place(place.token, max(0, place.passed - 1)).key, 1)
        return next((item for found, item in chunk.keyed if found == key), None)
