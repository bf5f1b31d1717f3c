"""Stores the tokens of rows: on SQLite in an FTS5 table, on PostgreSQL as `postgres_terms` says.

SQL statements are text, because SQLAlchemy has no expressions for FTS5.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Final, Literal, TypeAlias

from sqlalchemy import Connection

from backscroll.database.deferred import defer, settle
from backscroll.database.driver import run_each
from backscroll.store.search import postgres_terms, rows, vectors
from backscroll.store.search.rows import Row, is_postgres

How: TypeAlias = Literal["all", "any"]

_ADD: Final = "INSERT INTO search_terms (rowid, terms) VALUES (?, ?)"
_REMOVE: Final = "INSERT INTO search_terms (search_terms, rowid, terms) VALUES ('delete', ?, ?)"
_CLEAR: Final = "INSERT INTO search_terms (search_terms) VALUES ('delete-all')"
_MERGE: Final = "INSERT INTO search_terms (search_terms, rank) VALUES ('merge', ?)"
_SCATTERED: Final = (
    "SELECT coalesce(max(pages) * 5 < sum(pages) * 4, 0) FROM"
    " (SELECT count(*) AS pages FROM search_terms_idx GROUP BY segid)"
)
_PAGES: Final = "SELECT count(*) FROM search_terms_idx"
_EXCEEDS: Final = "SELECT EXISTS (SELECT 1 FROM search_terms_idx LIMIT 1 OFFSET ?)"
_PARTS: Final = "SELECT count(DISTINCT segid) FROM search_terms_idx"
_HAVING: Final = (
    "SELECT group_concat(id) FROM (SELECT rowid AS id FROM search_terms"
    " WHERE search_terms MATCH ? AND rowid BETWEEN ? AND ? {} LIMIT ?)"
)
_ORDERS: Final = {"": "", "newest": "ORDER BY {} DESC", "oldest": "ORDER BY {} ASC"}

Order: TypeAlias = Literal["", "newest", "oldest"]

WINDOW: Final = 16_384
"""How many rows an ordered look-up on PostgreSQL considers first. If it needs more, it considers
eight times as many next."""
DEFERRED: Final = 2_000
"""On SQLite, rows are added at the end of a transaction, or as soon as this many are waiting."""
MERGED_PAGES: Final = 32
"""The maximum number of 4 KB pages that one merge step writes."""
_MERGED_TIMES: Final = 8
"""How often a page of the index is written at most until all segments are merged, as estimated."""


def add(connection: Connection, added: Iterable[tuple[Row, Sequence[str]]]) -> None:
    """Add rows and their tokens. The rows get ascending numbers.

    Args:
        connection: a connection in a write transaction.
        added: the rows and their tokens. Iterating over them must not use the connection.
    """
    if is_postgres(connection):
        postgres_terms.add(connection, added)
        return
    joined = ((row, " ".join(terms)) for row, terms in added)
    while chunk := list(islice(joined, DEFERRED)):
        if defer(connection, _add, chunk) >= DEFERRED:
            settle(connection)


def _add(connection: Connection, added: Sequence[tuple[Row, str]]) -> None:
    ids = rows.append(connection, [row for row, _ in added])
    pairs = [(row, terms) for row, (_, terms) in zip(ids, added, strict=True)]
    run_each(connection, _ADD, pairs)


def remove(connection: Connection, removed: Sequence[tuple[int, Sequence[str]]]) -> None:
    """Remove rows with their tokens.

    Args:
        connection: a connection in a write transaction.
        removed: the number of each row, and its tokens. They must be the tokens that were added
            with the row, because this is not checked.
    """
    if not removed:
        return
    if is_postgres(connection):
        postgres_terms.remove(connection, removed)
        return
    rows.remove(connection, [row for row, _ in removed])
    pairs = [(row, " ".join(terms)) for row, terms in removed]
    connection.exec_driver_sql(_REMOVE, pairs)


def replace(
    connection: Connection, row: int, data: Row, old: Sequence[str], new: Sequence[str]
) -> None:
    """Replace the tokens and the length of a row.

    Args:
        connection: a connection in a write transaction.
        row: the number of the row.
        data: the new data of the row.
        old: the tokens that the row has now.
        new: the new tokens of the row.
    """
    vectors.outdate(connection, row)
    if is_postgres(connection):
        postgres_terms.replace(connection, row, data, old, new)
    else:
        rows.replace(connection, {row: data})
        connection.exec_driver_sql(_REMOVE, (row, " ".join(old)))
        connection.exec_driver_sql(_ADD, (row, " ".join(new)))


def clear(connection: Connection) -> None:
    """Remove all rows with their tokens."""
    rows.clear(connection)
    if is_postgres(connection):
        postgres_terms.clear(connection)
    else:
        connection.exec_driver_sql(_CLEAR)


def look_up(
    connection: Connection,
    groups: Sequence[Sequence[str]],
    between: tuple[int, int],
    most: int,
    also: Sequence[str] = (),
) -> Iterable[list[int]]:
    """Return, for each group of tokens, rows that have all tokens of the group, in any order.

    Args:
        connection: a connection for reading.
        groups: the groups. Each has at least one token.
        between: the least and the greatest number that a row may have.
        most: the maximum number of rows to return for each group.
        also: further tokens. A row must have all of these.
    """
    if not is_postgres(connection):
        return (having(connection, group, "all", between, most, also=also) for group in groups)
    return postgres_terms.look_up(connection, groups, between, most, also)


def candidates(
    connection: Connection, owner: str, words: Sequence[str], between: tuple[int, int]
) -> list[int]:
    """Return rows among which are all that have the token of an owner and the tokens of words.

    On SQLite, only these are returned. On PostgreSQL, if these and others are few, all of them.

    Args:
        connection: a connection.
        owner: the token of the owner.
        words: the tokens of the words, the rarest last. If there are none, all rows of the owner
            are returned.
        between: the least and the greatest number that a row may have.
    """
    if is_postgres(connection):
        return postgres_terms.candidates(connection, owner, words, between)
    return having(connection, [owner], "all", between, also=words)


def having(  # noqa: PLR0913, PLR0917 - one argument for each part of the statement
    connection: Connection,
    terms: Iterable[str],
    how: How,
    between: tuple[int, int],
    most: int = 1 << 62,
    order: Order = "",
    also: Sequence[str] = (),
) -> list[int]:
    """Return the numbers of the rows that have all of the tokens, or any of them.

    Args:
        connection: a connection for reading.
        terms: the tokens; at least one.
        how: whether a row must have all of the tokens, or any of them.
        between: the least and the greatest number that a row may have.
        most: the maximum number of rows to return.
        order: the order of the rows. It also decides which rows are returned if there are more than
            `most`. By default, rows have no order.
        also: further tokens. A row must have all of these.
    """
    if is_postgres(connection):
        groups = [list(terms)] if how == "all" else [[term] for term in terms]
        if order:
            return list(islice(_ordered(connection, groups, between, order, also), most))
        return list(chain.from_iterable(look_up(connection, groups, between, most, also)))[:most]
    low, high = between
    match = f"({(' AND ' if how == 'all' else ' OR ').join(map(_quoted, terms))})"
    match = " AND ".join([match, *map(_quoted, also)])
    statement = _HAVING.format(_ORDERS[order].format("rowid"))
    joined = connection.exec_driver_sql(statement, (match, low, high, most)).scalar_one()
    return [] if joined is None else list(map(int, joined.split(",")))


def _ordered(
    connection: Connection,
    groups: Sequence[Sequence[str]],
    between: tuple[int, int],
    order: Order,
    also: Sequence[str],
) -> Iterator[int]:
    """Yield the rows that have all tokens of any of the groups, in order. Only for PostgreSQL."""
    low, high = between
    size = WINDOW
    while low <= high:
        first, last = (max(low, high - size + 1), high)
        if order == "oldest":
            first, last = low, min(high, low + size - 1)
        found = look_up(connection, groups, (first, last), size, also)
        yield from sorted(set(chain.from_iterable(found)), reverse=order == "newest")
        low, high = (last + 1, high) if order == "oldest" else (low, first - 1)
        size *= 8


def _quoted(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'


def merge(connection: Connection, *, everything: bool = False) -> bool:
    """Take one step of merging the segments of FTS5's index; return whether all steps are done.

    PostgreSQL needs no such steps.

    Args:
        connection: a connection in a write transaction.
        everything: whether to merge all segments into one. This also erases the tokens of removed
            rows.
    """
    if is_postgres(connection):
        return True
    if _merge(connection, MERGED_PAGES):
        return False
    # A negative number of pages starts a new merge of all segments, even if a merge is in progress.
    # So it is used only if no merge is in progress. Otherwise, if messages are written between the
    # steps, each step would start a new merge, and no merge would ever end. Each write adds a
    # segment, and if the index has 2,000 segments, FTS5 refuses all writes (SQLITE_FULL).
    return not (everything and _merge(connection, -MERGED_PAGES))


def _merge(connection: Connection, pages: int) -> bool:
    """Merge with FTS5's command, and return whether there was anything to merge."""
    before = _changes(connection)
    connection.exec_driver_sql(_MERGE, (pages,))
    # By FTS5's documentation, fewer than two changes mean that there was nothing to merge.
    return _changes(connection) - before >= 2  # noqa: PLR2004 - see above


def is_scattered(connection: Connection) -> bool:
    """Whether more than a fifth of FTS5's index is outside its largest segment.

    Such an index is larger than a single segment, and slower to read. PostgreSQL's index has no
    segments.
    """
    return not is_postgres(connection) and bool(connection.exec_driver_sql(_SCATTERED).scalar_one())


def parts(connection: Connection) -> int:
    """Return how many segments FTS5's index has; 1 on PostgreSQL, whose index has no segments."""
    return 1 if is_postgres(connection) else int(connection.exec_driver_sql(_PARTS).scalar_one())


def merge_steps(connection: Connection) -> int:
    """Return the maximum number of steps to spend on merging the index as it is now.

    Without a limit, a merge would not end while others add segments as fast as steps merge them.
    """
    if is_postgres(connection):
        return 1
    pages = int(connection.exec_driver_sql(_PAGES).scalar_one())
    return _MERGED_TIMES * (pages // MERGED_PAGES + 1) + parts(connection)


def takes_one_step(connection: Connection) -> bool:
    """Whether one merge step can rewrite the whole of FTS5's index. On PostgreSQL, always true."""
    if is_postgres(connection):
        return True
    return not connection.exec_driver_sql(_EXCEEDS, (MERGED_PAGES,)).scalar_one()


def forget(connection: Connection, steps: int) -> bool:
    """Erase the tokens of removed rows from FTS5's index. Return whether all are erased.

    FTS5 only marks a removed row. It drops the row's tokens when it merges the segments of the
    index that contain them. PostgreSQL needs no such steps, because it erases rows when it vacuums.

    Args:
        connection: a connection in a write transaction.
        steps: the maximum number of merge steps.
    """
    if is_postgres(connection):
        return True
    # FTS5 keeps the marks of removed rows in memory until the commit. A savepoint makes it write
    # them now.
    connection.exec_driver_sql("SAVEPOINT marks")
    connection.exec_driver_sql("RELEASE SAVEPOINT marks")
    return any(merge(connection, everything=True) for _ in range(steps))


def _changes(connection: Connection) -> int:
    changes: int = connection.exec_driver_sql("SELECT total_changes()").scalar_one()
    return changes
