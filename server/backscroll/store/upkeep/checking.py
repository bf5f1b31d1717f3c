"""Checks the whole database for damage, in steps that delay no writer for long.

On SQLite, each row is read and its JSON is checked, and the pages of each table and its indexes are
checked. With a rollback journal, no commit is possible while something is read. So the check of a
table's pages then ends after `STRUCTURE_S`, and the report says which tables it did not finish.

On PostgreSQL, each block of the tables is read. If the extension `amcheck` is installed, the
indexes are checked too.
"""

import asyncio
import math
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from msgspec import Struct, field
from sqlalchemy import Connection

from backscroll.database import postgres_upkeep, sqlite_upkeep
from backscroll.database.faults import DatabaseFailedError
from backscroll.database.port import Database
from backscroll.store.pace import PAUSE_S, Pace
from backscroll.store.search.rows import is_postgres

STRUCTURE_S: Final = 1.0
"""The time limit for the check of a table's pages if it delays writers, in seconds."""
_ROWS: Final = 20_000

Advance: TypeAlias = Callable[[int], None]
Begin: TypeAlias = Callable[[str, int | None], Advance]
"""Begins a piece of work, given its name and amount; returns a function that reports progress."""


class Findings(Struct):
    """What a check found.

    Attributes:
        rows: how many rows or blocks were read.
        flaws: what is damaged, each on one line without data of the database.
        unchecked: what was not checked, and why, each on one line.
    """

    rows: int = 0
    flaws: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)


async def check(
    database: Database,
    begin: Begin,
    *,
    structure_s: float = STRUCTURE_S,
    pause_s: float = PAUSE_S,
) -> Findings:
    """Check the database, and return what was found.

    Args:
        database: the database.
        begin: shows progress.
        structure_s: the time limit for the check of a table's pages, in seconds, on SQLite with a
            rollback journal.
        pause_s: the pause between two steps, in seconds.

    Raises:
        NothingWrittenError: the database cannot be read for another reason than damage.
    """
    found = Findings()
    if await database.maintain(is_postgres):
        await _check_postgres(database, begin, found, pause_s)
        return found
    tables = await database.maintain(sqlite_upkeep.table_names)
    has_log = await database.maintain(sqlite_upkeep.has_log)
    limit_s = math.inf if has_log else structure_s
    for table in tables:
        advance = begin(f"checking {table}", None)
        try:
            await _check_table(database, table, limit_s, advance, found, pause_s)
        except DatabaseFailedError as error:
            if error.trouble != "damaged":
                raise
            found.flaws.append(f"{table}: {error.sentence}")
    return found


async def _check_table(  # noqa: PLR0913, PLR0917 - what `check` knows
    database: Database,
    table: str,
    limit_s: float,
    advance: Advance,
    found: Findings,
    pause_s: float,
) -> None:
    flaw = await database.maintain(
        lambda connection: sqlite_upkeep.structure_flaw(connection, table, limit_s)
    )
    if flaw:
        found.flaws.append(f"{table}: {flaw}")
    elif flaw is None:
        found.unchecked.append(f"the pages of {table}, which take longer than {limit_s:g} s")
    await asyncio.sleep(pause_s)
    # Rows that are written from now on are not read. Others may write faster than this reads.
    last = await database.maintain(partial(sqlite_upkeep.last_row, table=table))
    above: int | None = sqlite_upkeep.BEFORE_ALL
    pace = Pace(most=_ROWS)
    while last is not None and above is not None:
        walked = await database.maintain(partial(_walk, pace, table, above, last))
        if walked.flaw:
            found.flaws.append(walked.flaw)
        found.rows += walked.read
        advance(walked.read)
        above = walked.last
        await asyncio.sleep(pause_s)


def _walk(
    pace: Pace, table: str, above: int, last: int, connection: Connection
) -> sqlite_upkeep.Walked:
    with sqlite_upkeep.reading(connection):  # a wait for writers does not count as a slow step
        return pace.step(partial(sqlite_upkeep.walk, connection, table, above, last))


async def _check_postgres(
    database: Database, begin: Begin, found: Findings, pause_s: float
) -> None:
    has_amcheck = await database.maintain(postgres_upkeep.has_amcheck)
    if not has_amcheck:
        found.unchecked.append("indexes, because the extension amcheck is not installed")
    if failed := await database.maintain(postgres_upkeep.failed_checksums):
        found.flaws.append(f"{failed} blocks failed their checksum")
    for table in await database.maintain(postgres_upkeep.table_names):
        blocks = await database.maintain(partial(_blocks, table))
        advance = begin(f"checking {table}", blocks)
        try:
            for first in range(0, max(blocks, 1), postgres_upkeep.BLOCKS):
                await database.maintain(partial(_read_blocks, table, first))
                advance(postgres_upkeep.BLOCKS)
                await asyncio.sleep(pause_s)
            if has_amcheck:
                await database.maintain(partial(_check_indexes, table))
        except DatabaseFailedError as error:
            if error.trouble != "damaged":
                raise
            found.flaws.append(f"{table}: {error.sentence}")
        found.rows += blocks


def _blocks(table: str, connection: Connection) -> int:
    return postgres_upkeep.blocks(connection, table)


def _read_blocks(table: str, first: int, connection: Connection) -> None:
    postgres_upkeep.read_blocks(connection, table, first)


def _check_indexes(table: str, connection: Connection) -> None:
    postgres_upkeep.check_indexes(connection, table)
