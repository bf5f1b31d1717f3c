"""Reads objects of one kind for a tool: a page of their list, or one object whole."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools import schemas
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.lookup import Lookup
from backscroll_tools.models import JSON
from backscroll_tools.object_kind import Kind
from backscroll_tools.object_lists import ObjectList
from backscroll_tools.object_summaries import summary, whole
from backscroll_tools.pages.cursor import KEY
from backscroll_tools.pages.frame import Shape
from backscroll_tools.pages.listing import read_page
from backscroll_tools.pages.source import Chunk
from backscroll_tools.pages.start import start_position
from backscroll_tools.periods import period_of, with_now
from backscroll_tools.tool import Call, Result

OBJECT: Final = Shape("object", "object", single=True)

_FILTERS: Final = ("since", "until", "now")


async def read_list(  # noqa: PLR0913 - the call, the tool and the list
    call: Call,
    tool: str,
    kind: Kind,
    arguments: JSON,
    shape: Shape,
    *,
    parent_id: str = "",
    filters: tuple[str, ...] = (),
) -> Result:
    """Return one page of a list, each object shortened.

    Args:
        call: the call.
        tool: the tool's name.
        kind: the kind of the objects.
        arguments: the call's validated arguments.
        shape: the shape of the result.
        parent_id: the ids of the objects' parents, joined by `/`; empty if they have no parents.
        filters: the names of the arguments to send as query parameters with the same names.

    Raises:
        ToolError: `invalid_arguments` if an argument does not suit the kind; the upstream's
            failure.
    """
    _check(kind, arguments)
    start = start_position(
        tool,
        f"{kind.name}/{parent_id}",
        with_now(arguments),
        kind.order or "desc",
        (*_FILTERS, *filters),
        key=KEY,
    )
    kept = dict(start.filters)
    query = (
        *_period(kind, kept),
        *((name, kept[name]) for name in filters if name in kept),
    )

    def listing(window: Slice) -> Request:
        return kind.listing(parent_id, replace(window, filters=query))

    def retrieval(object_id: str) -> Request:
        return kind.retrieval(parent_id, object_id)

    listing(Slice(1, start.walk_order))  # refuses a wrong parent_id before anything is sent
    source = ObjectList(call.client, start, listing, summary, retrieval if kind.retrieves else None)
    shape = replace(shape, unordered=kind.order is None)
    return await read_page(call, shape, start, source, schemas.limit_of(arguments))


async def raw_object(call: Call, kind: Kind, parent_id: str, object_id: str) -> JSON:
    """Return one object as the upstream sends it.

    Raises:
        ToolError: `not_found` if there is no such object; the upstream's failure.
    """
    if kind.retrieves:
        return await call.client.send(kind.retrieval(parent_id, object_id))
    lookup = Lookup(call.client, lambda window: kind.listing(parent_id, window))
    raw = await lookup.get(object_id)
    if raw is None:
        raise ToolError(
            "not_found",
            f"There is no object {object_id} among the {kind.name}.",
            next_step="Check the ids.",
        )
    return raw


async def read_whole(  # noqa: PLR0913 - the call, the tool and the object
    call: Call, tool: str, kind: Kind, object_id: str, arguments: JSON, *, parent_id: str = ""
) -> Result:
    """Return one object as JSON, in pages if it is long.

    Args:
        call: the call.
        tool: the tool's name.
        kind: the kind of the object.
        object_id: the object's id.
        arguments: the call's validated arguments, of which `cursor` is used.
        parent_id: the ids of its parents, joined by `/`; empty if it has none.

    Raises:
        ToolError: as in `raw_object`.
    """

    async def item() -> Mapping[str, object]:
        return whole({**await raw_object(call, kind, parent_id, object_id), "id": object_id})

    owner = f"{kind.name}/{parent_id}/{object_id}"
    return await read_one(call, tool, owner, arguments, item)


async def read_one(  # noqa: PLR0913 - the call, the tool and the item
    call: Call,
    tool: str,
    owner: str,
    arguments: JSON,
    item: Callable[[], Awaitable[Mapping[str, object]]],
    *,
    shape: Shape = OBJECT,
) -> Result:
    """Return one item, in pages if it is long.

    Args:
        call: the call.
        tool: the tool's name.
        owner: the item's id, with the ids that it needs to be unique. A cursor is refused if it was
            created for another `owner`.
        arguments: the call's validated arguments, of which `cursor` is used.
        item: reads the item from the upstream.
        shape: the shape of the result; by default that of an object.

    Raises:
        ToolError: as `item` does.
    """
    start = start_position(tool, owner, arguments, "asc", key=KEY)
    return await read_page(call, shape, start, _One(item), 1)


class _One(Struct, frozen=True):
    """A list of one item, so that a long item can be read in pages."""

    read: Callable[[], Awaitable[Mapping[str, object]]]

    async def chunk(self, after: str, limit: int) -> Chunk[Mapping[str, object]]:  # noqa: ARG002 - required by `Source`
        return Chunk(
            () if after else (await self.read(),),
            has_more=False,
            keys=() if after else ("1",),
        )

    async def item(self, key: str) -> Mapping[str, object]:  # noqa: ARG002 - as above
        return await self.read()


def _check(kind: Kind, arguments: JSON) -> None:
    """Refuse arguments that the kind does not have.

    Raises:
        ToolError: `invalid_arguments`.
    """
    wrong: list[str] = [name for name in ("since", "until") if name in arguments and not kind.by]
    if "order" in arguments and not kind.is_ordered:
        wrong.append("order")
    if "after" in arguments and kind.dialect.has_places:
        wrong.append("after")
    if wrong:
        raise invalid_arguments(
            f"{kind.name} cannot be listed with {' and '.join(wrong)}.",
            f"Call again without {' and '.join(wrong)}; use cursor to continue.",
        )
    if kind.since_required and not arguments.keys() & {"since", "cursor"}:
        raise invalid_arguments(f"{kind.name} needs since.", "Call again with since, such as 7d.")


def _period(kind: Kind, filters: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the period of a call as the query parameters of the kind's list."""
    period = period_of(filters)
    limits = zip(kind.by, (period.since_s, period.until_s), strict=False)
    return tuple((name, str(at)) for name, at in limits if at is not None)
