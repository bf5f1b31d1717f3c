"""Finds one object of a list by its id.

The object is retrieved by its id if the upstream supports that. Otherwise the list is searched.
Some upstreams serve a list but cannot retrieve its objects (LiteLLM), or retrieve them only by ids
that differ from those in the list (DevUI; docs/upstreams.md).
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from backscroll_tools.client.call import CallClient
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.replies import Reply
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON, Order

PAGES: Final = 40
"""The maximum number of pages of 100 items that a search reads, with one request for each page. By
default, a call may make 50 requests, so some are left for its other work."""

_MISSING: Final = frozenset({"not_found", "upstream_retired"})


def last_of(reply: Reply, after: str) -> str:
    """Return the id that the next page starts after.

    Args:
        reply: the reply with the current page.
        after: the id that the current page started after; returned if the page is empty.
    """
    last: str = reply.items[-1]["id"] if reply.items else after
    return reply.next_after or last


class Lookup(Struct, frozen=True):
    """Finds single objects of one list.

    Attributes:
        client: sends the requests.
        listing: builds the request for a slice of the list.
        retrieval: builds the request for one object from its id; None if the upstream has no such
            request.
        order: the order in which to search the list.
    """

    client: CallClient
    listing: Callable[[Slice], Request]
    retrieval: Callable[[str], Request] | None = None
    order: Order = "desc"

    async def find(self, item_id: str) -> JSON | None:
        """Return an object in the upstream's format, or None if it is not found.

        Raises:
            ToolError: the upstream's failure, except `not_found`.
        """
        try:
            return await self.get(item_id)
        except ToolError as error:
            if error.code == "not_found":
                return None
            raise

    async def get(self, item_id: str) -> JSON | None:
        """Return an object in the upstream's format, or None if the list does not contain it.

        Raises:
            ToolError: the upstream's failure, including `not_found` if the upstream reports it.
        """
        if self.retrieval is None:
            return await self._in_list(item_id)
        try:
            return await self.client.send(self.retrieval(item_id))
        except ToolError as error:
            if error.code not in _MISSING or self.client.upstream.profile.retrieves_listed_ids:
                raise
            try:
                found = await self._in_list(item_id)
            except ToolError as search_error:
                raise (error if search_error.code == "upstream_retired" else search_error) from None
            if found is None and error.code == "not_found":
                raise
            return found

    async def _in_list(self, item_id: str) -> JSON | None:
        return await self._beside_neighbour(item_id) or await self._searched(item_id)

    async def _beside_neighbour(self, item_id: str) -> JSON | None:
        """Find an object with two requests for one item each; return None if that fails.

        The first request reads the list backwards from the object, so it returns the item directly
        before the object. The second request reads forwards from that item, so it returns the
        object.

        Raises:
            ToolError: `not_found` if the upstream does not know the object's id.
        """
        opposite: Order = "asc" if self.order == "desc" else "desc"
        try:
            beyond = await self._page(Slice(1, opposite, item_id))
            found = _with_id(beyond, item_id)
            if found is None:
                window = Slice(1, self.order, last_of(beyond, ""))
                found = _with_id(await self._page(window), item_id)
        except ToolError as error:
            if error.code == "not_found":
                raise
            return None  # if the failure persists, the search that follows reports it
        return found

    async def _searched(self, item_id: str) -> JSON | None:
        """Search the list from its start, page by page."""
        after = ""
        for _ in range(PAGES):
            reply = await self._page(Slice(PAGE_ITEMS, self.order, after))
            if found := _with_id(reply, item_id):
                return found
            next_after = last_of(reply, after)
            if reply.has_more is False:
                return None
            if next_after == after:
                break
            after = next_after
        raise ToolError(
            "not_found",
            f"{item_id} was not found: the upstream cannot retrieve it by its id, and only a part "
            "of the list could be searched.",
            next_step="Check the id, or read the list near it.",
        )

    async def _page(self, window: Slice) -> Reply:
        return await self.client.page(self.listing(window))


def _with_id(reply: Reply, item_id: str) -> JSON | None:
    return next((raw for raw in reply.items if raw["id"] == item_id), None)
