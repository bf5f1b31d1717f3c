"""Short ids of messages: `~` and the last characters of an id, such as `~x7Kd2` for `msg_…x7Kd2`.

A whole id costs a model about 17 tokens. So a page of messages shows most ids short, and the tools
that read a message accept a short id together with its thread. The search for the whole id starts
at the thread's newest message and sends a limited number of requests. Tools that change or delete
a message accept only whole ids.
"""

from collections.abc import Sequence
from typing import Final

import anyio

from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.requests import Slice
from backscroll_tools.collection import Collection
from backscroll_tools.errors import ToolError
from backscroll_tools.lookup import last_of
from backscroll_tools.models import JSON
from backscroll_tools.pages.walk import too_late
from backscroll_tools.render import WHOLE_IDS
from backscroll_tools.tool import Call

PAGES: Final = 10
"""The maximum number of pages of 100 messages that are searched for one short id."""

_NAMED: Final = 5
"""The maximum number of whole ids that an error about several matches names."""

SHORT: Final = "~"
"""The first character of a short id. No whole id contains it."""

_HOW: Final = f"Pass the whole id. {WHOLE_IDS}"


async def with_whole_ids(
    call: Call, collection: Collection, owner: str, arguments: JSON, names: Sequence[str]
) -> JSON:
    """Return a call's arguments with whole ids in place of short ids.

    Args:
        call: the call, whose deadline applies.
        collection: the kind of collection that contains the messages.
        owner: the collection's id.
        arguments: the call's validated arguments.
        names: the names of the arguments that may be short ids.

    Raises:
        ToolError: `not_found` if no message of the thread has an id that ends so, or none of the
            newest 1,000; `invalid_arguments` if several have one; `deadline_exceeded`; the
            upstream's failure.
    """
    short = {name: value for name in names if (value := arguments.get(name, "")).startswith(SHORT)}
    if not short:
        return arguments
    found: dict[str, str] = {}
    with anyio.CancelScope(deadline=call.ends_at) as scope:
        for name, value in short.items():
            found[name] = await _whole_id(call, collection, owner, value)
    if scope.cancelled_caught:
        raise too_late()
    return {**arguments, **found}


async def _whole_id(call: Call, collection: Collection, owner: str, short: str) -> str:
    ending, after = short.removeprefix(SHORT), ""
    for _ in range(PAGES):
        request = collection.list_messages(owner, Slice(PAGE_ITEMS, "desc", after))
        reply = await call.client.page(request)
        ids = sorted({raw["id"] for raw in reply.items if raw["id"].endswith(ending)})
        if len(ids) == 1:
            whole: str = ids[0]
            return whole
        if ids:
            raise ToolError(
                "invalid_arguments",
                f"{short} is the end of several ids: {', '.join(ids[:_NAMED])}.",
                next_step="Call again with one of these ids.",
            )
        following = last_of(reply, after)
        if reply.has_more is False or following == after:
            raise ToolError("not_found", f"No id in {owner} ends with {ending}.", next_step=_HOW)
        after = following
    searched = PAGES * PAGE_ITEMS
    raise ToolError(
        "not_found",
        f"None of the newest {searched:,} ids in {owner} ends with {ending}.",
        next_step=_HOW,
    )
