"""Opens the archive of a store, without the endpoints, whose import takes longer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from backscroll.database.locks import LOCK_S
from backscroll.database.opening import open_database
from backscroll.database.port import Database
from backscroll.store.archive.archive import Archive
from backscroll.store.clock import Clock
from backscroll.store.counting import count_messages
from backscroll.store.search import backfill
from backscroll.store.search.tool_indexing import ToolIndexingDatabase

_CLOCK: Final = Clock()


@asynccontextmanager
async def open_archive(
    database: str, clock: Clock = _CLOCK, lock_s: float = LOCK_S, *, indexes_tools: bool = False
) -> AsyncIterator[Archive]:
    """Open the archive of the store in a database, and close it on exit.

    The arguments and errors are those of `app.open_store`.
    """
    async with (
        opened_database(database, lock_s, indexes_tools=indexes_tools) as opened,
        kept_whole(opened, indexes_tools=indexes_tools),
    ):
        yield Archive(opened, clock)


@asynccontextmanager
async def opened_database(
    database: str, lock_s: float, *, indexes_tools: bool, standby: str = ""
) -> AsyncIterator[Database]:
    """Open the database of a store, and close it on exit. The arguments are those of `open_store`.

    Raises:
        StoreError: the database cannot be used.
    """
    async with open_database(database, "store", lock_s, standby=standby) as raw:
        yield ToolIndexingDatabase(raw) if indexes_tools else raw


@asynccontextmanager
async def kept_whole(database: Database, *, indexes_tools: bool) -> AsyncIterator[None]:
    """While open, index and count in the background what older versions have not.

    Args:
        database: the open database.
        indexes_tools: as in `open_store`.
    """
    filling = [
        asyncio.create_task(backfill.keep_whole(database, with_tools=indexes_tools)),
        asyncio.create_task(count_messages(database)),
    ]
    try:
        yield
    finally:
        for task in filling:
            await backfill.stop(task)
