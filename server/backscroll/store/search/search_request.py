"""Reads and checks the parameters of a request to `/search`."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from msgspec import Struct
from starlette.datastructures import QueryParams

from backscroll.store.api_errors import invalid_value

if TYPE_CHECKING:
    from backscroll_tools.search.query import Query

Order: TypeAlias = Literal["relevance", "newest", "oldest"]

DEFAULT_LIMIT: Final = 10
MAX_LIMIT: Final = 50
EXCERPT_CHARS: Final = 240
MAX_EXCERPT_CHARS: Final = 2_000
MAX_QUIET: Final = 4
MAX_IMPORTING: Final = 16
LATEST: Final = 1 << 53
"""The latest time that is accepted, in Unix seconds. Greater integers are not exact in JSON."""

_INTEGER: Final = re.compile(r"[0-9]{1,16}")
_ORDERS: Final = ("relevance", "newest", "oldest")


class SearchRequest(Struct, frozen=True):
    """A search.

    Attributes:
        text: the query as it was given.
        query: the parsed `text`.
        thread_id: the only thread, conversation, completion or response to search; None to search
            all.
        role: the only role of hits; None for all roles.
        since: the first second of the period, in Unix time; None if the period has no start.
        until: the first second after the period, in Unix time; None if it has no end.
        order: `relevance`, `newest` or `oldest`.
        limit: the maximum number of hits; 1 to 50.
        excerpt_chars: the maximum length of an excerpt, in characters; 1 to 2,000.
        after: the `next_cursor` of the previous page; None for the first page.
        quiet_projects: working directories. Hits in conversations of these directories are left out
            while the conversations are in use, so that an agent does not find its own session. With
            a `thread_id`, none are left out.
        quiet_s: how long after its last activity a conversation counts as in use, in seconds.
        importing: the programs, such as `codex`, whose sessions are being imported for the first
            time. The reply names them.
    """

    text: str
    query: "Query"
    thread_id: str | None
    role: str | None
    since: int | None
    until: int | None
    order: Order
    limit: int
    excerpt_chars: int
    after: str | None
    quiet_projects: tuple[str, ...] = ()
    quiet_s: int = 0
    importing: tuple[str, ...] = ()

    @property
    def identity(self) -> tuple[object, ...]:
        """The values that determine the hits of a search. All pages of the search share them."""
        return (self.text, self.thread_id, self.role, self.since, self.until, self.order)


def read_search(params: QueryParams) -> SearchRequest:
    """Return the search that a query string describes. Unknown parameters are ignored.

    Raises:
        ApiError: 400 if a value is not allowed.
    """
    from backscroll_tools.search.query import QueryError, parse

    order = params.get("order") or "relevance"
    if order not in _ORDERS:
        message = (
            f"Invalid value: '{order}'. Supported values are: {', '.join(map(repr, _ORDERS))}."
        )
        raise invalid_value("order", message)
    text = params.get("query", "")
    try:
        query = parse(text)
    except QueryError as error:
        raise invalid_value("query", str(error)) from error
    return SearchRequest(
        text=text,
        query=query,
        thread_id=params.get("thread_id") or None,
        role=params.get("role") or None,
        since=_integer(params, "since", None, 0, LATEST),
        until=_integer(params, "until", None, 0, LATEST),
        order=cast("Order", order),
        limit=_integer(params, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT) or DEFAULT_LIMIT,
        excerpt_chars=_integer(params, "excerpt_chars", EXCERPT_CHARS, 1, MAX_EXCERPT_CHARS)
        or EXCERPT_CHARS,
        after=params.get("after") or None,
        quiet_projects=tuple(params.getlist("quiet_project")[:MAX_QUIET]),
        quiet_s=_integer(params, "quiet_s", 0, 0, LATEST) or 0,
        importing=tuple(params.getlist("importing")[:MAX_IMPORTING]),
    )


def _integer(
    params: Mapping[str, str], name: str, default: int | None, least: int, most: int
) -> int | None:
    text = params.get(name)
    if not text:
        return default
    if not _INTEGER.fullmatch(text) or not least <= int(text) <= most:
        message = f"Invalid '{name}': expected an integer from {least} to {most}."
        raise invalid_value(name, message, code="invalid_type")
    return int(text)
