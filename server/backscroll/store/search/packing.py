"""Moves the rows of PostgreSQL's index to compressed blocks and pages, in the background.

A row in `search_rows` takes eight times as much space as in a block and in pages, and a look-up of
a common word reads many rows there. So the rows are moved in ranges of `PACKED` rows, once all rows
of the range are committed. Then pages are merged into pages of larger ranges, so that a look-up
reads few of them. If more rows are waiting, after an import for example, they are moved to pages of
a larger range at once. Finally, the hashes of removed rows are erased from the pages.

Other processes may do the same at the same time. They take turns.
"""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection

from backscroll.database.faults import CommitUnknownError, NothingWrittenError
from backscroll.database.locks import writers_of
from backscroll.database.port import Database
from backscroll.store.pace import PAUSE_S
from backscroll.store.search import moving, rows
from backscroll.store.search.freeing import Packed, vacuum, write_anew
from backscroll.store.search.rewriting import erase_removed, merge_some

PACKED: Final = 8_192
"""The default of `Packing.packed`."""
MERGED: Final = (65_536, 524_288)
"""The default of `Packing.merged`."""
ATTEMPTS: Final = 100
"""The default of the argument `attempts` of `pack`."""
FAILURES: Final = 4
"""How many attempts of `pack` may fail, because a server is busy for example."""
POSTINGS: Final = 1_000_000
"""The default of `Packing.postings`."""
_VACUUMED: Final = 256
"""After the pages of this many buckets are merged, the table is vacuumed."""
BLOATED_BYTES: Final = 8_388_608
"""The default of `Packing.bloated_bytes`."""

_log: Final = logging.getLogger(__name__)

_LAST: Final = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM search_rows_id_seq"


class Packing(Struct):
    """Moves rows at each check, if there are enough.

    Rows get their numbers before they are committed. A check notes the last number, and which
    transactions are writing. Once these have ended, no row with that number or a lower one can be
    committed any more.

    Attributes:
        packed: the least number of rows that are moved at a time; a multiple of `rows.BLOCK`.
        merged: the numbers of rows of merged pages. Each is a multiple of `packed` and of the
            number before it. The first is also the greatest number of rows that are moved at a
            time.
        postings: once the rows to move have as many tokens together, no more than the next multiple
            of `packed` are moved at that time, which bounds the memory.
        bloated_bytes: if few rows are left in `search_rows` after a move, and it is larger than
            this, it is written anew.
        final: no more rows are committed with this number or a lower one.
        is_tidy: whether pages were merged, and a bloated table was written anew, since rows were
            last moved or this process started.
        is_contended: whether rows changed while many of them were to be moved. Then only `packed`
            rows are moved at a time, up to the end of a merged page's range.
        noted: the last number, and the transactions that were writing then.
        vacuums: whether the space of moved rows and merged pages is made usable again at once. If
            that takes too long, autovacuum does it.
    """

    packed: int = PACKED
    merged: Sequence[int] = MERGED
    postings: int = POSTINGS
    bloated_bytes: int = BLOATED_BYTES
    final: int = 0
    is_tidy: bool = False
    is_contended: bool = False
    noted: tuple[int, frozenset[str]] | None = None
    vacuums: bool = True

    async def check(self, database: Database, pause_s: float = PAUSE_S) -> None:
        """Do what is due, as `work` does. If the database fails, the next check goes on."""
        try:
            await self.work(database, pause_s)
        except (NothingWrittenError, CommitUnknownError) as error:
            _log.warning("the search index is not packed yet: %s", error)

    async def work(self, database: Database, pause_s: float = PAUSE_S) -> None:
        """Move rows, merge pages and erase removed rows, if that is due.

        Args:
            database: a database on PostgreSQL.
            pause_s: the pause between two transactions, in seconds.

        Raises:
            OperatorError: as in `Database.write`. What was done before is kept.
        """
        await self._note(database)
        while await self._move(database, pause_s):
            await self._merge_all(database, pause_s)
        await erase_removed(database, pause_s)
        if not self.is_tidy:
            await self._merge_all(database, pause_s)
            await database.write(self._shrink)
            self.is_tidy = self.vacuums = True

    async def _note(self, database: Database) -> None:
        if await database.read(rows.newest) <= self.final:
            return
        # A standby, which a read may ask, knows neither the last number nor who is writing.
        last, writers = await database.write(_last)
        noted, writing = self.noted or (last, writers)
        self.noted = noted, writing & writers
        if not writing & writers:
            self.final, self.noted = noted, None

    async def _move(self, database: Database, pause_s: float) -> bool:
        """Move as many rows as a merged page has, and return whether there were any to move."""
        moved = 0
        while moved < self.merged[0] and (count := await self._move_next(database)):
            moved += count
            await asyncio.sleep(pause_s)
        if moved:
            await self._vacuum(database, "search_rows")
        return moved > 0

    async def _move_next(self, database: Database) -> int:
        """Move the next rows, and return how many numbers their range has; 0 if it has too few."""
        found = await database.read(self._next)
        if found is None:
            return 0
        made = await asyncio.to_thread(moving.pages_of, found)
        self.is_tidy = False
        if not await database.write(partial(moving.move, found=found, made=made)):
            self.is_contended = True
        elif found.last % self.merged[0] == 0:
            self.is_contended = False
        return found.last - found.after

    def _next(self, connection: Connection) -> moving.Range | None:
        most = self.packed if self.is_contended else self.merged[0]
        return moving.next_range(connection, self.final, self.packed, most, self.postings)

    async def _merge_all(self, database: Database, pause_s: float) -> None:
        for size in self.merged:
            await self._merge(database, size, pause_s)

    async def _merge(self, database: Database, size: int, pause_s: float) -> None:
        first = vacuumed = 0
        while (following := await merge_some(database, size, first)) is not None:
            first = following
            # If the space of merged pages is not free soon, the table becomes twice as large.
            if first - vacuumed >= _VACUUMED:
                await self._vacuum(database, "search_pages")
                vacuumed = first
            await asyncio.sleep(pause_s)

    def _shrink(self, connection: Connection) -> None:
        if rows.newest(connection) - rows.packed(connection) < 2 * PACKED:
            write_anew(connection, self.bloated_bytes)

    async def _vacuum(self, database: Database, table: Packed) -> None:
        if self.vacuums:
            self.vacuums = await vacuum(database, table)


async def pack(
    database: Database, packing: Packing | None = None, attempts: int = ATTEMPTS
) -> None:
    """Move all rows that can be moved, and merge and erase, without waiting for a next check.

    Args:
        database: a database on PostgreSQL.
        packing: how to move them.
        attempts: the maximum number of attempts. More than one are needed while other transactions
            are writing. At most `FAILURES` of them may fail.

    Raises:
        OperatorError: as in `Database.write`.
    """
    packing = packing or Packing()
    last = await database.read(rows.newest)
    failures = 0
    for _ in range(attempts):
        try:
            await packing.work(database, 0)
        except (NothingWrittenError, CommitUnknownError):
            failures += 1
            if failures > FAILURES:
                raise
        else:
            if packing.final >= last:
                return
        await asyncio.sleep(PAUSE_S)


def _last(connection: Connection) -> tuple[int, frozenset[str]]:
    # The number must be read first: a transaction that begins to write later gets a later number.
    last: int = connection.exec_driver_sql(_LAST).scalar_one()
    return last, writers_of(connection, "search_rows")
