"""Reads lists after an object's id, also lists with opaque cursors and lists in a fixed order."""

import re
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from backscroll_tools.client.call import CallClient
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.replies import Reply
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.lookup import PAGES, last_of
from backscroll_tools.models import JSON, Order

_PLACE: Final = re.compile(r"[0-9]+\.")
"""The start of a key that is a place (`client.dialects`). Ids of such lists start otherwise."""


async def page_after(
    client: CallClient, listing: Callable[[Slice], Request], order: Order, after: str, limit: int
) -> Reply:
    """Return the objects of a list that follow an object.

    In most lists, the key of an object is its id, and one request is enough. If the list's keys are
    places and `after` is an id, the list is read from its start until the object is found. If the
    list has a fixed order, and `order` is the opposite one, the whole list is read.

    Args:
        client: sends the requests.
        listing: builds the request for a slice of the list.
        order: the order of the objects.
        after: the object's key or its id; empty for the start of the list.
        limit: the number of objects to request; 1 to 100. More are returned if they were read in
            the search for `after`.

    Raises:
        ToolError: `not_found` if the list, or its first 4,000 objects, do not include the object
            `after`; `invalid_arguments` if the whole list must be read and has over 4,000 objects;
            the failure of a request.
    """
    dialect = listing(Slice(1, order)).dialect
    if dialect.fixed_order not in {None, order}:
        return await _reversed(client, listing, order, after)
    if not after or _PLACE.match(after) or not dialect.has_places:
        return await client.page(listing(Slice(limit, order, after)))
    key = ""
    for _ in range(PAGES):
        reply = await client.page(listing(Slice(PAGE_ITEMS, order, key)))
        ids = [raw["id"] for raw in reply.items]
        following = last_of(reply, key)
        if after in ids:
            start = ids.index(after) + 1
            if start == len(ids) and reply.has_more is not False and following != key:
                return await client.page(listing(Slice(limit, order, following)))
            return replace(reply, items=reply.items[start:], keys=reply.keys[start:])
        if reply.has_more is False or following == key:
            break
        key = following
    raise _not_in_list(after)


async def _reversed(
    client: CallClient, listing: Callable[[Slice], Request], order: Order, after: str
) -> Reply:
    """Return all objects of a list that follow an object, in the opposite of the list's order."""
    found: dict[str, JSON] = {}
    warnings: dict[str, None] = {}
    key = ""
    for _ in range(PAGES):
        reply = await client.page(listing(Slice(PAGE_ITEMS, order, key)))
        known = len(found)
        found |= {raw["id"]: raw for raw in reply.items}
        warnings |= {reply.warning: None} if reply.warning else {}
        following = last_of(reply, key)
        # A walk ends after such a page too (`pages.walk`).
        brings_nothing = reply.has_more is None and len(found) == known
        if reply.has_more is False or following == key or brings_nothing:
            break
        key = following
    else:
        raise invalid_arguments(
            f"The upstream lists only one order, and more than {len(found):,} objects, so they "
            "cannot be read in the opposite order.",
            "Call again without order and before.",
        )
    if after and after not in found:
        raise _not_in_list(after)
    ids = [*found]
    later = ids[: ids.index(after)] if after else ids
    rows = tuple([found[each] for each in reversed(later)])
    return Reply(rows, has_more=False, warning="; ".join(warnings))


def _not_in_list(named: str) -> ToolError:
    return ToolError(
        "not_found",
        f"{named} was not found in the list.",
        next_step="Check the id, or start again without it.",
    )
