"""Reads the pages of lists. A page starts after a given row, not after a number of rows to skip."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Literal

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Integer, Select, Table, bindparam, select
from starlette.datastructures import QueryParams

from backscroll.store.api_errors import invalid_value, not_found
from backscroll.store.envelopes import JSON

SortOrder = Literal["asc", "desc"]

DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 100
MAX_FILTERS: Final = 16
"""The maximum number of `metadata[key]=value` filters in a query string, as metadata has at most
this number of pairs."""

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")


class PageQuery(Struct, frozen=True):
    """The page of a list that a request asks for.

    Attributes:
        limit: the maximum number of items, 1-100, default 20.
        order: `asc` or `desc`, by position.
        after: the id of an item. The page starts directly after it.
        before: the id of an item. All items of the page come before it. If `after` is None, the
            page ends directly before it.
    """

    limit: int
    order: SortOrder
    after: str | None = None
    before: str | None = None

    @property
    def backwards(self) -> bool:
        """Whether the page is read backwards from `before`."""
        return self.before is not None and self.after is None


class Listing(Struct, frozen=True, eq=False):
    """A list that is served in pages.

    Attributes:
        noun: the kind of object in the list, such as `message`, for 404 errors.
        rows: a query for the rows that are not deleted. Its parameters identify the list.
        position: the column that orders the rows.
        cursor: takes the name of a parameter, and returns a query for the position of the row whose
            id is the parameter's value. The query also finds deleted rows.
        owner: the object that the list belongs to, such as a thread: its kind for 404 errors, the
            name of the parameter that holds its id, and a query that returns a row if the object
            exists. None if the list belongs to no object.
    """

    noun: str
    rows: Select[Any]
    position: ColumnElement[int]
    cursor: Callable[[str], ColumnElement[int]]
    owner: tuple[str, str, Select[Any]] | None = None


def by_id(table: Table) -> Callable[[str], ColumnElement[int]]:
    """Return the `Listing.cursor` of a list of all objects of a partition, such as threads.

    Args:
        table: the table of the objects. The parameter `within` is the partition.
    """
    rows = table.alias()

    def cursor(name: str) -> ColumnElement[int]:
        found = select(rows.c.position).where(
            rows.c.partition == bindparam("within"), rows.c.id == bindparam(name)
        )
        return found.scalar_subquery()

    return cursor


class RowPage(Struct, frozen=True):
    """The rows of a page, in the list's order, and whether more rows match than fit on the page."""

    rows: Sequence[JSON]
    has_more: bool


def read_page_query(
    params: QueryParams, default_order: SortOrder, *, takes_before: bool = True
) -> PageQuery:
    """Parse the parameters of a page in a query string; unknown parameters are ignored.

    Args:
        params: the query string.
        default_order: the order if the query string has none.
        takes_before: whether the list accepts `before`.

    Raises:
        ApiError: 400 for a limit outside 1-100 or an unknown order.
    """
    order = params.get("order") or default_order
    if order not in {"asc", "desc"}:
        message = f"Invalid value: '{order}'. Supported values are: 'asc' and 'desc'."
        raise invalid_value("order", message)
    return PageQuery(
        limit=_limit(params.get("limit") or str(DEFAULT_LIMIT)),
        order="asc" if order == "asc" else "desc",
        after=params.get("after") or None,
        before=(params.get("before") or None) if takes_before else None,
    )


def metadata_filters(params: QueryParams) -> dict[str, str]:
    """Return the keys and values of the `metadata[key]=value` filters in a query string.

    Raises:
        ApiError: 400 if there are more than `MAX_FILTERS` filters.
    """
    pairs = {
        match[1]: value
        for name, value in params.items()
        if (match := re.fullmatch(r"metadata\[(.*)\]", name, re.DOTALL))
    }
    if len(pairs) > MAX_FILTERS:
        message = f"Invalid 'metadata': expected at most {MAX_FILTERS} pairs."
        raise invalid_value("metadata", message, code="object_above_max_properties")
    return pairs


def fetch_page(
    connection: Connection,
    listing: Listing,
    query: PageQuery,
    parameters: Mapping[str, object],
) -> RowPage:
    """Return one page of a list.

    A page with rows takes one SQL statement. An empty page can take more statements, which check
    that the list's owner and the ids in `after` and `before` exist.

    Args:
        connection: a connection for reading.
        listing: the list.
        query: the page.
        parameters: the values of the parameters of `listing.rows`.

    Raises:
        ApiError: 404 if the list's owner does not exist, or the id in `after` or `before` is
            unknown.
    """
    cursors = {"after": query.after, "before": query.before}
    given = {name: value for name, value in cursors.items() if value is not None}
    statement = _page_statement(listing, query.order, tuple(given))
    bound = {**given, **parameters, "fetched": query.limit + 1}
    result = connection.execute(statement, bound)
    names = tuple(result.keys())
    found = [dict(zip(names, row, strict=True)) for row in result.all()]
    if not found:
        _require_owner_and_cursors(connection, listing, given, parameters)
    rows = found[: query.limit]
    return RowPage(rows[::-1] if query.backwards else rows, has_more=len(found) > query.limit)


@lru_cache(maxsize=256)
def _page_statement(listing: Listing, order: SortOrder, cursors: tuple[str, ...]) -> Select[Any]:
    column, statement = listing.position, listing.rows
    ascending = order == "asc"
    for name in cursors:
        edge = listing.cursor(name)
        above = ascending == (name == "after")
        statement = statement.where(column > edge if above else column < edge)
    if cursors == ("before",):
        ascending = not ascending  # reads backwards from the cursor; `fetch_page` reverses the rows
    ordered = statement.order_by(column.asc() if ascending else column.desc())
    return ordered.limit(bindparam("fetched", type_=Integer))


def _require_owner_and_cursors(
    connection: Connection,
    listing: Listing,
    cursors: Mapping[str, str],
    parameters: Mapping[str, object],
) -> None:
    """Check, after an empty page, that the list's owner and the ids in `after` and `before` exist.

    Raises:
        ApiError: 404 if one of them does not exist.
    """
    if listing.owner is not None:
        noun, name, statement = listing.owner
        if connection.execute(statement, parameters).first() is None:
            raise not_found(noun, str(parameters[name]))
    for name, value in cursors.items():
        statement = select(listing.cursor(name))
        if connection.scalar(statement, {name: value, **parameters}) is None:
            raise not_found(listing.noun, value)


def _limit(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        message = "Invalid type for 'limit': expected an integer, but got a string instead."
        raise invalid_value("limit", message, code="invalid_type")
    limit = int(text)
    if limit < 1:
        message = (
            "Invalid 'limit': integer below minimum value. "
            f"Expected a value >= 1, but got {limit} instead."
        )
        raise invalid_value("limit", message, code="integer_below_min_value")
    if limit > MAX_LIMIT:
        message = (
            "Invalid 'limit': integer above maximum value. "
            f"Expected a value <= {MAX_LIMIT}, but got {limit} instead."
        )
        raise invalid_value("limit", message, code="integer_above_max_value")
    return limit
