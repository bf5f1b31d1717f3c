"""Does in the background, while a store is open, what it needs now and then."""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from sqlalchemy import Connection, select

from backscroll.database.faults import CommitUnknownError, NothingWrittenError
from backscroll.database.port import Database
from backscroll.database.upkeep_schema import erasing
from backscroll.store.archive.erasing import erase_all
from backscroll.store.retention import RetentionClock
from backscroll.store.upkeep.expiry import DaysOf, expire
from backscroll.store.upkeep.replies import purge_replies

ROUND_S: Final = 600.0
"""The pause between two rounds, in seconds."""
AGAIN_S: Final = 60.0
"""The pause after a round that failed, in seconds."""

_log: Final = logging.getLogger(__name__)
_any: Final = select(erasing.c.position).limit(1)


async def keep_up(  # noqa: PLR0913 - tests choose the pauses
    database: Database,
    retention: RetentionClock,
    days_of: DaysOf | None = None,
    *,
    round_s: float = ROUND_S,
    again_s: float = AGAIN_S,
    wanted: asyncio.Event | None = None,
) -> None:
    """Until cancelled, finish erasing, remove old idempotency keys, and erase what is too old.

    Args:
        database: the database.
        retention: measures time.
        days_of: how long each partition keeps what is in it; None if all keep it for ever.
        round_s: the pause between two rounds, in seconds.
        again_s: the pause after a round that failed, in seconds.
        wanted: is set to begin a round without a pause; None if nothing ends the pauses.
    """
    wanted = wanted or asyncio.Event()
    while True:
        wanted.clear()
        pause_s = round_s
        try:
            await finish_erasing(database)
            await purge_replies(database, retention)
            if days_of is not None:
                await expire(database, retention, days_of)
        except (NothingWrittenError, CommitUnknownError) as error:
            pause_s = again_s
            _log.warning("upkeep tries again in %g s: %s", again_s, error)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await wanted.wait()


async def finish_erasing(database: Database) -> None:
    """Erase what a process that ended has not erased whole."""
    if await database.read(_is_unfinished):
        await erase_all(database)


def _is_unfinished(connection: Connection) -> bool:
    return connection.execute(_any).first() is not None
