"""PgBouncer in front of the tests' PostgreSQL, for the connections that Backscroll opens.

PgBouncer is not in a wheel: it is used where it is installed. Tests reach PostgreSQL itself at the
same port, because a router in front of both tells their connections from Backscroll's by the
application's name.
"""

import asyncio
import os
import shutil
import struct
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Final

from tests.pace import limit_s
from tests.ports import free_port
from tests.postgres import PostgresServer
from tests.postgres_process import NOBODY, ProcessLog

PROGRAM: Final = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
"""The program; None if it is not installed."""

VARIABLE: Final = "BACKSCROLL_TEST_POOLER"
"""The variable that puts PgBouncer in front of the tests' server: its `pool_mode`."""

_SSL: Final = 80877103
_GSS: Final = 80877104
_CANCEL: Final = 80877102
_CHUNK: Final = 64 * 1024
_READY: Final = "process up"
_READY_S: Final = limit_s(30)

_CONFIGURATION: Final = """\
[databases]
* = host=127.0.0.1 port={server}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
pool_mode = {mode}
default_pool_size = 6
server_check_delay = 0
max_client_conn = 1000
auth_type = scram-sha-256
auth_file = {users}
auth_user = postgres
"""
"""The defaults, with fewer connections than Backscroll opens, so that they are shared. Before it
uses one, PgBouncer checks it: between two tests, the server ends those of a database."""


@dataclass(frozen=True)
class _Router:
    """Passes each connection on: to the pooler if it is Backscroll's, or to the server itself."""

    server: int
    pooler: int

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on until either side ends it."""
        async with _ending(writer):
            packet, code = await _packet(reader)
            while code in {_SSL, _GSS}:
                writer.write(b"N")
                packet, code = await _packet(reader)
            if code == _CANCEL:  # only one of them knows the key in it
                for port in (self.server, self.pooler):
                    answers, there = await asyncio.open_connection("127.0.0.1", port)
                    async with _ending(there):
                        there.write(packet)
                        await answers.read()
                return
            is_ours = b"application_name\0backscroll\0" in packet
            port = self.pooler if is_ours else self.server
            answers, there = await asyncio.open_connection("127.0.0.1", port)
            async with _ending(there):
                there.write(packet)
                both = [
                    asyncio.ensure_future(_passed(reader, there)),
                    asyncio.ensure_future(_passed(answers, writer)),
                ]
                try:
                    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for each in both:
                        each.cancel()
                    await asyncio.gather(*both, return_exceptions=True)


@asynccontextmanager
async def _ending(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Close a connection on exit, after everything has been sent."""
    try:
        with suppress(OSError, asyncio.IncompleteReadError):
            yield
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _packet(reader: asyncio.StreamReader) -> tuple[bytes, int]:
    head = await reader.readexactly(8)
    length, code = struct.unpack("!II", head)
    return head + await reader.readexactly(length - 8), code


async def _passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()


@contextmanager
def pooled(server: PostgresServer, mode: str) -> Iterator[PostgresServer]:
    """Put PgBouncer in front of a server for Backscroll's connections.

    Args:
        server: the server.
        mode: how connections are pooled: `session`, `transaction` or `statement`.
    """
    assert PROGRAM is not None, "PgBouncer is not installed"
    user = NOBODY if os.geteuid() == 0 else None  # PgBouncer refuses to run as root
    port = free_port()
    with TemporaryDirectory(prefix="pgbouncer-") as name:
        folder = Path(name)
        users, file = folder / "users", folder / "pgbouncer.ini"
        users.write_text(f'"postgres" "{server.password}"\n')
        file.write_text(
            _CONFIGURATION.format(server=server.port, port=port, mode=mode, users=users)
        )
        for each in (folder, users, file) if user is not None else ():
            os.chown(each, user or 0, user or 0)
        with (
            _routing(_Router(server.port, port)) as routed,
            subprocess.Popen(
                [PROGRAM, file],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                user=user,
                group=user,
            ) as process,
        ):
            assert process.stderr is not None
            log = ProcessLog(process.stderr, _READY)
            log.start()
            try:
                log.await_ready(_READY_S)
                yield replace(server, port=routed, itself=server)
            finally:
                process.terminate()
                log.join(_READY_S)  # before the log is closed


@contextmanager
def _routing(router: _Router) -> Iterator[int]:
    """Run a router in a thread; yield its port."""
    started, ports = Event(), list[int]()
    loop = asyncio.new_event_loop()
    done = asyncio.Event()

    async def serve() -> None:
        server = await asyncio.start_server(router.serve, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        started.set()
        await done.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    thread = Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert started.wait(_READY_S)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(_READY_S)
        loop.close()
