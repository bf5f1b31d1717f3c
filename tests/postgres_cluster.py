"""A primary of PostgreSQL with a synchronous standby that takes over, as an operator runs them.

As Patroni does, the operator asks for synchronous replication only while there is a standby, so
that writes go on while a new one is made.
"""

import secrets
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, TypeAlias

import anyio.to_thread
import asyncpg

from tests.pace import limit_s
from tests.ports import free_port
from tests.postgres_process import Installation, Running, running

How: TypeAlias = Literal["crash", "switchover"]
"""How the primary ends: at once, or after the standby has received everything."""

_SIGNALS: Final = {"crash": signal.SIGQUIT, "switchover": signal.SIGINT}
_WAIT_S: Final = limit_s(60)

_STATE: Final = "SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'"


class Cluster:
    """Two servers on two loopback ports, one of which is the primary.

    Attributes:
        promotions: how often the standby became the primary.
    """

    def __init__(self, installation: Installation, settings: tuple[str, ...]) -> None:
        self._installation = installation
        self._settings = ("wal_retrieve_retry_interval=100ms", *settings)
        self._password = secrets.token_urlsafe(16)
        self._ports = (free_port(), free_port())
        self._servers: list[tuple[Running, ExitStack] | None] = [None, None]
        self._primary = 0
        self._made = 0
        self.promotions = 0

    @property
    def standby(self) -> int:
        """Which of the servers is the standby."""
        return 1 - self._primary

    @property
    def url(self) -> str:
        """The URL of both servers."""
        servers = ",".join(f"127.0.0.1:{port}" for port in self._ports)
        return f"postgresql://postgres:{self._password}@{servers}/postgres"

    @property
    def primary_url(self) -> str:
        """The URL of the primary alone."""
        return self._url(self._primary)

    @property
    def standby_url(self) -> str:
        """The URL of the standby alone."""
        return self._url(self.standby)

    def _url(self, at: int) -> str:
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self._ports[at]}/postgres"

    async def start(self) -> None:
        """Start the primary, and a synchronous standby of it."""
        data = self._new_folder()
        await anyio.to_thread.run_sync(self._installation.initialise, data, self._password)
        await self._run(self._primary, data)
        await self.add_standby()

    async def fail_over(self, how: How) -> None:
        """End the primary, and make the standby the primary. There is no standby afterwards."""
        await anyio.to_thread.run_sync(self.end, self._primary, how)
        standby = self._servers[self.standby]
        assert standby is not None
        await anyio.to_thread.run_sync(standby[0].promote)
        self._primary = self.standby
        self.promotions += 1

    async def add_standby(self) -> None:
        """Start a new standby where none is, and wait until it is synchronous."""
        await self.execute("ALTER SYSTEM RESET synchronous_standby_names")
        await self.execute("SELECT pg_reload_conf()")
        data = self._new_folder()
        arguments = ("--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf")
        await anyio.to_thread.run_sync(
            self._installation.run,
            *("pg_basebackup", f"--pgdata={data}", f"--dbname={self.primary_url}", "--no-sync"),
            *arguments,
        )
        await self._run(self.standby, data)
        await self.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        await self.execute("SELECT pg_reload_conf()")
        async with self.connection(self.primary_url) as connection:
            with anyio.fail_after(_WAIT_S):
                while await connection.fetchval(_STATE) != "sync":
                    pass

    async def restart_primary(self) -> None:
        """End the primary at once, and start it again on the same files."""
        server = self._servers[self._primary]
        assert server is not None
        await anyio.to_thread.run_sync(self.end, self._primary, "crash")
        await self._run(self._primary, server[0].data)

    def end(self, at: int, how: How) -> None:
        """End a server."""
        server = self._servers[at]
        assert server is not None
        server[0].end(_SIGNALS[how])
        server[1].close()
        self._servers[at] = None

    async def execute(self, statement: str) -> None:
        """Run a statement on the primary."""
        async with self.connection(self.primary_url) as connection:
            await connection.execute(statement)

    @asynccontextmanager
    async def connection(self, url: str) -> AsyncIterator[asyncpg.Connection]:
        """Connect to one of the servers."""
        opened = await asyncpg.connect(url)
        try:
            yield opened
        finally:
            await opened.close()

    def _new_folder(self) -> Path:
        self._made += 1
        return self._installation.folder / f"data{self._made}"

    async def _run(self, at: int, data: Path) -> None:
        stack = ExitStack()
        opening = running(self._installation, data, self._ports[at], self._settings)
        server = await anyio.to_thread.run_sync(stack.enter_context, opening)
        self._servers[at] = (server, stack)

    def close(self) -> None:
        """End both servers."""
        for server in self._servers:
            if server is not None:
                server[1].close()


@contextmanager
def cluster(*settings: str) -> Iterator[Cluster]:
    """Run a primary and a synchronous standby, with additional settings."""
    with TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:
        made = Cluster(Installation.into(Path(name)), settings)
        try:
            anyio.run(made.start)
            yield made
        finally:
            made.close()
