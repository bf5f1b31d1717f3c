"""Pools of connections to PostgreSQL, for SQLAlchemy."""

from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from msgspec import Struct
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from backscroll.database.json_text import dump_json, load_json
from backscroll.database.postgres_address import Address
from backscroll.database.postgres_connecting import connect
from backscroll.database.postgres_session import Session

if TYPE_CHECKING:
    from sqlalchemy import Connection

POOL_WAIT_S: Final = 10.0

Isolation = Literal["READ COMMITTED", "AUTOCOMMIT"]


class Pools(Struct, frozen=True):
    """What all pools of connections to one database have in common.

    Attributes:
        address: the database to connect to.
        pooled: whether a pooler may give a session to several clients.
        wait_s: the maximum wait for a free connection, in seconds.
    """

    address: Address
    pooled: bool
    wait_s: float = POOL_WAIT_S

    def engine(self, session: Session, isolation: Isolation, size: int) -> AsyncEngine:
        """Return a pool of connections, which opens them when they are needed.

        Args:
            session: the settings of each session; or behind a pooler, of each transaction.
            isolation: `AUTOCOMMIT` if each statement is to run in its own transaction. Behind a
                pooler, all statements of one piece of work share one, which is READ COMMITTED.
            size: the maximum number of connections.
        """
        engine = create_async_engine(
            "postgresql+asyncpg://",  # without the address, so that SQLAlchemy sees no password
            isolation_level="READ COMMITTED" if self.pooled else isolation,
            pool_size=size,
            max_overflow=0,
            pool_timeout=self.wait_s,
            hide_parameters=True,  # logged errors must not contain message text
            json_serializer=dump_json,
            json_deserializer=load_json,
        )
        creator = partial(connect, self.address, session, names_statements=not self.pooled)
        options: dict[str, Any] = {"async_creator_fn": creator}
        if self.pooled:
            # An unnamed statement is replaced by the next one, so none is left in a session.
            options["prepared_statement_cache_size"] = 0
            options["prepared_statement_name_func"] = _unnamed

        def opened(*given: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event has four
            given[3].clear()
            given[3].update(options)

        def begun(connection: "Connection") -> None:
            connection.exec_driver_sql(session.settings(local=True))

        event.listen(engine.sync_engine, "do_connect", opened)
        if self.pooled:
            event.listen(engine.sync_engine, "begin", begun)
        return engine


async def connection_from(engine: AsyncEngine) -> AsyncConnection:
    """Return a connection from a pool. The caller must close it.

    Raises:
        ConnectionError: the connection was lost while SQLAlchemy prepared it. SQLAlchemy does not
            convert asyncpg's error then.
        DBAPIError: the connection was lost.
        PoolTimeoutError: no connection became free in time.
        DatabaseUnavailableError: as in `connect`.
    """
    import asyncpg

    try:
        return await engine.connect()
    except asyncpg.InterfaceError as error:
        raise ConnectionError("the connection was lost") from error


def _unnamed() -> str:
    return ""
