"""The list of threads and conversations by last activity: an extension of OpenAI's API.

`GET /threads?sort=activity` takes `limit`, `order`, `after`, and the times `since` and `until`
(Unix seconds; `until` is exclusive). `include[]=conversations` adds conversations to the list. Each
object has a `cursor`, which encodes its position in the list. Clients should send a cursor as
`after`, not an id, because an object may have moved in the list since its id was returned.

A client that reads all pages with these cursors gets every thread: exactly once if the thread does
not change in the meantime, at least once if the thread becomes active in the meantime. In ascending
order this is simple, because activity moves a thread towards the end of the list. In descending
order, a cursor also has the time of the latest activity when the first page was read. The pages go
from that time to the oldest thread. After that they list, in ascending order, the threads that have
become active since the first page was read.

On PostgreSQL, a transaction may commit after the first page was read, although its activity time is
earlier than the time in the cursor. The list would then omit its thread. So the first page of a
descending list waits for the transactions that are writing when it is requested, for at most
`WAITS` pauses of `PAUSE_S` seconds.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    ScalarSelect,
    Select,
    Table,
    bindparam,
    select,
    tuple_,
)
from starlette.datastructures import QueryParams

from backscroll.database.locks import writers_of
from backscroll.database.port import Database
from backscroll.database.schema import conversations, threads
from backscroll.store.activity import latest_activity
from backscroll.store.activity_query import (
    END,
    ActivityQuery,
    Cursor,
    SortKey,
    read_activity_query,
    read_cursor,
)
from backscroll.store.api_errors import not_found
from backscroll.store.conversation_object import listed_conversation
from backscroll.store.envelopes import JSON
from backscroll.store.first_words import first_words, of_conversation, of_thread
from backscroll.store.thread_object import listed_thread

WAITS: Final = 50
"""The maximum number of pauses in which the first page waits for transactions."""

PAUSE_S: Final = 0.005
"""The length of each pause, in seconds."""


class _Kind(NamedTuple):
    """A kind of object in the list, and the statements that read its rows."""

    table: Table
    listed: Callable[[JSON], JSON]
    ascending: Select[Any]
    descending: Select[Any]
    one: Select[Any]


def _kind(table: Table, start: ScalarSelect[str], listed: Callable[[JSON], JSON]) -> _Kind:
    rows = select(table, start.label("start")).where(
        table.c.partition == bindparam("within"), table.c.deleted_at.is_(None)
    )
    key = tuple_(table.c.last_active_us, table.c.position)
    edge = tuple_(
        bindparam("edge_us", type_=BigInteger), bindparam("edge_position", type_=BigInteger)
    )
    far = bindparam("far_us", type_=BigInteger)
    fetched = bindparam("fetched", type_=Integer)
    above = rows.where(key > edge, table.c.last_active_us < far)
    below = rows.where(key < edge, table.c.last_active_us >= far)
    return _Kind(
        table,
        listed,
        above.order_by(table.c.last_active_us, table.c.position).limit(fetched),
        below.order_by(table.c.last_active_us.desc(), table.c.position.desc()).limit(fetched),
        rows.where(table.c.position == bindparam("row")),
    )


_KINDS: Final = {
    "t": _kind(threads, of_thread, listed_thread),
    "c": _kind(conversations, of_conversation, listed_conversation),
}


async def page_by_activity(
    database: Database, partition: str, params: QueryParams
) -> tuple[list[JSON], bool]:
    """Return the objects of a page, and whether more objects follow.

    Args:
        database: the database.
        partition: the partition whose threads are listed.
        params: the query string.

    Raises:
        ApiError: 400 for a value that is not allowed, 404 for an unknown `after`.
    """
    query = read_activity_query(params)
    begins = query.page.order == "desc" and query.page.after is None and query.at is None
    top = await _settled_top(database, partition) if begins else None
    listed, has_more = await database.read(
        lambda connection: _Reading(connection, partition, query).rows(top)
    )
    words = await first_words(
        database,
        [(_KINDS[key.kind].table, key.position, row["start"]) for (key, _), row in listed],
    )
    return [_object(*each, first) for each, first in zip(listed, words, strict=True)], has_more


async def _settled_top(database: Database, partition: str) -> int:
    """Return the time of the latest activity, after waiting for open transactions.

    The activity time of an open transaction may be earlier than the returned time. Without the
    wait, the list could omit the thread that this transaction writes.
    """
    top, writers = await database.read(partial(_look, partition))
    for _ in range(WAITS):
        if not writers:
            break
        await asyncio.sleep(PAUSE_S)
        writers &= await database.read(_writers)
    return top


def _look(partition: str, connection: Connection) -> tuple[int, frozenset[str]]:
    # The time must be read first: a transaction that starts after this read gets a later time.
    return _top(connection, partition), _writers(connection)


def _top(connection: Connection, partition: str) -> int:
    return connection.execute(latest_activity, {"within": partition}).scalar_one()


def _writers(connection: Connection) -> frozenset[str]:
    return writers_of(connection, threads.name, conversations.name)


class _Reading(Struct, frozen=True):
    """Reads one page in one transaction."""

    connection: Connection
    partition: str
    query: ActivityQuery

    def rows(self, top: int | None) -> tuple[list[tuple[Cursor, JSON]], bool]:
        """Return the rows of the page with their cursors, and whether more rows follow.

        Args:
            top: for the first page in descending order, the time of the latest activity; for any
                other page, None.
        """
        if self.query.at is not None:
            return self._one(self.query.at), False
        start: SortKey | None = None
        if self.query.page.after is not None:
            start, top = self._start(self.query.page.after)
        wanted = self.query.page.limit + 1
        if self.query.page.order == "asc":
            top, found = None, self._above(start or SortKey(0, "", 0), wanted)
        else:
            top = _top(self.connection, self.partition) if top is None else top
            newest = SortKey(top, "t", END)
            start = start or newest
            found = self._below(start, wanted) if start <= newest else []
            if len(found) < wanted:
                found += self._above(max(start, newest), wanted - len(found))
        shown = found[: self.query.page.limit]
        return [(Cursor(key, top), row) for key, row in shown], len(found) == wanted

    def _start(self, after: str) -> tuple[SortKey, int | None]:
        """Return the sort key of `after`, and its `top`, which is None if `after` is an id.

        Raises:
            ApiError: 404 if `after` is neither a cursor nor the id of a thread or conversation.
        """
        cursor = read_cursor(after)
        if cursor is not None:
            return cursor
        kind = "c" if after.startswith("conv") else "t"
        rows = _KINDS[kind].table.c
        found = self.connection.execute(
            select(rows.last_active_us, rows.position).where(
                rows.partition == self.partition, rows.id == after
            )
        ).one_or_none()
        if found is None:
            raise not_found("conversation" if kind == "c" else "thread", after)
        return SortKey(found.last_active_us, kind, found.position), None

    def _above(self, edge: SortKey, count: int) -> list[tuple[SortKey, JSON]]:
        """Return up to `count` rows after `edge`, in ascending order."""
        edge = max(edge, SortKey(self.query.since_us, "", 0))
        found: list[tuple[SortKey, JSON]] = []
        for kind in self.query.kinds:
            found += self._rows(kind, _KINDS[kind].ascending, edge, self.query.until_us, count)
        return sorted(found, key=lambda each: each[0])[:count]

    def _below(self, edge: SortKey, count: int) -> list[tuple[SortKey, JSON]]:
        """Return up to `count` rows before `edge`, in descending order."""
        edge = min(edge, SortKey(self.query.until_us, "", 0))
        found: list[tuple[SortKey, JSON]] = []
        for kind in self.query.kinds:
            found += self._rows(kind, _KINDS[kind].descending, edge, self.query.since_us, count)
        return sorted(found, key=lambda each: each[0], reverse=True)[:count]

    def _rows(
        self, kind: str, statement: Select[Any], edge: SortKey, far_us: int, count: int
    ) -> list[tuple[SortKey, JSON]]:
        # Among objects with the same time, all conversations come before all threads.
        position = edge.position if kind == edge.kind else 0 if kind > edge.kind else END
        bound = {
            "within": self.partition,
            "edge_us": edge.us,
            "edge_position": position,
            "far_us": far_us,
            "fetched": count,
        }
        rows = [row._asdict() for row in self.connection.execute(statement, bound)]
        return [(SortKey(row["last_active_us"], kind, row["position"]), row) for row in rows]

    def _one(self, cursor: Cursor) -> list[tuple[Cursor, JSON]]:
        """Return the cursor's row, even if it has moved; an empty list if it was deleted."""
        bound = {"within": self.partition, "row": cursor.key.position}
        rows = self.connection.execute(_KINDS[cursor.key.kind].one, bound)
        return [(cursor, row._asdict()) for row in rows]


def _object(cursor: Cursor, row: JSON, words: str) -> JSON:
    listed = _KINDS[cursor.key.kind].listed(row)
    return {**listed, "first_words": words, "cursor": str(cursor)}
