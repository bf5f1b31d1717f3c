"""Reads from a standby of PostgreSQL, where that shows what the primary would show.

Before each read, the primary is asked for the position of its write-ahead log. The standby is used
only if it has replayed the log up to there. So a read sees everything that was committed before the
read began, by any caller of any replica. If the standby is behind, or a read needs the primary
itself, the primary is read. The same happens for a while if the standby fails or does not answer.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeAlias, TypeVar

import anyio
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from backscroll.database.faults import NothingWrittenError, StoreError
from backscroll.database.locks import OF_STANDBY, PrimaryNeededError, sqlstate
from backscroll.database.port import Work
from backscroll.database.postgres import PostgresDatabase
from backscroll.database.postgres_address import Address
from backscroll.database.postgres_engine import Pools
from backscroll.database.postgres_opening import READERS, SESSION
from backscroll.database.postgres_pooling import is_pooled

CHECK_S: Final = 1.0
"""The maximum time in which the standby must say how far it is, in seconds. This includes the time
to connect, and the wait for a free connection."""

REST_S: Final = 10.0
"""How long a standby that failed is not used, in seconds."""

Position: TypeAlias = tuple[str, int]
"""A position in the write-ahead log, and its timeline, which changes when a standby is promoted."""

# The first eight digits of a file's name are its timeline (PostgreSQL's documentation, "WAL
# Internals"). A standby that did not follow a promotion may be ahead of the new primary, in a log
# that is no longer valid.
_position: Final = text(
    "SELECT CAST(at AS text), left(pg_walfile_name(at), 8) FROM "
    "(SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_flush_lsn() END) AS log (at)"
)
_has_replayed: Final = text(
    "SELECT pg_is_in_recovery() AND min_recovery_end_timeline = :timeline "
    "AND pg_last_wal_replay_lsn() >= CAST(CAST(:at AS text) AS pg_lsn) FROM pg_control_recovery()"
)

_log: Final = logging.getLogger(__name__)
T = TypeVar("T")


class _BehindError(Exception):
    """The standby has not replayed enough of the log."""


class StandbyReading:
    """A database whose reads come from a standby, where possible. `Database` documents its methods.

    Args:
        standby: the address of the standby. It need not be reachable.
        primary: the open database. Writes, and all other reads, go there.
        check_s: see `CHECK_S`.
        rest_s: see `REST_S`.
    """

    def __init__(
        self,
        standby: Address,
        primary: PostgresDatabase,
        *,
        check_s: float = CHECK_S,
        rest_s: float = REST_S,
    ) -> None:
        self._primary = primary
        self._address = standby
        self._check_s = check_s
        self._rest_s = rest_s
        self._rests_until = 0.0
        self._opening = asyncio.Lock()
        self._standby: PostgresDatabase | None = None
        # What `Database` needs besides:
        self.write = primary.write
        self.require_writable = primary.require_writable
        self.check = primary.check
        self.truncate_log = primary.truncate_log
        self.maintain = primary.maintain

    async def read(self, work: Work[T], *, large: bool = False) -> T:
        """Run `work` on the standby, or on the primary."""
        now = asyncio.get_running_loop().time
        if now() < self._rests_until:
            return await self._primary.read(work, large=large)
        position = await self._primary.read(position_of)
        if position is None:
            return await self._primary.read(work, large=large)
        is_ahead = asyncio.Event()
        try:
            return await self._read(work, position, is_ahead)
        except (_BehindError, PrimaryNeededError):
            pass
        except (NothingWrittenError, StoreError, DBAPIError, PoolTimeoutError, OSError) as error:
            # Once the standby has answered, the work may be the cause. Then the primary fails too.
            if not is_ahead.is_set() or not isinstance(error, DBAPIError):
                self._rests_until = now() + self._rest_s
                code = f"SQLSTATE {sqlstate(error)}" if isinstance(error, DBAPIError) else error
                _log.warning("the standby is not read for %g s: %s", self._rest_s, code)
        return await self._primary.read(work, large=large)

    async def _read(self, work: Work[T], position: Position, is_ahead: asyncio.Event) -> T:
        """Run `work` on the standby. Set `is_ahead` once it has reached the position.

        Raises:
            _BehindError: the standby has not reached the position.
            PrimaryNeededError: only the primary can do `work`.
            TimeoutError: the standby did not say in time whether it has.
            StoreError: the standby cannot be used.
            NothingWrittenError: as in `Database.read`.
        """

        def checked(connection: Connection) -> T:
            if not has_replayed(position, connection):
                raise _BehindError
            is_ahead.set()
            connection.info[OF_STANDBY] = True
            return work(connection)

        async def read() -> T:
            return await (await self._opened()).read(checked)

        checked.__qualname__ = getattr(work, "__qualname__", type(work).__name__)  # for traces
        reading = asyncio.create_task(read())
        waiting = asyncio.create_task(is_ahead.wait())
        try:
            either = {reading, waiting}
            await asyncio.wait(either, timeout=self._check_s, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done() and not is_ahead.is_set():
                raise TimeoutError(f"it did not answer within {self._check_s:g} s")
            return await reading
        finally:
            waiting.cancel()
            reading.cancel()
            await asyncio.gather(waiting, reading, return_exceptions=True)

    async def _opened(self) -> PostgresDatabase:
        async with self._opening:
            if self._standby is None:
                self._standby = await open_standby(self._address, self._check_s)
            return self._standby

    async def close(self) -> None:
        """Close the connections to the standby. Those to the primary are closed by its opener."""
        if self._standby is not None:
            await self._standby.close()


async def open_standby(address: Address, wait_s: float) -> PostgresDatabase:
    """Return a database for reads from a standby. The caller must close it.

    Args:
        address: the address of the standby.
        wait_s: the maximum wait of a read for a free connection, in seconds.

    Raises:
        StoreError: the standby is behind a pooler that allows no transactions.
        DatabaseUnavailableError: the standby cannot be connected to.
    """
    pooled = await is_pooled(address, SESSION)
    engine = Pools(address, pooled=pooled, wait_s=wait_s).engine(SESSION, "AUTOCOMMIT", READERS)
    return PostgresDatabase(engine, engine)


@asynccontextmanager
async def reading_from(
    standby: Address,
    primary: PostgresDatabase,
    *,
    check_s: float = CHECK_S,
    rest_s: float = REST_S,
) -> AsyncIterator[StandbyReading]:
    """Read from a standby until exit. The arguments are those of `StandbyReading`."""
    database = StandbyReading(standby, primary, check_s=check_s, rest_s=rest_s)
    try:
        yield database
    finally:
        with anyio.CancelScope(shield=True):
            await database.close()


def position_of(connection: Connection) -> Position | None:
    """Return how far a server's log is, or None if the server became a standby."""
    at, timeline = connection.execute(_position).one()
    return None if at is None else (at, int(timeline, 16))


def has_replayed(position: Position, connection: Connection) -> bool:
    """Return whether a server is a standby that has replayed the log up to a position."""
    at, timeline = position
    return bool(connection.scalar(_has_replayed, {"at": at, "timeline": timeline}))
