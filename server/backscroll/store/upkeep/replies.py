"""Removes idempotency keys with their replies, once a day has surely passed since they were stored.

Each write with a key also removes a few (`backscroll.store.idempotency`). This removes them where
nobody writes any more, or where many are left over.
"""

import asyncio
from functools import partial
from typing import Final

from sqlalchemy import Connection, Integer, bindparam, delete, select, tuple_

from backscroll.database.port import Database
from backscroll.database.schema import idempotency
from backscroll.store.idempotency import KEPT_S
from backscroll.store.pace import PAUSE_S, Pace
from backscroll.store.retention import ELAPSED_MS, RetentionClock, gone_before_ms

_any: Final = select(idempotency.c.key).limit(1)
_oldest: Final = (
    select(idempotency.c.scope, idempotency.c.key)
    .where(idempotency.c.kept_since_ms < ELAPSED_MS - gone_before_ms(KEPT_S))
    .order_by(idempotency.c.kept_since_ms)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
)
_purge: Final = delete(idempotency).where(
    tuple_(idempotency.c.scope, idempotency.c.key).in_(_oldest)
)


async def purge_replies(
    database: Database, retention: RetentionClock, pause_s: float = PAUSE_S
) -> int:
    """Remove all keys that need not be kept any longer, in small steps. Return how many there were.

    Args:
        database: the database.
        retention: counts how long keys have been kept.
        pause_s: the pause between two transactions, in seconds.
    """
    if await database.read(lambda connection: connection.execute(_any).first()) is None:
        return 0  # so that an idle store writes nothing
    await database.write(retention.count)
    pace, purged, found = Pace(), 0, -1
    while found:
        found = await database.write(partial(_step, pace))
        purged += found
        await asyncio.sleep(pause_s)
    return purged


def _step(pace: Pace, connection: Connection) -> int:
    def remove(most: int) -> int:
        return connection.execute(_purge, {"most": most}).rowcount

    return pace.step(remove)
