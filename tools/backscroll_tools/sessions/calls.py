"""Begins calls, and reads lists whole."""

import math
from collections.abc import Callable
from typing import Final

import anyio
from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools.client.abridging import OMITTED
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.models import JSON
from backscroll_tools.pages.both_ends import from_both_ends
from backscroll_tools.pages.source import Chunk

DEADLINE_S: Final = 60.0
"""The default maximum duration of one operation on a session, in seconds."""

REQUESTS: Final = 2_000
"""The maximum number of requests of one operation. A session of 100,000 items is read in half of
it."""

OLDEST_FIRST: Final = Slice(PAGE_ITEMS, "asc")
NEWEST_FIRST: Final = Slice(PAGE_ITEMS, "desc")


def begin(client: Client, deadline_s: float = DEADLINE_S) -> CallClient:
    """Return a new call of the client.

    Args:
        client: a client of the embedded store.
        deadline_s: the maximum duration of the call, in seconds.

    Raises:
        ToolError: `invalid_arguments` if the upstream does not honour idempotency keys, or cannot
            keep the fields that sessions need.
    """
    if not client.upstream.profile.honours_idempotency_keys:
        raise invalid_arguments(
            f"Sessions need the embedded store, and the upstream is {client.upstream.profile.name}:"
            " only the store writes each addition exactly once and keeps all fields of an item.",
            "Start `backscroll store`, and create the client with PROFILES['store'].",
        )
    return CallClient(client, REQUESTS, anyio.current_time() + deadline_s)


class _Listed(Struct, frozen=True):
    """A list of which every object is needed."""

    call: CallClient
    listing: Callable[[Slice], Request]
    start: Slice

    async def chunk(self, after: str, limit: int) -> Chunk[JSON]:
        window = replace(self.start, limit=limit, after=after)
        reply = await self.call.page(self.listing(window))
        # What stands in for an item that is too large has only the fields before its content.
        if any(OMITTED in each and "created_at" not in each for each in reply.items):
            raise too_large(self.call.shared.reply_bytes)
        return Chunk.of(reply, lambda raw: raw)


async def walk(
    call: CallClient,
    listing: Callable[[Slice], Request],
    start: Slice = OLDEST_FIRST,
    limit: float = math.inf,
) -> list[JSON]:
    """Return the objects of a list, at most `limit`. Without a limit, read it from both ends.

    Args:
        call: sends the requests.
        listing: builds the request for a slice of the list.
        start: the first slice; its `limit` is the maximum number of objects of one request.
        limit: the maximum number of objects.

    Raises:
        ToolError: a request failed, or an object is larger than a reply may be. The walk is never
            cut short.
    """
    opposite = replace(start, order="asc" if start.order == "desc" else "desc", after="")

    def far(beside: CallClient) -> _Listed:
        return _Listed(beside, listing, opposite)

    found: list[JSON] = []
    after = start.after
    near, is_whole = _Listed(call, listing, start), limit == math.inf
    # The whole list is returned, so what is read from its end may be as long as the rest.
    async with from_both_ends(call, near, far if is_whole else None, REQUESTS, math.inf) as source:
        while len(found) < limit:
            page = await source.chunk(after, int(min(limit - len(found), start.limit)))
            found += page.items
            if page.has_more is False or not page.items:
                break
            after = page.last or str(found[-1]["id"])
    return found


async def change(call: CallClient, request: Request) -> JSON:
    """Send a write, and return the reply's object.

    Afterwards, `call.in_doubt` says whether an attempt of this write had an unclear outcome.

    Raises:
        ToolError: `outcome_unknown` if the store may have acted on it; `not_found`; any other code
            means that nothing was changed.
    """
    call.in_doubt = False
    try:
        return await call.send(request)
    except ToolError as error:
        is_unclear = call.in_doubt and error.code != "not_found"
        raise (_unknown() if is_unclear else error) from None


def too_large(reply_bytes: float) -> ToolError:
    """Return the error for an item that is larger than a reply may be, in bytes."""
    return ToolError(
        "invalid_arguments",
        f"An item of a session is larger than {reply_bytes:,.0f} bytes as JSON.",
        next_step="Create the client with a larger reply_bytes.",
        retry="pointless until reply_bytes is larger.",
    )


def _unknown() -> ToolError:
    """Return the error for a change that the store may have made, although its reply was lost."""
    return ToolError(
        "outcome_unknown",
        "A reply of the store was lost: the session may have been changed.",
        next_step="Do the same again.",
        retry="safe with equal arguments: nothing is added or removed twice.",
    )
