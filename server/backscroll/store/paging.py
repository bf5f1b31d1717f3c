"""Keyset paging for every list: by position, never by time or offset."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, Integer, Select, bindparam, select
from starlette.datastructures import QueryParams

from backscroll.store.api_errors import invalid_value, not_found
from backscroll.store.envelopes import JSON

SortOrder = Literal["asc", "desc"]

DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 100


@dataclass(frozen=True, slots=True)
class PageQuery:
    """The page of a list that a caller asks for.

    Attributes:
        limit: items, 1-100, default 20.
        order: by position, `asc` or `desc`.
        after: the id that the page follows in list order.
        before: the id that the page precedes in list order; directly, unless `after` is given.
    """

    limit: int
    order: SortOrder
    after: str | None = None
    before: str | None = None

    @property
    def backwards(self) -> bool:
        """Whether the page is read backwards from `before`."""
        return self.before is not None and self.after is None


@dataclass(frozen=True, eq=False, slots=True)
class Listing:
    """A list that can be cut into pages.

    Attributes:
        noun: the kind of object in the list, for a 404, such as `message`.
        rows: selects the living rows; its bound parameters identify the list.
        position: the column that orders them.
        cursor: returns the position of the row, living or deleted, whose id the named parameter
            binds.
        owner: the noun of the object that the list belongs to, the name of its bound id, and a
            statement that returns a row while it exists. None for a list that always exists.
    """

    noun: str
    rows: Select[Any]
    position: ColumnElement[int]
    cursor: Callable[[str], ColumnElement[int]]
    owner: tuple[str, str, Select[Any]] | None = None


@dataclass(frozen=True, slots=True)
class RowPage:
    """Rows in list order, and whether more follow (or, going backwards, come before)."""

    rows: Sequence[JSON]
    has_more: bool


def read_page_query(
    params: QueryParams, default_order: SortOrder, *, takes_before: bool = True
) -> PageQuery:
    """Return the page that a query string asks for; other parameters are ignored.

    Args:
        params: the query string.
        default_order: OpenAI's default for this list.
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


def fetch_page(
    connection: Connection,
    listing: Listing,
    query: PageQuery,
    parameters: Mapping[str, object],
) -> RowPage:
    """Return one page, in one statement unless it is empty.

    Args:
        connection: any connection; this only reads.
        listing: the list.
        query: the page.
        parameters: values of the parameters that `listing` binds.

    Raises:
        ApiError: 404 if the list's owner does not exist, or the cursor is unknown.
    """
    cursors = {"after": query.after, "before": query.before}
    given = {name: value for name, value in cursors.items() if value is not None}
    statement = _page_statement(listing, query.order, tuple(given))
    bound = {**given, **parameters, "fetched": query.limit + 1}
    result = connection.execute(statement, bound)
    names = tuple(result.keys())
    found = [dict(zip(names, row, strict=True)) for row in result.all()]
    if not found:
        _explain_nothing(connection, listing, given, parameters)
    kept = found[: query.limit]
    return RowPage(kept[::-1] if query.backwards else kept, has_more=len(found) > query.limit)


@lru_cache(maxsize=256)
def _page_statement(listing: Listing, order: SortOrder, cursors: tuple[str, ...]) -> Select[Any]:
    column, statement = listing.position, listing.rows
    ascending = order == "asc"
    for name in cursors:
        edge = listing.cursor(name)
        above = ascending == (name == "after")
        statement = statement.where(column > edge if above else column < edge)
    if cursors == ("before",):
        ascending = not ascending  # reads back from the cursor; the caller reverses the page
    ordered = statement.order_by(column.asc() if ascending else column.desc())
    return ordered.limit(bindparam("fetched", type_=Integer))


def _explain_nothing(
    connection: Connection,
    listing: Listing,
    cursors: Mapping[str, str],
    parameters: Mapping[str, object],
) -> None:
    """Raise if the owner or a cursor does not exist: either makes a page empty."""
    if listing.owner is not None:
        noun, name, statement = listing.owner
        if connection.execute(statement, parameters).first() is None:
            raise not_found(noun, str(parameters[name]))
    for name, value in cursors.items():
        statement = select(listing.cursor(name))
        if connection.scalar(statement, {name: value, **parameters}) is None:
            raise not_found(listing.noun, value)


def _limit(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
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
