"""Fixtures of a real store, in SQLite and in PostgreSQL, in this process and on a port."""

# ruff: noqa: ASYNC240 - a fixture may block on its own folder

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import httpx2
import openai
import pytest
from hypothesis import HealthCheck, settings

from backscroll.database.column_types import tables
from backscroll.database.opening import open_database
from backscroll.database.port import Database
from backscroll.database.schema import TABLE_SETS
from backscroll.store.app import Store, open_store
from tests.loopback import NO_TLS, served
from tests.postgres import PostgresServer

V2 = {"OpenAI-Beta": "assistants=v2"}


Rows: TypeAlias = list[tuple[Any, ...]]
Sql: TypeAlias = Callable[[str], Awaitable[Rows]]
Kept: TypeAlias = Callable[[], Awaitable[bytes]]

on_one_engine = pytest.mark.usefixtures("in_memory")
"""For tests of what is done before a statement is sent, or after: one engine is enough."""

examples_share_a_store = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
"""For properties whose examples each have a thread or a conversation of their own."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests on both engines, unless they are about a file or about neither engine."""
    if "database_url" in metafunc.fixturenames:
        engines = ["sqlite", "postgres"]
        if "path" in metafunc.fixturenames:
            engines = ["sqlite"]
        elif "in_memory" in metafunc.fixturenames:
            engines = ["memory"]
        elif "on_postgres" in metafunc.fixturenames:
            engines = ["postgres"]
        metafunc.parametrize("database_url", engines, indirect=True)


@pytest.fixture
def in_memory() -> None:
    """Gives a test a database in memory."""


@pytest.fixture
def on_postgres() -> None:
    """Gives a test a database on PostgreSQL."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a test that is only about SQLite."""
    return tmp_path / "store.db"


@pytest.fixture(scope="session")
def prepared_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables and no rows. A copy takes a tenth of the time to make it."""
    file = tmp_path_factory.mktemp("prepared") / "store.db"

    async def prepare() -> None:
        for needed in TABLE_SETS:
            async with open_database(f"sqlite:///{file}", needed):
                pass

    asyncio.run(prepare())
    return file


@pytest.fixture
async def database_url(
    request: pytest.FixtureRequest, tmp_path: Path, prepared_file: Path
) -> AsyncIterator[str]:
    """The URL of a database of the test's engine, with all tables and no rows.

    The file of a test that is about a SQLite file does not exist yet.
    """
    if request.param == "memory":
        yield "sqlite://"
        return
    if request.param == "sqlite":
        file = tmp_path / "store.db"
        if "path" not in request.fixturenames:
            shutil.copy(prepared_file, file)
        yield f"sqlite:///{file}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    async with server.database() as made:
        yield made


@pytest.fixture
async def shared(postgres: PostgresServer) -> AsyncIterator[str]:
    """The URL of a PostgreSQL database, for tests that are only about PostgreSQL."""
    async with postgres.database() as made:
        yield made


@pytest.fixture
def sql(database_url: str) -> Sql:
    """Another connection to the database, one for each statement."""

    async def run(statement: str) -> Rows:
        if database_url.startswith("sqlite:///"):
            file = database_url.removeprefix("sqlite:///")
            with closing(sqlite3.connect(file)) as database, database:
                return database.execute(statement).fetchall()
        other = await asyncpg.connect(database_url)
        try:
            return [tuple(row) for row in await other.fetch(statement)]
        finally:
            await other.close()

    return run


@pytest.fixture
def kept(database_url: str, sql: Sql) -> Kept:
    """The contents of a database: every byte of a SQLite file, every row in PostgreSQL."""

    async def look() -> bytes:
        if database_url.startswith("sqlite:///"):
            return await asyncio.to_thread(Path(database_url.removeprefix("sqlite:///")).read_bytes)
        rows = [await sql(f"SELECT t::text FROM {table} t") for table in tables.tables]  # noqa: S608 - ours
        return repr(rows).encode()

    return look


@pytest.fixture
async def unprivileged() -> AsyncIterator[Path]:
    """A folder, without the rights of root, which can access everything."""
    async with open_store("sqlite://"):
        pass  # modules imported later may be inaccessible
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        root = os.geteuid() == 0
        if root:
            os.chown(folder, 65534, -1)
            os.seteuid(65534)
        yield folder
        if root:
            os.seteuid(0)
        folder.chmod(0o755)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The database of the store, without the store."""
    async with open_database(database_url, "store") as opened:
        yield opened


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with open_store(database_url) as opened:
        yield opened


@pytest.fixture
async def api(store: Store) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the store in process that speaks the second version of the threads API."""
    transport = httpx2.ASGITransport(app=store.app)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://store/v1", headers=V2
    ) as client:
        yield client


@pytest.fixture
async def live_store(store: Store) -> AsyncIterator[str]:
    """The store on a port of the loopback interface; its address, up to ``/v1``."""
    async with served(store.app) as origin:
        yield f"{origin}/v1"


@pytest.fixture
async def client(live_store: str) -> AsyncIterator[openai.AsyncOpenAI]:
    """The official client on a real socket, with its own defaults."""
    http = openai.DefaultAsyncHttpxClient(verify=NO_TLS)
    async with openai.AsyncOpenAI(
        api_key="unused", base_url=live_store, max_retries=0, http_client=http
    ) as opened:
        yield opened
