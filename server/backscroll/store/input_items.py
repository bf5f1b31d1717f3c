"""Reads the input of a response: first the history of its chain, then the items of its own input.

The chain of a response is the response itself, the one that its `previous_response_id` names, and
so on. It ends at a response that was deleted or that the store never had. The history is the input
and output of the earlier responses of the chain, oldest first.

If an item is in several responses of a chain, because a client sent it again, the list has it once,
at its first place. If the response with the first place is deleted, the item keeps this place, so
that a client that is reading the pages neither misses the item nor gets it twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import starmap
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, and_, bindparam, or_, select

from backscroll.database.response_schema import response_items, responses
from backscroll.store.abridged import LargeRows
from backscroll.store.paging import PageQuery, RowPage, page_of_ids

ITEMS: Final = LargeRows(
    rows=select(response_items),
    content=response_items.c.body,
    row=(response_items.c.response, response_items.c.position),
)
"""The items of responses. `read_input` selects those of a page."""

_REFERENCE: Final = "item_reference"
"""The type of an item that only has the id of another item."""


class _Link(NamedTuple):
    """A response of a chain, which may have been deleted."""

    position: int
    id: str
    previous_response_id: str | None
    deleted_at: int | None


class _Key(NamedTuple):
    """An item of a response, without its content."""

    response: int
    position: int
    id: str
    type: str
    is_output: bool


_earlier: Final = responses.alias()
_start: Final = (
    select(*(responses.c[name] for name in _Link._fields))
    .where(
        responses.c.partition == bindparam("within"),
        responses.c.id == bindparam("response_id"),
        responses.c.deleted_at.is_(None),
    )
    .cte("chain", recursive=True)
)
# A union without duplicates ends even if imported responses name one another in a circle.
_chain: Final = _start.union(
    select(*(_earlier.c[name] for name in _Link._fields)).where(
        _earlier.c.partition == bindparam("within"),
        _earlier.c.id == _start.c.previous_response_id,
    )
)
_links: Final = select(_chain)
_keys: Final = (
    select(*(response_items.c[name] for name in _Key._fields))
    .where(response_items.c.response.in_(select(_chain.c.position)))
    .order_by(response_items.c.response, response_items.c.position)
)


def read_input(
    connection: Connection, partition: str, response_id: str, query: PageQuery, rows: Select[Any]
) -> RowPage | None:
    """Return one page of the input of a response; None if the response does not exist.

    Args:
        connection: a connection for reading.
        partition: the partition of the response.
        response_id: its id.
        query: the page.
        rows: the query of `ITEMS`, or the one that `abridged.light_rows` makes of it.

    Raises:
        ApiError: 404 if the id in `after` or `before` is unknown.
    """
    bound = {"within": partition, "response_id": response_id}
    links = {link.id: link for link in starmap(_Link, connection.execute(_links, bound))}
    if response_id not in links:
        return None
    chain = list(_followed(links, response_id))
    by_response: dict[int, list[_Key]] = {}
    for key in starmap(_Key, connection.execute(_keys, bound)):
        by_response.setdefault(key.response, []).append(key)
    own = chain[0].position
    living = {link.position for link in _living(chain)}
    first: dict[str, None] = {}  # the ids, in the order of their first places
    shown: dict[str, _Key] = {}
    for link in reversed(chain):
        for key in by_response.get(link.position, ()):
            if key.response == own and key.is_output:
                continue
            first.setdefault(key.id)
            earlier = shown.get(key.id)
            if key.response in living and (earlier is None or earlier.type == _REFERENCE):
                shown[key.id] = key
    page, has_more = page_of_ids("item", list(first), query, shown)
    return RowPage(_rows(connection, rows, [shown[each] for each in page]), has_more=has_more)


def _followed(links: Mapping[str, _Link], response_id: str | None) -> Iterator[_Link]:
    """Yield the links of a chain, newest first. A circle ends before its first repeated link."""
    left = dict(links)
    while response_id is not None and (link := left.pop(response_id, None)) is not None:
        yield link
        response_id = link.previous_response_id


def _living(chain: Sequence[_Link]) -> Iterator[_Link]:
    """Yield the links before the first deleted response."""
    for link in chain:
        if link.deleted_at is not None:
            return
        yield link


def _rows(
    connection: Connection, statement: Select[Any], keys: Sequence[_Key]
) -> list[dict[str, Any]]:
    """Return the rows with these keys, in order, except those that were deleted in the meantime."""
    if not keys:
        return []
    these = or_(
        *(
            and_(
                response_items.c.response == key.response,
                response_items.c.position == key.position,
            )
            for key in keys
        )
    )
    statement = statement.where(these, response_items.c.body.is_not(None))
    found = {(row.response, row.position): row._asdict() for row in connection.execute(statement)}
    places = ((key.response, key.position) for key in keys)
    return [found[place] for place in places if place in found]
