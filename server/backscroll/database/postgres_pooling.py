"""Recognises connection poolers that Backscroll cannot use, such as PgBouncer in some modes.

Backscroll sets time limits and prepares statements in its session, so a session must have only one
client. With session pooling, each session has one client. With transaction pooling, clients share
sessions: they get each other's settings and statements, and the reply to a commit can be lost.
"""

import secrets
from typing import Any, Final

from backscroll.database.faults import StoreError
from backscroll.database.postgres_address import POOLING, Address, connect

_OWN: Final = "SELECT current_setting('backscroll.session', true)"


async def connect_checked(address: Address, statement_s: int, lock_s: float) -> Any:  # noqa: ANN401 - asyncpg has no types
    """Return a connection like `connect`, and check that its session has no other client.

    On connecting, PostgreSQL sends the id of its process, but a pooler sends a different id. If the
    id is that of the process, there is no pooler. Otherwise, this sets a value in the session, and
    opens a second connection. If the second connection sees the value, or the first one no longer
    sees it, clients share sessions.

    Raises:
        StoreError: a pooler shares sessions. `str()` is one line for the operator.
        DatabaseUnavailableError: as in `connect`.
    """
    connection = await connect(address, statement_s, lock_s)
    try:
        process = await connection.fetchval("SELECT pg_backend_pid()")
        is_shared = process != connection.get_server_pid() and await _is_shared(
            connection, address, statement_s, lock_s
        )
    except BaseException:
        connection.terminate()
        raise
    if is_shared:
        connection.terminate()
        raise StoreError(f"{address.name} {POOLING}")
    return connection


async def _is_shared(connection: Any, address: Address, statement_s: int, lock_s: float) -> bool:  # noqa: ANN401 - asyncpg has no types
    import asyncpg

    mark = secrets.token_hex()
    other = await connect(address, statement_s, lock_s)
    try:
        await connection.execute(f"SELECT set_config('backscroll.session', '{mark}', false)")
        # During this transaction, a pooler gives the session of `other` to no other client.
        async with other.transaction():
            if await other.fetchval(_OWN) == mark:
                # Do not query `connection`. The query could wait for the session that `other` has.
                return True
            return bool(await connection.fetchval(_OWN) != mark)
    except asyncpg.PostgresError:  # with statement pooling, a pooler refuses transactions
        return True
    finally:
        other.terminate()
