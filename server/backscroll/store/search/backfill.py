"""Indexes, in the background, the messages that were written before there was an index.

Owners are threads, conversations, completions and responses. Each kind is indexed from the newest
owner to the oldest. Other writes wait for each transaction, so a transaction indexes at most
`CHUNK` messages and about `CHUNK_CHARS` characters. The table `search_pending` records the
progress, so that a process continues where the previous process stopped. If several processes do
this at once, no message is indexed twice.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, bindparam, delete, select, update

from backscroll.database.faults import CommitUnknownError, NothingWrittenError
from backscroll.database.locks import take_turns
from backscroll.database.port import Database
from backscroll.database.search_schema import search_pending
from backscroll.database.sqlite_file import Identity, opened_file
from backscroll.store.pace import PAUSE_S
from backscroll.store.search import index, pending, rows
from backscroll.store.search.entries import CHUNK, OWNERS, entries
from backscroll.store.search.merging import Merging
from backscroll.store.search.packing import Packing
from backscroll.store.search.texts import Entry

AGAIN_S: Final = 5.0
"""The pause before another attempt if the database could not be written, in seconds."""
CHUNK_CHARS: Final = 1_000_000
"""The maximum number of characters to index in one transaction, rounded up to a whole message."""

WATCH_S: Final = 5.0
"""The pause between two checks for missing or removed messages, in seconds."""

_log: Final = logging.getLogger(__name__)
_pending: Final = (
    select(search_pending.c.kind, search_pending.c.below)
    .where(search_pending.c.kind <= pending.ERASING)
    .order_by(search_pending.c.kind)
)
_done: Final = delete(search_pending).where(search_pending.c.kind == bindparam("of"))
_goes_on: Final = (
    update(search_pending)
    .where(search_pending.c.kind == bindparam("of"), search_pending.c.below > bindparam("at"))
    .values(below=bindparam("at"))
)


async def keep_whole(
    database: Database, *, with_tools: bool = False, watch_s: float = WATCH_S
) -> None:
    """Until cancelled, index missing messages, erase removed ones, and merge the index's segments.

    Args:
        database: the database.
        with_tools: whether to also index stored messages that have only text of tools.
        watch_s: the pause between two checks for missing or removed messages, in seconds.
    """
    upkeep: Packing | Merging | None = None
    while True:
        if with_tools:
            with suppress(NothingWrittenError, CommitUnknownError):  # the next check tries again
                await database.write(pending.add_tools)
                with_tools = False
        await fill(database)
        with suppress(NothingWrittenError):  # the next check tries again
            upkeep = upkeep or await _upkeep_of(database)
            await upkeep.check(database)
        await asyncio.sleep(watch_s)


async def fill(
    database: Database, pause_s: float = PAUSE_S, chunk_chars: int = CHUNK_CHARS
) -> None:
    """Index missing messages and erase removed ones, and return when all are done.

    Args:
        database: the database.
        pause_s: the pause between two transactions, in seconds.
        chunk_chars: the maximum number of characters to index in one transaction, rounded up to a
            whole message.
    """
    filling = _Filling(chunk_chars)
    while True:
        wait_s = pause_s
        try:
            if filling.outdated is None:
                filling = replace(filling, outdated=await database.read(_is_of_other_version))
            if not filling.outdated and not await database.read(_has_pending):
                return
            filling = await database.write(filling.step)
        except (NothingWrittenError, CommitUnknownError) as error:
            _log.warning("the search index is not complete yet: %s", error)
            filling, wait_s = _Filling(chunk_chars), AGAIN_S
        await asyncio.sleep(wait_s)


async def _upkeep_of(database: Database) -> Packing | Merging:
    return Packing() if await database.read(rows.is_postgres) else Merging()


async def stop(task: "asyncio.Task[None]") -> None:
    """Cancel a background task, and wait until it has ended."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def is_whole(connection: Connection) -> bool:
    """Whether every message of the database is indexed."""
    return all(kind == pending.ERASING for kind, _ in connection.execute(_pending))


def _has_pending(connection: Connection) -> bool:
    """Whether any message is still to be indexed, or any removed row to be erased."""
    return connection.execute(_pending).first() is not None


class _Filling(Struct, frozen=True):
    """The progress of completing the index.

    The database may run a step again, so a step does not change this object. It returns a new one.

    Attributes:
        chunk_chars: the maximum number of characters of a chunk, rounded up to a whole message.
        owner: identifies the owner whose messages are being indexed, by the SQLite file that
            contains it (None on PostgreSQL), its kind and its position.
        above: the position of the owner's last message that was indexed.
        known: the positions of the owner's messages that the steps so far have found in the index.
        newest: the greatest row number of the messages in `known`; 0 if `known` is empty. The next
            step looks for messages only in rows with greater numbers.
        most: the maximum number of messages to read for the next chunk. It decreases if messages
            are long, and then increases again up to `CHUNK`.
        outdated: whether another tokenizer version made tokens in the index; None until checked.
    """

    chunk_chars: int
    owner: tuple[Identity | None, int, int] | None = None
    above: int = -1
    known: frozenset[int] = frozenset()
    newest: int = 0
    most: int = CHUNK
    outdated: bool | None = None

    def step(self, connection: Connection) -> "_Filling":
        """Empty the index if its tokens are outdated. Then index one chunk, or erase removed rows.

        Returns:
            The progress after the step.
        """
        take_turns(connection, "search index")
        if self.outdated and _is_of_other_version(connection):
            pending.start_over(connection)
        filling: _Filling = self
        first = connection.execute(_pending).first()
        if first is not None and first.kind != pending.ERASING:
            filling = self._index(connection, first.kind, first.below)
        elif first is not None:
            pending.erase_step(connection)
        return replace(filling, outdated=False)

    def _index(self, connection: Connection, kind: int, below: int) -> "_Filling":
        table = OWNERS[kind]
        newest = (
            select(table.c.position, table.c.partition)
            .where(table.c.position < below, table.c.deleted_at.is_(None))
            .order_by(table.c.position.desc())
            .limit(1)
            .with_for_update()
        )
        found = connection.execute(newest).one_or_none()
        if found is None:
            connection.execute(_done, {"of": kind})
            return self
        current = opened_file(connection.info), kind, found.position
        filling: _Filling = self
        if self.owner != current:
            filling = replace(self, owner=current, above=-1, known=frozenset(), newest=0)
        owner = index.owner_of(kind, found.position)
        filling, is_done = _index_chunk(connection, found.partition, owner, filling)
        if is_done:
            connection.execute(_goes_on, {"of": kind, "at": found.position})
            # If the index starts over now, the next step indexes this owner again.
            filling = replace(filling, owner=None)
        return filling


def _index_chunk(
    connection: Connection, partition: str, owner: int, filling: _Filling
) -> tuple[_Filling, bool]:
    """Index an owner's next chunk. Return the progress, and whether it was the last chunk."""
    read = entries(connection, owner, filling.above, filling.most)
    chunk = _within(read, filling.chunk_chars)
    most = len(chunk) if len(chunk) < len(read) else min(2 * filling.most, CHUNK)
    is_done = len(chunk) == len(read) < filling.most
    filling = replace(filling, most=most)
    if not chunk:
        return filling, is_done
    indexed = index.rows_of(connection, owner, filling.newest)
    known = filling.known | indexed.keys()
    missing = [each for each in chunk if each.position not in known]
    index.add(connection, partition, owner, missing)
    newest = max(indexed.values(), default=filling.newest)
    return replace(filling, above=chunk[-1].position, known=known, newest=newest), is_done


def _within(found: Sequence[Entry], chars: int) -> Sequence[Entry]:
    """Return the first messages, until their total length exceeds `chars` characters.

    The message that makes it exceed `chars` is included.
    """
    lengths = accumulate(len(each.text) for each in found)
    count = sum(length <= chars for length in lengths)
    return found[: count + 1]


def _is_of_other_version(connection: Connection) -> bool:
    """Whether another tokenizer version made the tokens of the oldest or of the newest row."""
    versions = rows.versions(connection)
    if not versions:
        return False
    from backscroll_tools.search.tokenizer import TOKENS_VERSION

    return versions != {TOKENS_VERSION}
