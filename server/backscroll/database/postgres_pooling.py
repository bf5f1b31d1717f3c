"""Recognises a connection pooler that Backscroll cannot use, such as PgBouncer per transaction.

Backscroll sets time limits for its session and prepares statements, so a session must have one
client. With session pooling it does; with transaction pooling, one client's settings and
statements reach another, and a commit can be lost without an answer.
"""

import secrets
from typing import Any, Final

from backscroll.database.faults import StoreError
from backscroll.database.postgres_address import POOLING, Address, connect

_OWN: Final = "SELECT current_setting('backscroll.session', true)"


async def connect_checked(address: Address, statement_s: int, lock_s: float) -> Any:  # noqa: ANN401 - asyncpg has no types
    """Return a connection like `connect`, after checking that its session has no other client.

    PostgreSQL itself is recognised by the id of its process, which a pooler replaces: then nothing
    more is checked. Otherwise a second connection looks for a setting of the first one's session.

    Raises:
        StoreError: a pooler shares sessions; one line for the operator.
        DatabaseUnavailableError: as in `connect`.
    """
    connection = await connect(address, statement_s, lock_s)
    process = await connection.fetchval("SELECT pg_backend_pid()")
    if process != connection.get_server_pid() and await _is_shared(
        connection, address, statement_s, lock_s
    ):
        connection.terminate()
        raise StoreError(f"{address.name} {POOLING}")
    return connection


async def _is_shared(connection: Any, address: Address, statement_s: int, lock_s: float) -> bool:  # noqa: ANN401 - asyncpg has no types
    import asyncpg

    mark = secrets.token_hex()
    other = await connect(address, statement_s, lock_s)
    try:
        await connection.execute(f"SELECT set_config('backscroll.session', '{mark}', false)")
        async with other.transaction():  # keeps its session, so that the first gets another one
            if await other.fetchval(_OWN) == mark:
                return True  # asked first: the first connection may wait for this very session
            return bool(await connection.fetchval(_OWN) != mark)
    except asyncpg.PostgresError:  # with statement pooling, the pooler refuses a transaction
        return True
    finally:
        other.terminate()
