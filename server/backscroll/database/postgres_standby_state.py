"""Finds out whether reads can come from a standby, and if not, what keeps them from it."""

from datetime import datetime
from functools import partial
from typing import Final, Literal, NamedTuple, TypeAlias

import anyio
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from backscroll.database.port import Database
from backscroll.database.postgres import PostgresDatabase
from backscroll.database.postgres_address import Address
from backscroll.database.postgres_standby import (
    Position,
    has_replayed,
    open_standby,
    position_of,
)
from backscroll.database.schema import version_table

_POLL_S: Final = 0.1

Obstacle: TypeAlias = Literal[
    "primary",
    "writable",
    "other cluster",
    "other database",
    "unpromoted",
    "paused",
    "behind",
    "tables",
]
"""What keeps reads from a standby. `primary`: it is the primary itself. `writable`: it is no
standby. `other cluster`: it is not a copy of the primary. `other database`: it is a copy, but its
address names another database. `unpromoted`: it did not follow the last promotion. `paused`: it is
behind, because its operator has paused it. `behind`: it is behind for another reason. `tables`: the
tables cannot be read there."""

# A standby is a copy of the primary's files. So it has the same system identifier, and the same
# numbers for databases.
_identity: Final = text(
    "SELECT CAST(system_identifier AS text), current_database(), CAST(oid AS text), "
    "pg_is_in_recovery(), pg_postmaster_start_time(), current_setting('server_version') "
    "FROM pg_control_system(), pg_database WHERE datname = current_database()"
)
_progress: Final = text(
    "SELECT min_recovery_end_timeline, pg_is_wal_replay_paused(), "
    "CAST(pg_wal_lsn_diff(CAST(CAST(:at AS text) AS pg_lsn), pg_last_wal_replay_lsn()) AS bigint), "
    "CAST(extract(epoch FROM now() - pg_last_xact_replay_timestamp()) AS float) "
    "FROM pg_control_recovery()"
)


class _Identity(NamedTuple):
    cluster: str
    database: str
    number: str
    is_standby: bool
    started_at: datetime
    release: str


class StandbyState(Struct, frozen=True):
    """A standby in comparison with its primary.

    Attributes:
        release: its version of PostgreSQL.
        database: the name of its database.
        obstacle: what keeps reads from it; None if reads can come from it.
        behind_bytes: how much of the primary's log it has not replayed; 0 if not known.
        behind_s: the time since the newest commit that it has replayed, in seconds; 0 if not known.
    """

    release: str
    database: str
    obstacle: Obstacle | None = None
    behind_bytes: int = 0
    behind_s: float = 0.0


async def standby_state(address: Address, primary: Database, catch_up_s: float) -> StandbyState:
    """Compare a standby with its primary. Nothing is written to either.

    Args:
        address: the address of the standby.
        primary: the open database of the primary.
        catch_up_s: how long the standby may take to replay what the primary has committed, in
            seconds.

    Raises:
        StoreError: as in `open_standby`.
        NothingWrittenError: one of the servers does not respond.
        DBAPIError: the standby does not show its state.
    """
    standby = await open_standby(address, catch_up_s)
    try:
        return await _compared(standby, primary, catch_up_s)
    finally:
        with anyio.CancelScope(shield=True):
            await standby.close()


async def _compared(
    standby: PostgresDatabase, primary: Database, catch_up_s: float
) -> StandbyState:
    ours = await primary.read(_identity_of)
    theirs = await standby.read(_identity_of)
    obstacle: Obstacle | None = None
    if theirs.started_at == ours.started_at:
        obstacle = "primary"
    elif theirs.cluster != ours.cluster:
        obstacle = "other cluster"
    elif not theirs.is_standby:
        obstacle = "writable"
    elif theirs.number != ours.number:
        obstacle = "other database"
    state = StandbyState(theirs.release, theirs.database, obstacle)
    position = await primary.read(position_of)
    if obstacle is not None or position is None:
        return state
    ends_at = anyio.current_time() + catch_up_s
    while not await standby.read(partial(has_replayed, position)):
        if anyio.current_time() >= ends_at:
            return await standby.read(partial(why_behind, state, position))
        await anyio.sleep(_POLL_S)
    return await _with_tables(standby, primary, state)


def _identity_of(connection: Connection) -> _Identity:
    return _Identity(*connection.execute(_identity).one())


def why_behind(state: StandbyState, position: Position, connection: Connection) -> StandbyState:
    """Return why the standby has not replayed the log up to the position."""
    row = connection.execute(_progress, {"at": position[0]}).one()
    timeline, is_paused, behind_bytes, behind_s = row
    obstacle: Obstacle = "paused" if is_paused else "behind"
    if timeline < position[1]:
        obstacle = "unpromoted"
    return replace(
        state,
        obstacle=obstacle,
        behind_bytes=max(0, behind_bytes or 0),
        behind_s=behind_s or 0.0,
    )


async def _with_tables(
    standby: PostgresDatabase, primary: Database, state: StandbyState
) -> StandbyState:
    """Return the state of a standby that has replayed enough; compare its tables' version."""
    try:
        theirs = await standby.read(_schema_of)
    except DBAPIError:
        return replace(state, obstacle="tables")
    same = theirs == await primary.read(_schema_of)
    return state if same else replace(state, obstacle="tables")


def _schema_of(connection: Connection) -> int:
    version: int = connection.execute(select(version_table.c.version)).scalar_one()
    return version
