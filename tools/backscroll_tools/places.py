"""Finds the position of an object in a list whose pages have cursors, from the object's id."""

import re
from collections.abc import Callable
from typing import Final

from backscroll_tools.client.call import CallClient
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.errors import ToolError
from backscroll_tools.lookup import PAGES, last_of
from backscroll_tools.models import Order

_PLACE: Final = re.compile(r"[0-9]+\.")
"""The start of a key that is a place (`client.dialects`). Ids of such lists start otherwise."""


async def key_after(
    client: CallClient, listing: Callable[[Slice], Request], order: Order, after: str
) -> str:
    """Return the key of the object after which a list is to be read.

    In most lists, the key is the object's id. If the list's keys are places, the list is read from
    its start until the object is found.

    Args:
        client: sends the requests.
        listing: builds the request for a slice of the list.
        order: the order of the list.
        after: the object's key or its id; empty for the start of the list.

    Raises:
        ToolError: `not_found` if the first 4,000 objects do not include the object.
    """
    if not after or _PLACE.match(after) or not listing(Slice(1, order)).dialect.has_places:
        return after
    key = ""
    for _ in range(PAGES):
        reply = await client.page(listing(Slice(PAGE_ITEMS, order, key)))
        ids = [raw["id"] for raw in reply.items]
        if after in ids:
            return reply.keys[ids.index(after)]
        following = last_of(reply, key)
        if reply.has_more is False or following == key:
            break
        key = following
    raise ToolError(
        "not_found",
        f"{after} was not found in the list.",
        next_step="Check the id, or start again without it.",
    )
