"""The tests' own PostgreSQL server, from a wheel; each test process starts and ends one."""

import re
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import asyncpg

from backscroll.database.opening import open_database
from backscroll.database.schema import TABLE_SETS
from tests.ports import free_port
from tests.postgres_process import Installation, running

_PREPARED: Final = "prepared"

FAST: Final = ("fsync=off", "full_page_writes=off")
"""Settings for tests without crashes: PostgreSQL does not wait for the disk."""

_END_OTHERS: Final = """
DO $$ BEGIN
    PERFORM pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
END $$
"""

_DESCRIBED: Final = """
SELECT md5(string_agg(part, ', ' ORDER BY part)) FROM (
    SELECT concat_ws(' ', relname, relkind, relowner, relacl, reloptions, relhastriggers)
    FROM pg_class WHERE oid >= 16384 AND relkind <> 't' AND relname !~ '^pg_toast'
    UNION ALL SELECT concat_ws(' ', attrelid::regclass, attname, atttypid, attnotnull)
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE attrelid >= 16384 AND relkind = 'r'
    UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE oid >= 16384
    UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indexrelid >= 16384
    UNION ALL SELECT concat_ws(' ', proname, prosrc) FROM pg_proc WHERE oid >= 16384
    UNION ALL SELECT concat_ws(' ', nspname, nspacl) FROM pg_namespace WHERE nspname !~ '^pg_toast'
    UNION ALL SELECT concat_ws(' ', datconnlimit, datallowconn, datacl) FROM pg_database
    WHERE datname = current_database()
    UNION ALL SELECT array_to_string(setconfig, ' ') FROM pg_db_role_setting
    JOIN pg_database ON pg_database.oid = setdatabase WHERE datname = current_database()
    UNION ALL SELECT concat_ws(' ', 'version', version) FROM backscroll_schema
) AS parts (part)
"""
"""Everything of a database that a test could change, except rows."""

_CLEAR: Final = """
DO $$ DECLARE name text; filled boolean; BEGIN
    FOR name IN SELECT relname FROM pg_class
        WHERE relkind = 'r' AND oid >= 16384
        AND relname NOT IN ('backscroll_schema', 'retention_clock', 'search_seal')
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO filled;
        IF filled THEN EXECUTE format('TRUNCATE %I', name); END IF;
    END LOOP;
    DELETE FROM retention_clock;
    INSERT INTO retention_clock (elapsed_ms, token) VALUES (0, '');
    PERFORM setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S' AND oid >= 16384;
END $$
"""
"""Gives an emptied table a new file, as in a new database; keeps the rows of a new database."""


_EMPTY: Final = """
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
ALTER SCHEMA public OWNER TO pg_database_owner;
GRANT USAGE ON SCHEMA public TO PUBLIC;
"""

_IS_NEW: Final = """
SELECT datconnlimit = -1 AND datallowconn AND datacl IS NULL
    AND NOT EXISTS (SELECT FROM pg_db_role_setting WHERE setdatabase = pg_database.oid)
    AND NOT EXISTS (SELECT FROM pg_class WHERE oid >= 16384)
    AND NOT EXISTS (SELECT FROM pg_proc WHERE oid >= 16384)
    AND NOT EXISTS (SELECT FROM pg_extension WHERE oid >= 16384)
    AND NOT EXISTS (
        SELECT FROM pg_namespace WHERE oid >= 16384 AND nspname <> 'public' AND nspname !~ '^pg_'
    )
FROM pg_database WHERE datname = current_database()
"""
"""Whether an emptied database is like a new one."""


@dataclass(frozen=True)
class PostgresServer:
    """A server on a loopback port, with a random password.

    Attributes:
        itself: the server, if a pooler is at `port`.
    """

    port: int
    password: str
    itself: "PostgresServer | None" = None
    _unused: list[str] = field(default_factory=list)
    _empty: list[str] = field(default_factory=list)
    _described: list[object] = field(default_factory=list)

    @property
    def direct(self) -> "PostgresServer":
        """The server without a pooler, for what only a server does."""
        return self.itself or self

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    @asynccontextmanager
    async def database(self, *, empty: bool = False) -> AsyncIterator[str]:
        """Yield the URL of a database of its own, with all tables and no rows, or empty.

        Making and dropping a database costs twenty times as much as removing its rows, and four
        times as much as removing its tables. So a database is used again, unless a test changed
        more than rows, or more than tables if it was empty.
        """
        unused = self._empty if empty else self._unused
        if unused:
            name = unused.pop()
        elif empty:
            name = await self._made("template0")
        else:
            name = await self._made_with_tables()
        yield self.url(name)
        if await self._cleared(name, empty=empty):
            unused.append(name)
        else:
            await self._run(f"DROP DATABASE {name} WITH (FORCE)")

    async def _made_with_tables(self) -> str:
        if not self._described:
            await self._run(f"CREATE DATABASE {_PREPARED}")
            for needed in TABLE_SETS:
                async with open_database(self.url(_PREPARED), needed):
                    pass
            self._described.append(await self._run(_DESCRIBED, _PREPARED))
            await self._run(_END_OTHERS, _PREPARED)  # a pooler may keep some
        return await self._made(_PREPARED)

    async def _made(self, template: str) -> str:
        name = f"test_{secrets.token_hex(8)}"
        await self._run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    async def _cleared(self, name: str, *, empty: bool) -> bool:
        """End a database's connections and remove its rows, or its tables if it was empty.

        Return False if more was changed.
        """
        try:
            connection = await asyncpg.connect(self.url(name))
        except (OSError, asyncpg.PostgresError):  # the test dropped it, or lets nobody in
            return False
        try:
            await connection.execute(_END_OTHERS)
            if empty:
                await connection.execute(_EMPTY)
                return bool(await connection.fetchval(_IS_NEW))
            if await connection.fetchval(_DESCRIBED) not in self._described:
                return False
            await connection.execute(_CLEAR)
        finally:
            await connection.close()
        return True

    async def _run(self, statement: str, database: str = "postgres") -> object:
        """Run a statement in a connection of its own; return the first value of its result."""
        connection = await asyncpg.connect(self.url(database))
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()


@contextmanager
def postgres_server(*settings: str) -> Iterator[PostgresServer]:
    """Run a server in a temporary folder, with additional settings."""
    with TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:
        installation = Installation.into(Path(name))
        server = PostgresServer(free_port(), secrets.token_urlsafe(16))
        data = installation.folder / "data"
        installation.initialise(data, server.password)
        with running(installation, data, server.port, settings):
            yield server


def at_port(url: str, port: int) -> str:
    """Return the URL of the same database at another port."""
    return re.sub(r"(@127\.0\.0\.1:)[0-9]+/", rf"\g<1>{port}/", url)
