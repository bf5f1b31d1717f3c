"""`maintain` puts a database in order while others use it, and finds what is damaged."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import asyncpg
import httpx2
import pytest

from backscroll.database import sqlite_upkeep
from backscroll.database.faults import DatabaseBusyError, StoreError
from backscroll.database.opening import open_database
from backscroll.database.port import Database
from backscroll.database.sqlite import open_sqlite
from backscroll.settings.keep_days import parse_days
from backscroll.store.app import Store, store_over
from backscroll.store.archive.records import (
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedThread,
)
from backscroll.store.upkeep.checking import Findings, check
from backscroll.store.upkeep.expiry import Expired
from backscroll.store.upkeep.maintenance import Report, maintain
from tests.postgres import PostgresServer, at_port
from tests.store.conftest import Sql
from tests.store.pooling import pooling
from tests.store.replicas import client, client_of
from tests.store.wire import new_thread, page, texts

WAL = (3, 51, 3)


class Progress:
    """What a progress bar would show."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.amount = 0

    def begin(self, name: str, _total: int | None) -> "Progress":
        self.names.append(name)
        return self

    def __call__(self, amount: int) -> None:
        self.amount += amount


def thread(name: str, messages: int = 20, at: int = 1_000) -> ImportedThread:
    return ImportedThread(
        key=name,
        id=f"thread_{name}",
        created_at=at,
        messages=[
            ImportedMessage(role="user", content=f"{name} number {each}", created_at=at)
            for each in range(messages)
        ],
    )


async def maintained(database: Database, progress: Progress | None = None) -> Report:
    return await maintain(database, (progress or Progress()).begin, pause_s=0)


async def test_the_index_is_merged_and_every_table_is_analysed(
    database: Database, sql: Sql
) -> None:
    store = await store_over(database)
    for number in range(12):
        await store.import_thread(thread(str(number)))
    progress = Progress()
    report = await maintained(database, progress)
    is_sqlite = report.before.free is not None
    assert report.found.flaws == []
    assert (report.before.parts, report.after.parts) == ((12, 1) if is_sqlite else (1, 1))
    assert report.expired is None
    assert (report.purged, report.tables > 15) == (0, True)
    assert progress.amount > report.found.rows > (12 * 20 if is_sqlite else 12)
    assert "merging the search index" in progress.names
    if is_sqlite:
        analysed = await sql("SELECT DISTINCT tbl FROM sqlite_stat1 ORDER BY tbl")
    else:
        analysed = await sql(
            "SELECT relname FROM pg_stat_user_tables WHERE last_vacuum IS NOT NULL"
            " AND last_analyze IS NOT NULL ORDER BY relname"
        )
    assert {("messages",), ("threads",)} <= set(analysed)


async def test_what_was_deleted_leaves_no_free_space_once_the_file_is_compacted(
    path: Path,
) -> None:
    async with open_database(f"sqlite:///{path}", "store") as database:
        store = await store_over(database)
        await store.import_thread(thread("old", 2_000))
        days_of = parse_days(["30"])
        report = await maintain(
            database, Progress().begin, days_of=days_of, trusts_clock=True, compacts=True, pause_s=0
        )
        assert await database.maintain(sqlite_upkeep.sizes) == (report.after.whole, 0)
    assert report.expired == Expired(1, 0)
    assert report.after.whole < report.before.whole / 2


@pytest.mark.parametrize("version", [(3, 50, 6), WAL], ids=["truncate", "wal"])
async def test_a_file_that_another_process_writes_to_is_not_compacted(
    version: tuple[int, int, int], path: Path
) -> None:
    url = f"sqlite:///{path}"
    async with open_sqlite(url, "store", sqlite_version=version) as database:
        store = await store_over(database)
        await store.import_thread(thread("a", 100))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseBusyError):
                await database.maintain(sqlite_upkeep.compact)
            other.execute("ROLLBACK")
        await database.maintain(sqlite_upkeep.compact)


@pytest.mark.parametrize("compacts", [False, True])
async def test_the_same_pages_are_read_in_the_same_way_after_it(
    database_url: str, *, compacts: bool
) -> None:
    async with open_database(database_url, "store") as database:
        store = await store_over(database)
        for number in range(5):
            await store.import_thread(thread(str(number), 200))
        async with client_of(store) as api:
            paths = ("/threads", "/threads/thread_1/messages", "/search?query=number")
            before = [await page(api, each) for each in paths]
            await maintain(
                database,
                Progress().begin,
                compacts=compacts and database_url.startswith("sqlite"),
                pause_s=0,
            )
            assert [await page(api, each) for each in paths] == before
            assert len(before[2]["data"]) > 0


async def test_a_writer_and_a_reader_go_on_meanwhile(
    database_url: str, store: Store, api: httpx2.AsyncClient
) -> None:
    for number in range(30):
        await store.import_thread(thread(str(number), 100))
    thread_id = await new_thread(api)
    done = asyncio.Event()
    written: list[str] = []
    longest_s = 0.0

    async def write() -> None:
        nonlocal longest_s
        loop = asyncio.get_running_loop()
        while not done.is_set():
            text, begun = f"meanwhile {len(written)}", loop.time()
            reply = await api.post(
                f"/threads/{thread_id}/messages", json={"role": "user", "content": text}
            )
            assert reply.status_code == 200, reply.text
            longest_s = max(longest_s, loop.time() - begun)
            written.append(text)
            listed = await page(api, f"/threads/{thread_id}/messages", limit=1)
            assert texts(listed) == [text]
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        async with open_database(database_url, "store") as database:
            report = await maintain(database, Progress().begin)  # with its pauses, for writers
        done.set()
    assert report.found.flaws == []
    assert len(written) > 10
    assert longest_s < 5  # a wait for a lock ends in an error after 10 s
    listed = await page(api, f"/threads/{thread_id}/messages", order="asc", limit=100)
    assert texts(listed) == written[:100]


async def found_in(path: Path, version: tuple[int, int, int], structure_s: float = 60) -> Findings:
    async with open_sqlite(f"sqlite:///{path}", "store", sqlite_version=version) as database:
        return await check(database, Progress().begin, structure_s=structure_s, pause_s=0)


@pytest.fixture
async def filled(path: Path) -> Path:
    async with open_database(f"sqlite:///{path}", "store") as database:
        store = await store_over(database)
        await store.import_thread(thread("a", 500))
    return path


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as other, other:
        for statement in statements:
            other.execute(statement)


@pytest.mark.parametrize("version", [(3, 50, 6), WAL], ids=["truncate", "wal"])
async def test_an_index_that_lacks_a_row_is_found(
    version: tuple[int, int, int], filled: Path
) -> None:
    change(
        filled,
        "PRAGMA writable_schema = ON",
        "CREATE TABLE kept AS SELECT rootpage FROM sqlite_master WHERE name = 'living_threads'",
        "DELETE FROM sqlite_master WHERE name = 'living_threads'",
    )
    change(
        filled,
        "INSERT INTO threads (id, created_at, next_position, message_count)"
        " VALUES ('thread_b', 1, 1, 0)",
        "PRAGMA writable_schema = ON",
        "INSERT INTO sqlite_master SELECT 'index', 'living_threads', 'threads', rootpage,"
        " 'CREATE INDEX living_threads ON threads (partition, position)"
        " WHERE deleted_at IS NULL' FROM kept",
    )
    found = await found_in(filled, version)
    assert found.flaws == ["threads: row 2 missing from index living_threads"]


async def test_compressed_json_is_checked_too(path: Path) -> None:
    output = {"type": "function_call_output", "call_id": "call_1", "output": "line " * 1_000}
    async with open_database(f"sqlite:///{path}", "store") as database:
        store = await store_over(database)
        items = [ImportedItem(output, 5, f"key {at}") for at in range(3)]
        await store.import_conversation(
            ImportedConversation(key="k", id="conv_1", created_at=1, items=items)
        )
    assert (await found_in(path, WAL)).flaws == []
    change(path, "UPDATE items SET body = substr(body, 1, 40) WHERE position = 1")
    assert (await found_in(path, WAL)).flaws == ["malformed JSON in items.body"]


@pytest.mark.parametrize("version", [(3, 50, 6), WAL], ids=["truncate", "wal"])
async def test_malformed_json_is_found_in_any_row(
    version: tuple[int, int, int], filled: Path
) -> None:
    change(filled, "UPDATE messages SET content = '[{' WHERE position = 250")
    found = await found_in(filled, version)
    assert found.flaws == ["malformed JSON in messages.content"]


@pytest.mark.parametrize("version", [(3, 50, 6), WAL], ids=["truncate", "wal"])
async def test_a_damaged_page_is_found_and_nothing_else_is_done(
    version: tuple[int, int, int], filled: Path
) -> None:
    with closing(sqlite3.connect(filled)) as other:
        [(page_number,)] = other.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'messages'"
        )
        [(size,)] = other.execute("PRAGMA page_size")
    with filled.open("r+b") as file:
        file.seek((page_number - 1) * size)
        file.write(b"\xff" * 64)
    async with open_sqlite(f"sqlite:///{filled}", "store", sqlite_version=version) as database:
        report = await maintained(database)
    assert report.found.flaws
    assert all("messages" in flaw for flaw in report.found.flaws)
    assert (report.tables, report.after) == (0, report.before)


async def test_a_table_with_one_row_of_a_negative_number_is_read_once(path: Path) -> None:
    async with open_database(f"sqlite:///{path}", "store") as database:
        await (await store_over(database)).import_thread(thread("a", 1))
        assert (await check(database, Progress().begin, pause_s=0)).flaws == []


async def test_a_check_that_would_delay_writers_for_long_is_left_out_and_named(
    filled: Path,
) -> None:
    found = await found_in(filled, (3, 50, 6), structure_s=0)
    assert found.flaws == []
    assert found.rows > 500
    assert "the pages of messages, which take longer than 0 s" in found.unchecked
    assert (await found_in(filled, WAL, structure_s=0)).unchecked == []


async def test_a_table_whose_file_is_missing_is_found(postgres: PostgresServer) -> None:
    async with postgres.database(empty=True) as url:
        async with client(url) as api:
            await new_thread(api, ("one",))
        other = await asyncpg.connect(url)
        await other.execute("CHECKPOINT")
        file = await other.fetchval("SELECT pg_relation_filepath('messages')")
        await other.execute(f"COPY (SELECT) TO PROGRAM 'rm {file}'")
        await other.close()
        async with open_database(url, "store") as database:
            report = await maintained(database)
    assert report.found.flaws == ["messages: its file is damaged (58P01)"]
    assert report.tables == 0


@pytest.mark.usefixtures("on_postgres")
async def test_behind_a_pooler_it_is_refused_and_the_way_out_is_named(
    database_url: str, postgres: PostgresServer
) -> None:
    progress = Progress()
    async with (
        pooling(postgres.port, by_transaction=True) as port,
        open_database(at_port(database_url, port), "store") as database,
    ):
        with pytest.raises(StoreError) as refused:
            await maintain(database, progress.begin)
    assert str(refused.value) == (
        "the database is behind a pooler, and maintenance needs a session of its own: for this "
        "command, set BACKSCROLL_DATABASE to the address of the PostgreSQL server itself"
    )
    assert progress.names == []
