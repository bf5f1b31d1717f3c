"""Parses the arguments and the cursor of a call of `search-messages`."""

import json
import re
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools import schemas
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.models import JSON
from backscroll_tools.pages.cursor import KEY, ListPosition
from backscroll_tools.pages.start import conflict, start_position
from backscroll_tools.periods import Period, period_of, with_now
from backscroll_tools.search.query import MAX_QUERY_CHARS, Query, QueryError, parse

FILTER_CHARS: Final = 900
"""The maximum length of the query and the other filters together, in characters."""

_QUERY_BYTES: Final = 700
_SHARE: Final = 10
"""A query may have at most `_QUERY_BYTES` bytes, and at most one byte for every `_SHARE` characters
that a result may have. The result's cursor contains the query, so without this second limit, a
small result would have no space for hits."""

_FILTERS: Final = ("query", "role", "since", "until", "order", "now")
_SPACES: Final = re.compile("[\\s\x00-\x1f\x7f\ud800-\udfff]+")

QUERY_CUT: Final = "the query is too long; only its first words were used"

RELEVANCE: Final = "relevance"
"""The default order."""


class Search(Struct, frozen=True):
    """What one call of `search-messages` searches for, from its arguments and its cursor.

    Attributes:
        text: the query as it was given, on one line and cut to the maximum length.
        query: the parsed `text`.
        thread_id: the only thread, conversation or completion to search; empty to search all.
        role: the only role of hits; empty for all roles.
        period: the period in which hits were written.
        order: `relevance`, `newest` or `oldest`.
        context: the number of messages to show before and after each hit, 0 to 5.
        limit: the maximum number of hits, 1 to 50.
        start: the position that the page starts from.
        cut: whether a part of the query is ignored because the query is too long.
    """

    text: str
    query: Query
    thread_id: str
    role: str
    period: Period
    order: str
    context: int
    limit: int
    start: ListPosition
    cut: bool


def search_of(tool: str, arguments: JSON, result_chars: int) -> Search:
    """Return the search that a call asks for.

    Args:
        tool: the name of the tool.
        arguments: the call's validated arguments.
        result_chars: the maximum length of the result, in characters.

    Raises:
        ToolError: `invalid_arguments` if the query has no words to find, if a period or the cursor
            is invalid, or if an argument conflicts with the cursor.
    """
    given, thread_id = dict(arguments), arguments.get("thread_id", "")
    wanted = given.get("order", "")
    if wanted == RELEVANCE:
        del given["order"]  # it is the default, and cursors without it are shorter
    text, cut = _fitted(arguments.get("query", ""), min(_QUERY_BYTES, result_chars // _SHARE))
    if "query" in given:
        given["query"] = text
    query = None
    if "cursor" not in given:
        query = _parsed(text)  # an invalid query is reported before other errors
        given["query"] = text
        given = with_now(given)
    start = start_position(
        tool, thread_id, given, "desc", _FILTERS, filter_chars=FILTER_CHARS, key=KEY
    )
    start = replace(start, preview=arguments.get("context", start.preview))
    filters = dict(start.filters)
    order = filters.get("order", RELEVANCE)
    if wanted not in {"", order}:
        raise conflict(["order"])
    query = query or _parsed(filters.get("query", ""))
    return Search(
        text=filters.get("query", ""),
        query=query,
        thread_id=thread_id,
        role=filters.get("role", ""),
        period=period_of(filters),
        order=order,
        context=min(start.preview, schemas.CONTEXT_MAX),
        limit=schemas.limit_of(arguments, schemas.HITS_DEFAULT),
        start=start,
        cut=cut or query.cut,
    )


def _parsed(text: str) -> Query:
    try:
        return parse(text)
    except QueryError as error:
        raise _unanswerable(error) from None


def _unanswerable(error: QueryError) -> ToolError:
    sentence, _, advice = str(error).partition(". ")
    return invalid_arguments(f"{sentence.removesuffix('.')}.", advice)


def _fitted(text: str, most: int) -> tuple[str, bool]:
    """Return a query on one line, and whether it was cut.

    The query is cut so that, written as a JSON string, it has at most `most` bytes.
    """
    line = _SPACES.sub(" ", text[: MAX_QUERY_CHARS + 1]).strip()
    low, high = 0, len(line)
    while low < high:
        middle = (low + high + 1) // 2
        if len(json.dumps(line[:middle], ensure_ascii=False).encode()) <= most:
            low = middle
        else:
            high = middle - 1
    cut = low < len(line) or len(text) > MAX_QUERY_CHARS
    words, space, _ = line[:low].rpartition(" ")
    return (words if cut and space else line[:low]), cut
