"""One keyset page, the same for every list: by position, never by time, never by offset."""

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
    """What a caller asked of a list.

    Attributes:
        limit: items, 1-100, default 20.
        order: by position, `asc` or `desc`.
        after: the id that the page follows in list order.
        before: the id that the page precedes in list order. The page is the one adjacent to it.
    """

    limit: int
    order: SortOrder
    after: str | None = None
    before: str | None = None

    @property
    def backwards(self) -> bool:
        """Whether the page is found by walking back from `before`."""
        return self.before is not None and self.after is None


@dataclass(frozen=True, eq=False, slots=True)
class Listing:
    """A list that can be cut into pages.

    Attributes:
        noun: what the list holds, for a 404: `message`.
        rows: selects the living rows; its bound parameters name the list.
        position: the column that orders them.
        cursor: given the name of a bound id, the position of that row, living or deleted.
        owner: what the list belongs to: its noun, the name of its bound id, and a statement that
            finds a row as long as it is there. None for a list that is always there.
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
    """Return the page that a query string asks for; parameters of other names are not looked at.

    Args:
        params: the query string.
        default_order: OpenAI's differs from list to list.
        takes_before: whether the list has a `before`.

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
        connection: any; it is only read from.
        listing: the list.
        query: the page.
        parameters: what `listing` binds.

    Raises:
        ApiError: 404 for a list whose owner is not there, or an unknown cursor.
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
        ascending = not ascending  # walks back from the cursor; the caller turns the page round
    ordered = statement.order_by(column.asc() if ascending else column.desc())
    return ordered.limit(bindparam("fetched", type_=Integer))


def _explain_nothing(
    connection: Connection,
    listing: Listing,
    cursors: Mapping[str, str],
    parameters: Mapping[str, object],
) -> None:
    """Raise for an owner or a cursor that is not there: both make a page come out empty."""
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
