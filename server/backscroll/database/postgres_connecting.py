"""Connects to a server of PostgreSQL, or to the one of several that can be used.

Like libpq, asyncpg also reads `PGPASSWORD` and `~/.pgpass`, and obeys `sslmode`.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from backscroll.database.faults import DatabaseUnavailableError
from backscroll.database.postgres_address import Address, why_refused
from backscroll.database.postgres_session import Session

CONNECT_S: Final = 10.0
NEXT_SERVER_S: Final = 0.5
"""The time after which the next server is also tried, in seconds. A machine that has failed may not
even refuse a connection."""

_SILENCE_S: Final = 10
"""If a server does not respond within this many seconds after a statement's time limit, it counts
as unreachable."""

_NO_PRIMARY: Final = (
    "names no server that target_session_attrs allows; by default, it must name one that is not a "
    "standby"
)
_IS_WRITABLE: Final = "SELECT WHERE current_setting('transaction_read_only') = 'off'"
NO_ROWS: Final = "SELECT 0"
"""What `execute` returns if a `SELECT` had no rows."""


async def connect(
    address: Address,
    session: Session,
    *,
    names_statements: bool = True,
    connect_s: float = CONNECT_S,
    next_server_s: float = NEXT_SERVER_S,
) -> Any:  # noqa: ANN401 - asyncpg has no types
    """Return a connection that acknowledges a commit only once it is on the server's disk.

    The servers of the address are tried in their order. Behind a pooler, which gives one session to
    several clients, the session is left as it is: see `postgres_pooling`.

    Args:
        address: the database to connect to.
        session: the settings of the connection's session.
        names_statements: whether asyncpg may keep prepared statements in the session.
        connect_s: the maximum time in which one server must respond, in seconds.
        next_server_s: the time after which the next server is also tried, in seconds.

    Raises:
        DatabaseUnavailableError: no server exists, responds in time and accepts the connection;
            `str()` is one line for the operator, about the last server that was tried.
    """
    cached = {} if names_statements else {"statement_cache_size": 0}
    attempts = [
        partial(_connect, address, url, session, connect_s, cached) for url in address.servers
    ]
    return await _first(attempts, next_server_s)


def in_own_session(connection: Any) -> str:  # noqa: ANN401 - asyncpg has no types
    """Return a condition that is true unless a pooler gives the session to several clients.

    On connecting, PostgreSQL sends the id of its process. A pooler sends an id of its own, because
    each of its clients needs one to cancel its statements.
    """
    return f"WHERE pg_backend_pid() = {connection.get_server_pid()}"


async def _first(attempts: Sequence[Callable[[], Awaitable[Any]]], next_s: float) -> Any:  # noqa: ANN401 - asyncpg has no types
    """Return the result of the first attempt that succeeds, or raise the last one's error."""
    waiting, running, failed = list(attempts), set[asyncio.Future[Any]](), list[BaseException]()
    succeeded: list[Any] = []
    try:
        while (waiting or running) and not succeeded:
            if waiting:
                running.add(asyncio.ensure_future(waiting.pop(0)()))
            ended, running = await asyncio.wait(
                running,
                timeout=next_s if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for each in ended:
                error = each.exception()
                if error is None:
                    succeeded.append(each.result())
                else:
                    failed.append(error)
    except BaseException:
        await _end(running, succeeded)
        raise
    await _end(running, succeeded[1:])
    if not succeeded:
        raise failed[-1]
    return succeeded[0]


async def _end(running: set[asyncio.Future[Any]], connections: Sequence[Any]) -> None:
    """Cancel attempts, and close connections that nobody needs."""
    for task in running:
        task.cancel()
    outcomes = await asyncio.gather(*running, return_exceptions=True)
    for each in (*connections, *outcomes):
        if not isinstance(each, BaseException):
            each.terminate()


async def _connect(
    address: Address, url: str, session: Session, connect_s: float, cached: Mapping[str, int]
) -> Any:  # noqa: ANN401 - asyncpg has no types
    """Return a connection to one server, with the settings of the session."""
    import asyncpg

    try:
        connection = await asyncpg.connect(
            url,
            timeout=connect_s,
            command_timeout=session.statement_s + _SILENCE_S,
            server_settings={"application_name": "backscroll"},
            **cached,
        )
        try:
            async with asyncio.timeout(connect_s):
                return await _prepared(connection, address, session)
        except BaseException:
            connection.terminate()
            raise
    except asyncpg.PostgresError as error:
        raise DatabaseUnavailableError(why_refused(address, error.sqlstate)) from None
    except TimeoutError:
        line = f"{address.name} did not respond within {connect_s:.0f} seconds"
        raise DatabaseUnavailableError(line) from None
    except OSError as error:
        line = f"{address.name} cannot be reached: {_reason(error)}"
        raise DatabaseUnavailableError(line) from None
    except asyncpg.TargetServerAttributeNotMatched:
        raise DatabaseUnavailableError(f"{address.name} {_NO_PRIMARY}") from None
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, ValueError) as error:
        # Show only the type of the error, because its message may quote the URL.
        line = f"{address.name} cannot be used: its parameters are invalid ({type(error).__name__})"
        raise DatabaseUnavailableError(line) from None


async def _prepared(connection: Any, address: Address, session: Session) -> Any:  # noqa: ANN401 - asyncpg has no types
    # `execute` sends a statement in one message. Prepared, it could be parsed in one session of a
    # pooler and run in another.
    if address.needs_primary and await connection.execute(_IS_WRITABLE) == NO_ROWS:
        raise DatabaseUnavailableError(f"{address.name} {_NO_PRIMARY}")
    await connection.execute(f"{session.settings(local=False)} {in_own_session(connection)}")
    return connection


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason})"
    if isinstance(error, socket.gaierror):
        return "no such host"
    return os.strerror(error.errno) if error.errno else str(error)
