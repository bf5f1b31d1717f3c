"""A PostgreSQL server for the measurements, the CPU time that it takes, and the sizes of tables."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from bench.figures import UnmeasuredError
from tests.postgres import FAST, postgres_server

_LIKE_A_NEW_ONE: Final = ("shared_buffers=128MB", "max_wal_size=1GB")
"""PostgreSQL's defaults. The tests' own server has less memory."""
_PROCESS: Final = "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int"
_INDEX: Final = "relname LIKE 'search_%'"
_SIZES: Final = f"""
SELECT sum(pg_total_relation_size(oid)), sum(pg_total_relation_size(oid)) FILTER (WHERE {_INDEX})
FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""  # noqa: S608 - only constants
_VACUUM: Final = "VACUUM"


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of tables with their indexes, in bytes.

    Attributes:
        whole: all tables.
        index: those of the search index.
    """

    whole: int
    index: int


@contextmanager
def server() -> Iterator[str]:
    """Run a server, and yield the URL of its database."""
    with postgres_server(*FAST, *_LIKE_A_NEW_ONE) as running:
        yield running.url()


def cpu_of(url: str) -> Callable[[], float]:
    """Return a function that returns the milliseconds of CPU of a server's current connections.

    Args:
        url: a database of the server, which must run on this machine. The user must be a superuser.
    """
    process = asyncio.run(_value(url, _PROCESS))

    def measured() -> float:
        try:
            children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
        except OSError as error:
            raise UnmeasuredError("CPU time is read from Linux's /proc") from error
        return sum(map(_nanoseconds, children.split())) / 1e6

    return measured


def _nanoseconds(process: str) -> int:
    """Return the CPU time of a process; 0 if it has ended (kernel.org, scheduler/sched-stats)."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text(encoding="ascii").split()[0])
    except OSError:
        return 0


def sizes(url: str) -> Sizes:
    """Return the sizes of the tables, after space that nothing uses any more is free."""
    return asyncio.run(_sizes(url))


async def _sizes(url: str) -> Sizes:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_VACUUM)
        whole, index = await connection.fetchrow(_SIZES)
    finally:
        await connection.close()
    return Sizes(int(whole), int(index))


async def _value(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
