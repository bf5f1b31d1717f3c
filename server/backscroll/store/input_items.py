"""Reads the input of a response: first the history of its chain, then the items of its own input.

The chain of a response is the response itself, the response that its `previous_response_id` names,
and so on. The chain ends at a response that the store never had. The history is the input and
output of the earlier responses of the chain, oldest first. If one of them was deleted, the history
begins after it.

A client may send an item again, so that several responses of a chain have it. The pages show such
an item once, at its first place. If the response with the first place is deleted, the item keeps
this place, so that a client that is reading the pages neither misses the item nor gets it twice.

To read a page, the store reads the whole chain, but only the items near the page.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, starmap
from typing import Any, Final, NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, Select, and_, bindparam, or_, select

from backscroll.database.response_schema import response_items, responses
from backscroll.store.abridged import LargeRows
from backscroll.store.api_errors import not_found
from backscroll.store.conversation_object import item_object
from backscroll.store.paging import PageQuery, RowPage

ITEMS: Final = LargeRows(
    rows=select(response_items),
    content=response_items.c.body,
    row=(response_items.c.response, response_items.c.position),
)
"""The items of all responses. `read_input` selects the items of a page."""

_TOGETHER: Final = 16
"""The number of responses whose items one statement reads."""

_IDS: Final = 500
"""The maximum number of ids in one statement."""

_REFERENCE: Final = "item_reference"
"""The type of an item that only has the id of another item."""

_Place: TypeAlias = tuple[int, int]
"""The place of an item in a chain: the number of its response, oldest first, and its position."""


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
_links: Final = select(
    _start.union(
        select(*(_earlier.c[name] for name in _Link._fields)).where(
            _earlier.c.partition == bindparam("within"),
            _earlier.c.id == _start.c.previous_response_id,
        )
    )
)
_keys: Final = select(*(response_items.c[name] for name in _Key._fields))
_keys_of_responses: Final = _keys.where(
    response_items.c.response.in_(bindparam("responses", expanding=True))
)
_keys_with_ids: Final = _keys.where(response_items.c.id.in_(bindparam("ids", expanding=True)))


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
    chain = _chain(connection, partition, response_id)
    if chain is None:
        return None
    reading = _Reading(connection, chain, ascending=(query.order == "asc") != query.backwards)
    after, before = (
        None if cursor is None else reading.place_of(cursor)
        for cursor in (query.after, query.before)
    )
    listed = reading.listed(before, None) if query.backwards else reading.listed(after, before)
    found = list(islice(listed, query.limit + 1))
    keys = found[: query.limit]
    page = _rows(connection, rows, keys[::-1] if query.backwards else keys)
    return RowPage(page, has_more=len(found) > query.limit)


def read_history(connection: Connection, partition: str, response_id: str) -> list[Any] | None:
    """Return what the next response of a chain continues; None if the response does not exist.

    This is the history, the input and the output of the response, oldest first, as rows.
    """
    chain = _chain(connection, partition, response_id)
    if chain is None:
        return None
    reading = _Reading(connection, replace(chain, with_output=True), ascending=True)
    keys = list(reading.listed(None, None))
    found = []
    for at in range(0, len(keys), _IDS):
        found += _rows(connection, ITEMS.rows, keys[at : at + _IDS])
    return found


def own_input(connection: Connection, position: int) -> list[dict[str, Any]]:
    """Return the items that one response itself was given, without its history.

    Args:
        connection: a connection for reading.
        position: the position of the response in the table `responses`.
    """
    of_it = (response_items.c.response == position) & response_items.c.is_output.is_(False)
    rows = connection.execute(ITEMS.rows.where(of_it).order_by(response_items.c.position))
    return [item_object(row._asdict()) for row in rows]


class _Chain(Struct, frozen=True):
    """The responses of a chain, oldest first.

    Attributes:
        positions: the position of each response in the table `responses`.
        numbers: maps the position of each response to its number: its index in `positions`.
        living: the number of the oldest response in the history. Every older response was deleted,
            or precedes a deleted response.
        with_output: whether the output of the newest response belongs to it.
    """

    positions: Sequence[int]
    numbers: Mapping[int, int]
    living: int
    with_output: bool = False

    def place(self, key: _Key) -> _Place:
        """Return the place of an item."""
        return self.numbers[key.response], key.position

    def has(self, key: _Key) -> bool:
        """Whether an item is in the history or in the response's own input or output."""
        is_own = key.response == self.positions[-1]
        is_listed = self.with_output or not (is_own and key.is_output)
        return key.response in self.numbers and is_listed


def _chain(connection: Connection, partition: str, response_id: str) -> _Chain | None:
    """Return the chain of a response; None if the response does not exist."""
    bound = {"within": partition, "response_id": response_id}
    links = {link.id: link for link in starmap(_Link, connection.execute(_links, bound))}
    chain: list[_Link] = []
    next_id: str | None = response_id
    while next_id is not None and (link := links.pop(next_id, None)) is not None:
        chain.append(link)
        next_id = link.previous_response_id
    if not chain:
        return None
    chain.reverse()
    positions = [link.position for link in chain]
    deleted = [number for number, link in enumerate(chain) if link.deleted_at is not None]
    numbers = {position: number for number, position in enumerate(positions)}
    return _Chain(positions, numbers, living=deleted[-1] + 1 if deleted else 0)


class _Reading(Struct, frozen=True):
    """Reads the items of a chain in one direction."""

    connection: Connection
    chain: _Chain
    ascending: bool

    def place_of(self, item_id: str) -> _Place:
        """Return the first place of an item, even if it was deleted.

        Raises:
            ApiError: 404 if the chain never had the item.
        """
        occurrences = self._occurrences([item_id]).get(item_id)
        if occurrences is None:
            raise not_found("item", item_id)
        return self.chain.place(occurrences[0])

    def listed(self, start: _Place | None, end: _Place | None) -> Iterator[_Key]:
        """Yield the items between two places, each at its first place.

        Args:
            start: the place before the first item to yield. If None, start at the beginning of the
                chain, or at its end if `ascending` is false.
            end: the place after the last item to yield. If None, yield all further items.
        """
        count = len(self.chain.positions)
        first = (0 if self.ascending else count - 1) if start is None else start[0]
        numbers = range(first, count) if self.ascending else range(first, -1, -1)
        for at in range(0, len(numbers), _TOGETHER):
            keys = self._keys_of(numbers[at : at + _TOGETHER])
            occurrences = self._occurrences([key.id for key in keys])
            for key in keys:
                place = self.chain.place(key)
                if start is not None and not self._precedes(start, place):
                    continue
                if end is not None and not self._precedes(place, end):
                    return
                # If the id is missing, the item was removed between the two queries.
                every = occurrences.get(key.id, [key])
                shown = self._shown(every) if self.chain.place(every[0]) == place else None
                if shown is not None:
                    yield shown

    def _precedes(self, one: _Place, other: _Place) -> bool:
        return one < other if self.ascending else one > other

    def _keys_of(self, numbers: Sequence[int]) -> list[_Key]:
        """Return the items of responses, given their numbers, in the order of reading."""
        bound = {"responses": [self.chain.positions[number] for number in numbers]}
        found = starmap(_Key, self.connection.execute(_keys_of_responses, bound))
        keys = [key for key in found if self.chain.has(key)]
        return sorted(keys, key=self.chain.place, reverse=not self.ascending)

    def _occurrences(self, ids: Sequence[str]) -> dict[str, list[_Key]]:
        """Return, for each id, all items of the chain that have it, oldest first."""
        occurrences: dict[str, list[_Key]] = {}
        unique = list(dict.fromkeys(ids))
        for at in range(0, len(unique), _IDS):
            bound = {"ids": unique[at : at + _IDS]}
            for key in starmap(_Key, self.connection.execute(_keys_with_ids, bound)):
                if self.chain.has(key):
                    occurrences.setdefault(key.id, []).append(key)
        for every in occurrences.values():
            every.sort(key=self.chain.place)
        return occurrences

    def _shown(self, occurrences: Sequence[_Key]) -> _Key | None:
        """Return which of the items with the same id to show; None if all were deleted.

        If possible, this is an item with content, not an `item_reference`.
        """
        living = [
            key for key in occurrences if self.chain.numbers[key.response] >= self.chain.living
        ]
        whole = (key for key in living if key.type != _REFERENCE)
        return next(whole, living[0] if living else None)


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
