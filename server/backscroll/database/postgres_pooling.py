"""Recognises a connection pooler, such as PgBouncer, between Backscroll and PostgreSQL.

With transaction pooling, a client has a session only during a transaction. So behind any pooler,
every statement runs in a transaction, which sets its own time limits, and no prepared statement is
kept (PgBouncer's documentation, `pool_mode` and `max_prepared_statements`). With statement pooling,
there are no transactions, so that Backscroll cannot be used.
"""

from typing import Any

from backscroll.database.faults import DatabaseUnavailableError, StoreError
from backscroll.database.postgres_address import POOLING, Address
from backscroll.database.postgres_connecting import NO_ROWS, connect, in_own_session
from backscroll.database.postgres_session import Session


async def is_pooled(address: Address, session: Session) -> bool:
    """Return whether there is a pooler that may give a session to several clients.

    Raises:
        StoreError: the pooler allows no transactions. `str()` is one line for the operator.
        DatabaseUnavailableError: as in `connect`.
    """
    import asyncpg

    connection = await connect(address, session)
    try:
        if await connection.execute(f"SELECT {in_own_session(connection)}") != NO_ROWS:
            return False
        await _begin(connection)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        # If a pooler closes the connection, the cause is what it reported before.
        if isinstance(error.__cause__ or error, asyncpg.ProtocolViolationError):
            raise StoreError(f"{address.name} {POOLING}") from None
        raise DatabaseUnavailableError(f"{address.name} closed the connection") from None
    finally:
        connection.terminate()
    return True


async def _begin(connection: Any) -> None:  # noqa: ANN401 - asyncpg has no types
    async with connection.transaction():
        await connection.execute("SELECT 1")
