"""Short ids of messages: `~` and the last characters of an id, such as `~x7Kd2` for `msg_…x7Kd2`.

A whole id costs a model about 17 tokens. So a page of messages shows most ids short, and the tools
that read a message accept a short id together with its thread. The whole id is searched for among
the newest 1,000 messages of the thread, then among the oldest 1,000. Tools that change or delete a
message accept only whole ids.
"""

from collections.abc import Sequence
from typing import Final

import anyio

from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.requests import Slice
from backscroll_tools.collection import Collection
from backscroll_tools.errors import ToolError
from backscroll_tools.lookup import last_of
from backscroll_tools.models import JSON, Order
from backscroll_tools.pages.walk import too_late
from backscroll_tools.render import WHOLE_IDS
from backscroll_tools.tool import Call

PAGES: Final = 10
"""The maximum number of pages of 100 messages that are searched for one short id from each end of
the thread. By default, a call may make 50 requests, so 30 are left for its other work."""

_NAMED: Final = 5
"""The maximum number of whole ids that an error about several matches names."""

SHORT: Final = "~"
"""The first character of a short id. No whole id contains it."""

_HOW: Final = f"Pass the whole id. {WHOLE_IDS}"


async def with_whole_ids(  # noqa: PLR0913 - the call, the list, and what to look for
    call: Call,
    collection: Collection,
    owner: str,
    arguments: JSON,
    names: Sequence[str],
    *,
    pages: int = PAGES,
) -> JSON:
    """Return a call's arguments with whole ids in place of short ids.

    Args:
        call: the call, whose deadline applies.
        collection: the kind of collection that contains the messages.
        owner: the collection's id.
        arguments: the call's validated arguments.
        names: the names of the arguments that may be short ids.
        pages: the maximum number of pages of 100 messages that are searched from each end.

    Raises:
        ToolError: `not_found` if no message that was searched has an id that ends so;
            `invalid_arguments` if several have one; `deadline_exceeded`; the upstream's failure.
    """
    short = {name: value for name in names if (value := arguments.get(name, "")).startswith(SHORT)}
    if not short:
        return arguments
    found: dict[str, str] = {}
    with anyio.CancelScope(deadline=call.ends_at) as scope:
        for name, value in short.items():
            found[name] = await _whole_id(call, collection, owner, value, pages)
    if scope.cancelled_caught:
        raise too_late()
    return {**arguments, **found}


async def _whole_id(call: Call, collection: Collection, owner: str, short: str, pages: int) -> str:
    """Search for a short id from the newest message on, then from the oldest message on."""
    ending = short.removeprefix(SHORT)
    orders: tuple[Order, ...] = ("desc", "asc")
    searched = 0
    for order in orders:
        after, searched = "", 0
        for _ in range(pages):
            request = collection.list_messages(owner, Slice(PAGE_ITEMS, order, after))
            reply = await call.client.page(request)
            if whole := _only(short, [raw["id"] for raw in reply.items]):
                return whole
            if reply.has_more is False:
                raise _not_found(f"No id in {owner} ends with {ending}.")
            following = last_of(reply, after)
            if following == after:
                break  # the upstream cannot continue; it may ignore `after`
            after = following
            searched += len(reply.items)
    raise _not_found(
        f"None of the newest {searched:,} and oldest {searched:,} ids in {owner} ends with "
        f"{ending}."
    )


def _not_found(message: str) -> ToolError:
    return ToolError("not_found", message, next_step=_HOW)


def _only(short: str, ids: Sequence[str]) -> str:
    """Return the id that ends as the short id does; empty if no id does.

    Raises:
        ToolError: `invalid_arguments` if several ids end so.
    """
    ending = short.removeprefix(SHORT)
    found = sorted({each for each in ids if each.endswith(ending)})
    if len(found) > 1:
        raise ToolError(
            "invalid_arguments",
            f"{short} is the end of several ids: {', '.join(found[:_NAMED])}.",
            next_step="Call again with one of these ids.",
        )
    return found[0] if found else ""
