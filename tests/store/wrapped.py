"""A database around another one, for tests in which one of its methods does something else."""

from collections.abc import Container
from itertools import count
from typing import TypeVar

from backscroll.database.faults import DatabaseBusyError
from backscroll.database.port import Database, Work

T = TypeVar("T")


class WrappedDatabase:
    """A database that does what another one does. Tests override single methods."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, work: Work[T], *, large: bool = False) -> T:
        return await self._database.read(work, large=large)

    async def write(self, work: Work[T], turn: str = "") -> T:
        return await self._database.write(work, turn)

    async def require_writable(self) -> None:
        await self._database.require_writable()

    async def check(self) -> None:
        await self._database.check()

    async def truncate_log(self) -> bool:
        return await self._database.truncate_log()

    async def maintain(self, work: Work[T]) -> T:
        return await self._database.maintain(work)

    async def close(self) -> None:
        await self._database.close()


class BusyDatabase(WrappedDatabase):
    """A database of which some writes fail, as if another transaction had locked it."""

    def __init__(self, database: Database, failing: Container[int]) -> None:
        super().__init__(database)
        self._failing, self._numbers = failing, count()

    async def write(self, work: Work[T], turn: str = "") -> T:
        if next(self._numbers) in self._failing:
            raise DatabaseBusyError
        return await super().write(work, turn)
