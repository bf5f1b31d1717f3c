"""Pages of lists with shortened content: an extension of OpenAI's wire format.

If the query string has `abridged=N`, the store cuts two kinds of strings in a row's content. Binary
data (a data URL, or base64) is cut to 256 characters. Text is cut to N characters, or to 256 if N
is smaller; it is not cut if N is 0. The field `<name>_chars` next to a cut string gives its full
length. Such a page may have fewer rows than its limit, because the store bounds the size of a page
and the amount of content that it reads. Large content is read one row at a time, in a worker
thread.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Column, Select, bindparam, case, select
from starlette.datastructures import QueryParams

from backscroll.database.compressed_json import length_of, text_of
from backscroll.database.json_text import load_json
from backscroll.database.port import Database
from backscroll.store.envelopes import JSON
from backscroll.store.paging import Listing, PageQuery, RowPage, fetch_page

LARGE_CHARS: Final = 16 * 1024
"""The length in characters above which a row's content is read separately from the page."""

REPLY_CHARS: Final = 8 * 1024 * 1024
"""A page ends once its content has more than this many characters."""

READ_CHARS: Final = 256 * 1024 * 1024
"""A page ends once more than this many characters were read from rows whose content is longer than
`LARGE_CHARS`."""

LEAST_CHARS: Final = 256
"""Strings of up to this many characters are never cut. Backscroll's client has the same limit."""

_SIZE: Final = "content_size"
TEXT_FIELDS: Final = frozenset(
    {"text", "value", "content", "arguments", "output", "input", "refusal", "transcript", "name"}
)
"""The fields that hold text. Their values are never taken for binary data."""

KEPT_FIELDS: Final = frozenset({"id", "metadata"})
"""The fields whose values are never cut."""

_BASE64: Final = re.compile(r"[A-Za-z0-9+/_\-\r\n]+={0,2}\s*")
_ENCODED: Final = ";base64,"
_NUMBER: Final = re.compile(r"[0-9]{1,6}")


class LargeListing(Listing, frozen=True, eq=False, kw_only=True):
    """A list with a column that can hold large content.

    Attributes:
        content: the column that can be large.
        row: the columns that identify a row.
    """

    content: Column[Any]
    row: tuple[Column[Any], ...]


class LargeRows(Struct, frozen=True, eq=False, kw_only=True):
    """Rows with a column that can hold large content, which are not a `Listing`.

    Attributes:
        rows: a query for all rows. The caller adds conditions that select the rows of a page.
        content: as in `LargeListing`.
        row: as in `LargeListing`.
    """

    rows: Select[Any]
    content: Column[Any]
    row: tuple[Column[Any], ...]


_Large: TypeAlias = LargeListing | LargeRows


def preview_of(params: QueryParams) -> int | None:
    """Return the N of `abridged=N`, or None if the query string has no `abridged`."""
    given = params.get("abridged", "")
    return int(given) if _NUMBER.fullmatch(given) else None


async def read_page(
    database: Database,
    listing: LargeListing,
    query: PageQuery,
    parameters: Mapping[str, object],
    preview: int | None,
) -> RowPage:
    """Return one page of a list, with shortened content if `preview` is not None.

    Args:
        database: the database.
        listing: the list.
        query: the page.
        parameters: as in `fetch_page`.
        preview: the result of `preview_of`.

    Raises:
        ApiError: as in `fetch_page`.
    """
    if preview is None:
        return await database.read(
            lambda connection: fetch_page(connection, listing, query, parameters)
        )
    light = _light(listing)
    page = await database.read(lambda connection: fetch_page(connection, light, query, parameters))
    return await shortened_page(database, listing, page, preview, backwards=query.backwards)


async def shortened_page(
    database: Database, large: _Large, page: RowPage, preview: int, *, backwards: bool
) -> RowPage:
    """Return a page with shortened content.

    Args:
        database: the database.
        large: the list or the rows.
        page: the page, whose rows were read with the query that `light_rows` returns.
        preview: the result of `preview_of`.
        backwards: whether the page is read backwards, as `PageQuery.backwards`.
    """
    found = page.rows[::-1] if backwards else page.rows
    rows, is_whole = await _shortened_rows(database, large, found, preview)
    return RowPage(rows[::-1] if backwards else rows, has_more=page.has_more or not is_whole)


def shortened_objects(objects: Iterable[JSON], preview: int) -> tuple[list[JSON], bool]:
    """Return the shortened objects of a page, and whether all fit on it."""
    found: list[JSON] = []
    kept = 0
    for each in objects:
        if kept > REPLY_CHARS:
            return found, False
        found.append(shortened(each, preview))
        kept += _chars(found[-1])
    return found, True


async def _shortened_rows(
    database: Database, listing: _Large, light: Sequence[JSON], preview: int
) -> tuple[list[JSON], bool]:
    """Return rows with shortened content, and whether all of the rows fit on a page.

    Args:
        database: the database.
        listing: the list.
        light: the rows as `light_rows` selects them.
        preview: the result of `preview_of`.
    """
    rows: list[JSON] = []
    name = listing.content.name
    kept = read = 0
    for row in light:
        if kept > REPLY_CHARS or read > READ_CHARS:
            return rows, False
        size = row.pop(_SIZE) or 0
        value, chars = row[name], size
        if size > LARGE_CHARS:
            value, chars = await _large(database, listing, row, preview)
            read += size
            if value is None:
                continue  # the row was deleted after the page was read
        elif size > LEAST_CHARS:  # in shorter content, no string is long enough to cut
            value = shortened(value, preview)
        kept += chars
        row[name] = value
        rows.append(row)
    return rows, True


def shortened(value: Any, preview: int) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value whose long strings are cut by the rules of this module's docstring."""
    if isinstance(value, list):
        return [shortened(inner, preview) for inner in value]
    if not isinstance(value, dict):
        return value
    found: JSON = {}
    for name, inner in value.items():
        if name in KEPT_FIELDS:
            found[name] = inner
        elif not isinstance(inner, str):
            found[name] = shortened(inner, preview)
        elif (cut := _cut(name, inner, preview)) is not None:
            found[name], found[f"{name}_chars"] = cut, len(inner)
        else:
            found[name] = inner
    return found


def _cut(name: str, text: str, preview: int) -> str | None:
    """Return the shortened string; None if the string is not shortened."""
    if len(text) <= LEAST_CHARS:
        return None
    if name not in TEXT_FIELDS and (text.startswith("data:") or _BASE64.fullmatch(text)):
        # Keep the base64 padding (`=`) at the end: without it, a client that knows the full length
        # cannot compute the size of the data in bytes.
        return text[: LEAST_CHARS - 2] + text[-2:]
    most = max(preview, LEAST_CHARS)
    if not preview or len(text) <= most or _ENCODED in text:
        return None
    return text[:most]


async def _large(
    database: Database, listing: _Large, row: JSON, preview: int
) -> tuple[object, int]:
    """Return a row's shortened content, and how many characters it has after shortening.

    Return (None, 0) if the row was deleted.
    """
    key = {column.name: row[column.name] for column in listing.row}
    statement = _content_of(listing)
    text = await database.read(lambda connection: connection.scalar(statement, key), large=True)
    return (None, 0) if text is None else await asyncio.to_thread(_parsed, text, preview)


def _parsed(text: str, preview: int) -> tuple[object, int]:
    value = shortened(load_json(text), preview)
    return value, _chars(value)


def _chars(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_chars, value.values()))
    return sum(map(_chars, value)) if isinstance(value, list) else 1


@lru_cache(maxsize=64)
def _light(listing: LargeListing) -> LargeListing:
    return replace(listing, rows=light_rows(listing))


@lru_cache(maxsize=64)
def light_rows(listing: _Large) -> Select[Any]:
    """Return a query for the rows of a list, with null for large content.

    Content is large if it has more than `LARGE_CHARS` characters. The query has an additional
    column, the length of the content.
    """
    size = length_of(listing.content)
    small = case((size <= LARGE_CHARS, listing.content)).label(listing.content.name)
    others = [
        column for column in listing.rows.selected_columns if column.name != listing.content.name
    ]
    return listing.rows.with_only_columns(*others, small, size.label(_SIZE))


@lru_cache(maxsize=64)
def _content_of(listing: _Large) -> Select[Any]:
    key = [column == bindparam(column.name) for column in listing.row]
    return select(text_of(listing.content)).where(*key)
