"""Builds one page of the hits of a search."""

from collections.abc import Collection, Iterator
from itertools import islice
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, bindparam, select

from backscroll.database.sqlite_file import Identity
from backscroll.store.api_errors import not_found
from backscroll.store.envelopes import JSON, list_envelope
from backscroll.store.search import rows, terms
from backscroll.store.search.backfill import is_whole
from backscroll.store.search.candidates import CommonWords, admitted, groups, look_up, look_up_again
from backscroll.store.search.entries import OWNERS
from backscroll.store.search.hits import matching, read_hits, shown
from backscroll.store.search.index import owner_of
from backscroll.store.search.limits import Bounds, Limits
from backscroll.store.search.orders import Lookup, Step, orders
from backscroll.store.search.outline import Outline
from backscroll.store.search.quiet import quiet
from backscroll.store.search.scopes import scope_of
from backscroll.store.search.search_cursor import Cursor, key_of
from backscroll.store.search.search_request import SearchRequest
from backscroll.store.search.vectors import Meaning, Near, near

_CHUNK: Final = 25
BOUNDS: Final = Bounds()


class Statistics:
    """What a process remembers about the index between searches.

    The size of a partition is estimated again whenever the index has grown by a tenth.

    Args:
        file: the SQLite file that has the index; None for any other database.

    Attributes:
        file: the argument `file`.
        common: the words that are too common to look up.
        outline: the roles and times of rows.
    """

    MOST: Final = 1_000
    SAMPLED: Final = 32
    """About how many blocks of rows are read to estimate the number of messages in a partition."""

    def __init__(self, file: Identity | None = None) -> None:
        self.file = file
        self._known: dict[int, tuple[int, int, int]] = {}
        self.common = CommonWords()
        self.outline = Outline()

    def of(self, connection: Connection, limits: Limits) -> tuple[int, int]:
        """Return about how many messages a partition has, and their mean length times 100."""
        high, *known = self._known.get(limits.scope, (-1, 0, 0))
        if not high <= limits.high <= high + high // 10:
            sample = rows.sampled(connection, limits.high, self.SAMPLED)
            lengths = [each.length for each in sample if each.scope == limits.scope]
            share = len(lengths) / max(len(sample), 1)
            known = [round(limits.high * share), 100 * sum(lengths) // max(len(lengths), 1)]
            if len(self._known) >= self.MOST:
                self._known.clear()
            self._known[limits.scope] = (limits.high, known[0], known[1])
        return known[0], known[1]


def find(  # noqa: PLR0913, PLR0917 - two arguments have defaults
    connection: Connection,
    partition: str,
    search: SearchRequest,
    statistics: Statistics,
    bounds: Bounds = BOUNDS,
    meaning: Meaning | None = None,
) -> JSON:
    """Return a page of hits in a list envelope that also has a cursor and describes the search.

    Args:
        connection: a connection for reading.
        partition: the name of the partition to search.
        search: the request.
        statistics: what this process remembers between searches.
        bounds: how many rows and texts the search may read. If the page ends at such a bound before
            it is full, the page has a cursor.
        meaning: the meaning of the query; None to compare only words.

    Raises:
        ApiError: 404 for an unknown `thread_id`, 400 for the cursor of another search.
    """
    from backscroll_tools.search.ranking import weight
    from backscroll_tools.search.tokenizer import TOKENS_VERSION

    owner = None if search.thread_id is None else _owner(connection, partition, search.thread_id)
    identity = (TOKENS_VERSION, partition, *search.identity)
    words = tuple(groups(search))
    key = key_of(connection)
    cursor = None if search.after is None else Cursor.read(search.after, identity, key, len(words))
    scope = scope_of(connection, partition)
    newest = rows.newest(connection)
    # A partition without a number has no indexed messages. It gets -1, which no row has.
    limits = Limits(
        -1 if scope is None else scope,
        owner,
        newest if cursor is None else min(cursor.high, newest),
        bounds,
    )
    if cursor is None:
        found = look_up(connection, search, limits, words, statistics.common)
        messages, mean_length = statistics.of(connection, limits)
        cursor = Cursor(limits.high, messages, mean_length, found.having)
    else:
        found = look_up_again(connection, search, limits, words, cursor.having)
    weights = tuple(weight(cursor.messages, having) for having in cursor.having)
    outline, similar = statistics.outline, None
    if meaning is not None and found.rows:
        similar = _near(connection, search, limits, meaning, outline)
    lookup = Lookup(connection, partition, search, limits, words, weights, found, outline, similar)
    page = _Page([], None)
    for steps in orders(lookup, cursor):
        page = _hits(lookup, steps, cursor, page.looked_at)
        if page.hits or page.after is not None:
            break
    by_term = {word: weights[at] for at, group in enumerate(words) for word in group.words}
    data = [shown(search.query, hit, search.excerpt_chars, by_term) for hit in page.hits]
    after = page.after
    return list_envelope(data, has_more=after is not None) | {
        "next_cursor": None if after is None else after.encode(identity, key),
        "search": _description(lookup, page)
        | {"looked_at": page.looked_at, "complete": is_whole(connection)}
        | ({"left_out": page.left_out} if page.left_out else {})
        | ({"importing": list(search.importing)} if search.importing else {}),
    }


class _Page(Struct):
    """The hits of a page.

    Attributes:
        hits: the hits.
        after: the cursor of the next page; None if there is no next page.
        looked_at: how many texts were read.
        has_all: whether each hit has all words of the query.
        has_any: whether each hit has any word or literal of the query.
        left_out: how many hits were left out because their conversations are in use.
    """

    hits: list[JSON]
    after: Cursor | None
    looked_at: int = 0
    has_all: bool = True
    has_any: bool = True
    left_out: int = 0


def _hits(lookup: Lookup, steps: Iterator[Step], cursor: Cursor, looked_at: int) -> _Page:
    search = lookup.search
    page = _Page([], cursor, looked_at)
    in_use = quiet(lookup.connection, lookup.partition, search)
    chars = 0
    for chunk in _chunks(steps):
        data = lookup.read(row for row, _ in chunk if row is not None)
        texts = read_hits(lookup.connection, lookup.partition, data)
        for row, after in chunk:
            cursor = after
            if row is None:
                page.after = cursor
                return page
            page.looked_at += 1
            hit = texts.get(row)
            chars += 0 if hit is None else len(hit["indexed"])
            near = lookup.near is not None and row in lookup.near.rows
            words = (
                None if hit is None else matching(search.query, search.role, hit, by_meaning=near)
            )
            if hit is not None and words is not None and hit["thread_id"] in in_use:
                page.left_out += 1
            elif hit is not None and words is not None:
                if len(page.hits) == search.limit:
                    return page
                page.hits.append(hit)
                page.has_all &= len(words) == len(search.query.words)
                page.has_any &= bool(words) or bool(search.query.literals)
                page.after = after
            if chars >= lookup.limits.bounds.chars:
                page.after = after
                return page
        if page.looked_at >= lookup.limits.bounds.looked_at:
            page.after = cursor
            return page
    page.after = None
    return page


def _chunks(found: Iterator[Step]) -> Iterator[list[Step]]:
    while chunk := list(islice(found, _CHUNK)):
        yield chunk


def _description(lookup: Lookup, page: _Page) -> JSON:
    """Return which part of the query the hits match, and which words of it were ignored."""
    query = lookup.search.query
    if query.literals:
        matched = "literals"
    elif not lookup.found.rows:
        matched = "common_words"
    elif not page.has_any:
        matched = "meaning"
    else:
        matched = "all_words" if page.hits and page.has_all else "any_word"
    ignored = [
        word
        for at, group in enumerate(lookup.groups)
        if lookup.found.rows and at not in lookup.found.rows
        for word in group.words
    ]
    return {"matched": matched, "ignored": ignored, "cut": query.cut}


def _near(
    connection: Connection,
    search: SearchRequest,
    limits: Limits,
    meaning: Meaning,
    outline: Outline,
) -> Near:
    only = None
    if limits.owner is not None:
        only = terms.having(connection, limits.also, "all", limits.between)

    def allowed(ids: Collection[int]) -> Collection[int]:
        if search.role is None and search.since is None and search.until is None:
            return ids
        return admitted(connection, search, ids, outline)

    return near(connection, meaning, limits.scope, limits.high, only, allowed)


def _owner(connection: Connection, partition: str, thread_id: str) -> int:
    for kind, table in OWNERS.items():
        statement = select(table.c.position).where(
            table.c.partition == bindparam("within"),
            table.c.id == bindparam("thread_id"),
            table.c.deleted_at.is_(None),
        )
        bound = {"within": partition, "thread_id": thread_id}
        position = connection.scalar(statement, bound)
        if position is not None:
            return owner_of(kind, position)
    raise not_found("thread, conversation, chat completion or response", thread_id)
