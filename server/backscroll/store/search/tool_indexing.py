"""A database whose writes also index the calls and outputs of tools (`BACKSCROLL_INDEX=all`)."""

from typing import Final, TypeVar

from msgspec import Struct
from sqlalchemy import Connection

from backscroll.database.port import Database, Work

T = TypeVar("T")
_OPTION: Final = "backscroll_indexes_tools"


def indexes_tools(connection: Connection) -> bool:
    """Whether the transaction of a connection indexes the text of tools in messages."""
    return bool(connection.get_execution_options().get(_OPTION))


class ToolIndexingDatabase(Struct, frozen=True):
    """A database whose writes index the text of messages and also the text of tools in them.

    Attributes:
        database: the database that does the work.
    """

    database: Database

    async def read(self, work: Work[T], *, large: bool = False) -> T:
        """Run `work` like `Database.read`."""
        return await self.database.read(work, large=large)

    async def write(self, work: Work[T], turn: str = "") -> T:
        """Run `work` like `Database.write`."""

        def marked(connection: Connection) -> T:
            # An engine may use the same connection for other writes, so the option is reset.
            connection.execution_options(**{_OPTION: True})
            try:
                return work(connection)
            finally:
                connection.execution_options(**{_OPTION: False})

        marked.__qualname__ = getattr(work, "__qualname__", type(work).__name__)  # for traces
        return await self.database.write(marked, turn)

    async def require_writable(self) -> None:
        """Check like `Database.require_writable`."""
        await self.database.require_writable()

    async def check(self) -> None:
        """Check like `Database.check`."""
        await self.database.check()

    async def truncate_log(self) -> bool:
        """Empty the log like `Database.truncate_log`."""
        return await self.database.truncate_log()

    async def maintain(self, work: Work[T]) -> T:
        """Run `work` like `Database.maintain`."""
        return await self.database.maintain(work)

    async def close(self) -> None:
        """Close the database like `Database.close`."""
        await self.database.close()
