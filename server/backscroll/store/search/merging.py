"""Merges the segments of FTS5's index in the background, so that searches read few segments.

Each transaction that indexes messages adds a segment. A merge into one segment rewrites the whole
index. During an import, this would be repeated many times, so the merge waits until no messages are
being added. If messages are added all the time, only segments of similar size are merged, each time
after `Merging.busy_rows` new rows.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection

from backscroll.database.faults import CommitUnknownError, NothingWrittenError
from backscroll.database.port import Database
from backscroll.store.pace import PAUSE_S
from backscroll.store.search import rows, terms
from backscroll.store.search.packing import pack

MERGED_ROWS: Final = 64
"""How many rows must be added after a call of `merge` before a check calls it again. The check also
waits until no more rows are being added."""
BUSY_ROWS: Final = 100_000
"""The default of `Merging.busy_rows`."""

_log: Final = logging.getLogger(__name__)


class Merging(Struct):
    """Decides at each check which segments of the index to merge.

    Attributes:
        busy_rows: if rows are added all the time, segments are merged after this many new rows.
        newest: the number of the newest row at the previous check.
        merged: the number of the newest row when `merge` was last called.
        tidied: the number of the newest row when any segments were last merged.
    """

    busy_rows: int = BUSY_ROWS
    newest: int = 0
    merged: int = 0
    tidied: int = 0

    async def check(self, database: Database, pause_s: float = PAUSE_S) -> None:
        """Merge segments of the index if that is due.

        Args:
            database: the database.
            pause_s: the pause between two transactions, in seconds.
        """
        try:
            newest = await database.read(rows.newest)
            is_idle, self.newest = newest == self.newest, newest
            if is_idle and abs(newest - self.merged) >= MERGED_ROWS:
                await merge(database, pause_s)
                self.merged = self.tidied = newest
            elif abs(newest - self.tidied) >= self.busy_rows:
                await _merge(database, terms.merge, pause_s)
                self.tidied = newest
        except (NothingWrittenError, CommitUnknownError) as error:  # the next check may succeed
            _log.warning("the search index is not merged yet: %s", error)


async def merge(database: Database, pause_s: float = PAUSE_S) -> None:
    """Merge the segments of FTS5's index in small steps, or pack the rows of PostgreSQL's index.

    If more than a fifth of the index is outside the largest segment, all segments are merged into
    one segment.

    Args:
        database: the database.
        pause_s: the pause between two transactions, in seconds.

    Raises:
        OperatorError: as in `Database.write`. The next merge continues.
    """
    if await database.read(rows.is_postgres):
        await pack(database)
        return
    await _merge(database, terms.merge, pause_s)
    if await database.read(terms.is_scattered):
        await _merge(database, partial(terms.merge, everything=True), pause_s)


async def _merge(database: Database, step: Callable[[Connection], bool], pause_s: float) -> None:
    for _ in range(await database.read(terms.merge_steps)):
        if await database.write(step):
            return
        await asyncio.sleep(pause_s)
