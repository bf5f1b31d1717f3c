"""Everything that a store needs now and then, in one go: what `backscroll maintain` does.

The database is checked first. If it is damaged, nothing else is done, because every write could
make it worse.
"""

import asyncio
from functools import partial
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import Connection

from backscroll.database import postgres_upkeep, sqlite_upkeep
from backscroll.database.port import Database
from backscroll.store.clock import Clock
from backscroll.store.pace import PAUSE_S
from backscroll.store.retention import RetentionClock
from backscroll.store.search import backfill, merging, terms
from backscroll.store.search.rows import is_postgres
from backscroll.store.upkeep.checking import Begin, Findings, check
from backscroll.store.upkeep.expiry import DaysOf, Expired, expire
from backscroll.store.upkeep.keeping import finish_erasing
from backscroll.store.upkeep.replies import purge_replies


class Size(NamedTuple):
    """The size of a database in bytes.

    Attributes:
        whole: the whole size: of SQLite's file, or of PostgreSQL's tables with their indexes.
        free: how much of it is free; None on PostgreSQL, which does not say.
        parts: of how many parts the search index consists; on PostgreSQL always 1.
    """

    whole: int
    free: int | None
    parts: int


class Report(Struct):
    """What was done, and what was found.

    Attributes:
        found: the result of the check.
        before: the size before.
        after: the size after.
        expired: what was erased, because it was older than it is kept; None if everything is kept.
        purged: how many idempotency keys were removed.
        tables: how many tables were analysed, and on PostgreSQL also vacuumed.
    """

    found: Findings
    before: Size
    after: Size
    expired: Expired | None = None
    purged: int = 0
    tables: int = 0


async def maintain(  # noqa: PLR0913 - what the operator chose
    database: Database,
    begin: Begin,
    *,
    days_of: DaysOf | None = None,
    trusts_clock: bool = False,
    compacts: bool = False,
    clock: Clock | None = None,
    pause_s: float = PAUSE_S,
) -> Report:
    """Check the database, and do everything that it needs now and then.

    Other processes may read and write meanwhile. On SQLite, each step takes about as long as a
    write; only `compacts` locks them out.

    Args:
        database: the database.
        begin: shows progress.
        days_of: how long each partition keeps what is in it; None if all keep it for ever.
        trusts_clock: as in `expire`.
        compacts: whether to write SQLite's file again without free pages.
        clock: the process's clocks.
        pause_s: the pause between two steps, in seconds.

    Raises:
        DatabaseBusyError: the database stayed locked; or it is to be compacted, and another
            process uses it.
        OperatorError: any other error of `Database.write` and `Database.maintain`.
    """
    before = await database.maintain(_size)
    found = await check(database, begin, pause_s=pause_s)
    report = Report(found, before, before)
    if found.flaws:
        return report
    begin("erasing", None)
    await finish_erasing(database)
    retention = RetentionClock((clock or Clock()).monotonic)
    if days_of is not None:
        report.expired = await expire(
            database, retention, days_of, at_once=True, trusts_clock=trusts_clock, pause_s=pause_s
        )
    report.purged = await purge_replies(database, retention, pause_s)
    begin("merging the search index", None)
    await backfill.fill(database, pause_s)
    await merging.merge(database, pause_s)
    report.tables = await _analyse(database, begin, pause_s)
    if compacts:
        begin("compacting", None)
        await database.maintain(sqlite_upkeep.compact)
    await database.truncate_log()
    report.after = await database.maintain(_size)
    return report


async def _analyse(database: Database, begin: Begin, pause_s: float) -> int:
    """Update the planner's statistics of all tables; on PostgreSQL, also vacuum them."""
    vacuums = await database.maintain(is_postgres)
    upkeep = postgres_upkeep if vacuums else sqlite_upkeep
    tables = await database.maintain(upkeep.table_names)
    if not vacuums:  # FTS5 reads its own tables in one way only
        tables = [table for table in tables if not table.startswith("search_terms")]
    advance = begin("vacuuming" if vacuums else "analysing", len(tables))
    for table in tables:
        if vacuums:
            await database.maintain(partial(_vacuum, table))
        else:
            await database.write(partial(_analyse_one, table))
        advance(1)
        await asyncio.sleep(pause_s)
    return len(tables)


def _vacuum(table: str, connection: Connection) -> None:
    postgres_upkeep.vacuum(connection, table)


def _analyse_one(table: str, connection: Connection) -> None:
    sqlite_upkeep.analyse(connection, table)


def _size(connection: Connection) -> Size:
    parts = terms.parts(connection)
    if is_postgres(connection):
        return Size(postgres_upkeep.size(connection), None, parts)
    return Size(*sqlite_upkeep.sizes(connection), parts)
