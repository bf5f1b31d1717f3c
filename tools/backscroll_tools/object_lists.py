"""Reads any list of an upstream page by page, in whichever way it is divided into pages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from backscroll_tools.client.call import CallClient
from backscroll_tools.client.dialects import Place
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.models import JSON
from backscroll_tools.pages.cursor import ListPosition
from backscroll_tools.pages.source import Chunk


@dataclass(frozen=True, slots=True)
class ObjectList:
    """A list of objects.

    Attributes:
        client: sends the requests.
        start: the position to read the list from, and its order.
        listing: builds the request for a slice of the list.
        shown: converts an object to an item of a page.
    """

    client: CallClient
    start: ListPosition
    listing: Callable[[Slice], Request]
    shown: Callable[[JSON], Mapping[str, object]]

    async def chunk(self, after: str, limit: int) -> Chunk[Mapping[str, object]]:
        """Return the next items, as `Chunks.chunk` does, for a `limit` of 1 to 100."""
        request = self.listing(Slice(limit, self.start.walk_order, after, self.start.filters))
        return Chunk.of(await self.client.page(request), self.shown)

    async def item(self, key: str) -> Mapping[str, object] | None:
        """Return an item by its key, or None if the list no longer contains it."""
        before = self._before(key)
        if before is None:
            return None
        chunk = await self.chunk(before, 1)
        return next((item for found, item in chunk.keyed if found == key), None)

    def _before(self, key: str) -> str | None:
        """Return the key before which the next item is the one with the given key."""
        place = Place.of(key)
        return Place(place.token, place.passed - 1).key if place.passed else None
