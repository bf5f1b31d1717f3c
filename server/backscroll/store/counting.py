"""Counts, in the background, the messages of conversations that an older version wrote.

Schema 6 added the number of messages to the row of a conversation. It is null until this module
counts it. Each transaction counts the messages of only one conversation, because other writes wait
until the transaction ends.
"""

import asyncio
import logging
from functools import partial
from typing import Final

from sqlalchemy import Connection, bindparam, func, select, update

from backscroll.database.compressed_json import uncompressed
from backscroll.database.faults import CommitUnknownError, NothingWrittenError
from backscroll.database.port import Database
from backscroll.database.schema import conversations, items
from backscroll.store.pace import PAUSE_S

AGAIN_S: Final = 5.0
"""The pause before another attempt if the database could not be written, in seconds."""

_FOUND: Final = 1_000
"""How many conversations are looked up at a time."""

_log: Final = logging.getLogger(__name__)
_uncounted: Final = (
    select(conversations.c.position)
    .where(
        conversations.c.message_count.is_(None),
        conversations.c.deleted_at.is_(None),
        conversations.c.position > bindparam("above"),
    )
    .order_by(conversations.c.position)
    .limit(_FOUND)
)
_this: Final = conversations.c.position == bindparam("row")
_lock: Final = select(conversations.c.message_count).where(_this).with_for_update()
_count: Final = (
    select(func.count())
    .where(
        items.c.conversation == bindparam("row"),
        items.c.deleted_at.is_(None),
        uncompressed(items.c.body)["type"].as_string() == "message",
    )
    .scalar_subquery()
)
_set: Final = (
    update(conversations)
    .where(_this, conversations.c.message_count.is_(None))
    .values(message_count=_count)
)


async def count_messages(
    database: Database, pause_s: float = PAUSE_S, again_s: float = AGAIN_S
) -> None:
    """Count the messages of all conversations that were not counted yet.

    Args:
        database: the database.
        pause_s: the pause between two transactions, in seconds.
        again_s: the pause before another attempt if the database could not be written, in seconds.
    """
    above = 0
    while True:
        try:
            found = await database.read(partial(_after, above), large=True)
            if not found:
                return
            for position in found:
                await database.write(partial(_count_one, position))
                above = position
                await asyncio.sleep(pause_s)
        except (NothingWrittenError, CommitUnknownError) as error:
            _log.warning("the messages of older conversations are not counted yet: %s", error)
            await asyncio.sleep(again_s)


def _after(above: int, connection: Connection) -> list[int]:
    return list(connection.scalars(_uncounted, {"above": above}))


def _count_one(row: int, connection: Connection) -> None:
    connection.execute(_lock, {"row": row})
    connection.execute(_set, {"row": row})
