"""PostgreSQL without free connections, or without free space: said so, and over when it is over."""

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest

from tests.postgres import PostgresServer, postgres_server
from tests.postgres_process import NOBODY
from tests.store.replicas import client, rows
from tests.store.wire import add, error, new_thread, page, texts

BODY = {"role": "user", "content": "b"}
OTHERS = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> ALL ($1::int[])"
MEGABYTE = b"\0" * (1 << 20)


@asynccontextmanager
async def all_connections(url: str) -> AsyncIterator[None]:
    """Hold every connection that a server has, including those of Backscroll."""
    held = [await asyncpg.connect(url)]
    while await held[0].fetchval(
        f"SELECT count(pg_terminate_backend(pid, 5000)) {OTHERS}",
        [each.get_server_pid() for each in held],
    ):
        try:
            while True:
                held.append(await asyncpg.connect(url))
        except asyncpg.TooManyConnectionsError:
            pass
    try:
        yield
    finally:
        for connection in held:
            await connection.close()


async def test_a_server_without_free_connections_is_said_to_be_until_it_has_some(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with postgres_server("max_connections=12", "superuser_reserved_connections=0") as server:
        url = server.url()
        async with client(url, lock_s=0.1) as api:
            path = f"/threads/{await new_thread(api, ('a',))}/messages"
            async with all_connections(url):
                for reply in (await api.post(path, json=BODY), await api.get(path)):
                    assert error(reply, 503) == {
                        "message": "The database does not respond. Nothing was written. Try again.",
                        "param": None,
                        "code": "database_unavailable",
                    }
                    assert int(reply.headers["retry-after"]) >= 1
            assert (
                f"postgresql://127.0.0.1:{server.port}/postgres has no free connections: raise "
                "max_connections, or run fewer replicas"
            ) in caplog.text
            assert "Traceback" not in caplog.text
            await add(api, path.split("/")[2], "b")
            assert texts(await page(api, path)) == ["b", "a"]


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of 32 MB, with a folder `space` for PostgreSQL."""
    with TemporaryDirectory() as name:
        mount = ("mount", "-t", "tmpfs", "-o", "size=32m,mode=755", "tmpfs", name)
        if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
            pytest.skip("only root can mount a small disk")
        Path(name).chmod(0o755)
        space = Path(name) / "space"
        space.mkdir()
        os.chown(space, NOBODY, NOBODY)
        yield Path(name)
        subprocess.run(("umount", name), check=True)  # noqa: S607 - as `mount`


async def test_a_full_disk_is_said_to_be_full_until_it_has_room(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with postgres_server() as server:
        url = await _on(server, small_disk / "space")
        async with client(url) as api:
            thread_id = await new_thread(api, ("a",))
            path = f"/threads/{thread_id}/messages"
            _fill(small_disk / "ballast")
            sent = ["a"]
            reply = await api.get("/threads")
            while reply.status_code == 200:
                sent.append(os.urandom(100_000).hex())
                reply = await api.post(path, json={"role": "user", "content": sent[-1]})
            assert error(reply, 503) == {
                "message": "The database failed: its disk is full (53100). Nothing was written.",
                "param": None,
                "code": "database_full",
            }
            assert "Traceback" not in caplog.text
            assert texts(await page(api, path, order="asc", limit=100)) == sent[:-1]
            (small_disk / "ballast").unlink()
            await add(api, thread_id, "b")
            assert texts(await page(api, path, limit=1)) == ["b"]


async def _on(server: PostgresServer, folder: Path) -> str:
    """Return the URL of a new database whose files are in a folder."""
    await rows(server.url(), f"CREATE TABLESPACE small LOCATION '{folder}'")
    await rows(server.url(), "CREATE DATABASE small TABLESPACE small TEMPLATE template0")
    return server.url("small")


def _fill(file: Path) -> None:
    """Fill a disk, except for about two megabytes."""
    free = os.statvfs(file.parent)
    with file.open("wb") as ballast:
        for _ in range(free.f_bavail * free.f_frsize // len(MEGABYTE) - 2):
            ballast.write(MEGABYTE)
