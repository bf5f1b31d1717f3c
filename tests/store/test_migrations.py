"""A store that an older Backscroll wrote opens with all that is in it, or stays as it is."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import asyncpg
import httpx2
import pytest
from msgspec.structs import replace
from sqlalchemy import select

from backscroll.database.faults import StoreError
from backscroll.database.opening import open_database
from backscroll.database.schema import conversations
from backscroll.database.schema_version import SCHEMA_VERSION
from backscroll.database.search_schema import ENGINE_TABLES, search_pending
from backscroll.store.app import Store, open_store, store_over
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedResponse,
    ImportedThread,
)
from backscroll.store.counting import count_messages
from backscroll.store.message_object import text_part
from backscroll.store.search import backfill, pending
from backscroll.store.search.merging import merge
from backscroll.store.search.texts import COMPLETION, CONVERSATION, THREAD
from tests.postgres import PostgresServer
from tests.store.conftest import V2, Sql
from tests.store.differences import differences
from tests.store.wire import add_items, error, page, texts

OLD = Path(__file__).parent / "old"
"""What a Backscroll of each older schema wrote, as SQLite's own dump of it.

The tables that differ between the engines are left out.
"""
FIRST_WITH_SEARCH = 5
UNPACKED = slice(2)
"""Before version 10, PostgreSQL had only the first two statements of `ENGINE_TABLES`."""

OLD_THREAD = ImportedThread(
    key="t1",
    id="thread_1",
    created_at=7,
    metadata={"a": "b"},
    messages=[
        ImportedMessage(
            id="msg_1",
            role="user",
            content=[text_part("Grüße, 'quoted' ; -- 漢字 🙂\nline")],
            created_at=8,
            run_id="run_1",
            attachments=[{"file_id": "file_1", "tools": []}],
        ),
        ImportedMessage(
            id="msg_WR9YIAziKo53FLEsUHOcTcZ7",
            role="user",
            content=[text_part("third")],
            created_at=1795318282,
            attachments=[],
        ),
    ],
)
OLD_COMPLETION = ImportedCompletion(
    key="c1",
    id="chatcmpl-1",
    created_at=5,
    model="gpt-x",
    choices=[
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "Yes."},
        }
    ],
    messages=[{"role": "user", "content": "Is it?"}],
    metadata={"topic": "doubt"},
    fields={"usage": None},
)


VERSIONS = sorted(int(each.stem.removeprefix("schema_")) for each in OLD.glob("schema_*.sql"))


@pytest.fixture(params=VERSIONS)
def old_version(request: pytest.FixtureRequest) -> int:
    version: int = request.param
    return version


@pytest.fixture(params=["sqlite", "postgres"])
async def old_url(
    old_version: int, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[str]:
    """A database of an older schema; the first Backscroll wrote none of PostgreSQL by itself."""
    script = (OLD / f"schema_{old_version}.sql").read_text(encoding="utf-8")
    engine_tables = ENGINE_TABLES if old_version >= FIRST_WITH_SEARCH else {}
    if request.param == "sqlite":
        path = tmp_path / "store.db"
        with closing(sqlite3.connect(path)) as database:
            database.executescript(";".join((script, *engine_tables.get("sqlite", ()))))
        yield f"sqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    script = script.replace("position INTEGER NOT NULL", "position BIGSERIAL NOT NULL")
    script = script.replace(" BLOB", " BYTEA")
    for table in ("threads", "conversations", "completions"):
        script += f"SELECT setval('{table}_position_seq', 2);\n"
    async with server.database(empty=True) as url:
        database = await asyncpg.connect(url)
        await database.execute(";".join((script, *engine_tables.get("postgresql", ())[UNPACKED])))
        await database.close()
        yield url


@pytest.fixture(scope="module")
def migrated() -> dict[int, Path]:
    """The SQLite files that are migrated already, by the version of their schema."""
    return {}


@pytest.fixture
async def migrated_url(
    old_url: str,
    old_version: int,
    migrated: dict[int, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """A database of an older schema. SQLite's is migrated already: a copy takes less time.

    To copy a database of PostgreSQL takes longer than to migrate it.
    """
    path = old_url.removeprefix("sqlite:///")
    if path == old_url:
        return old_url
    if old_version not in migrated:
        async with open_database(old_url, "store"):
            pass
        migrated[old_version] = tmp_path_factory.mktemp("migrated") / "store.db"
        shutil.copy(path, migrated[old_version])
    shutil.copy(migrated[old_version], path)
    return old_url


async def _run(url: str, statement: str) -> list[tuple[object, ...]]:
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as other, other:
            return other.execute(statement).fetchall()
    database = await asyncpg.connect(url)
    found = [tuple(row) for row in await database.fetch(statement)]
    await database.close()
    return found


async def _all(store: Store) -> list[object]:
    return [
        *[each async for each in store.export_threads()],
        *[each async for each in store.export_conversations()],
        *[each async for each in store.export_completions()],
        *[each async for each in store.export_responses()],
    ]


async def test_an_old_store_opens_with_all_its_data(old_url: str) -> None:
    async with open_store(old_url) as store:
        thread, conversation, later, completion = await _all(store)
    assert thread == OLD_THREAD
    assert completion == OLD_COMPLETION
    assert isinstance(conversation, ImportedConversation)
    assert [each.item["id"] for each in conversation.items] == ["msg_9", "item_1"]
    assert isinstance(later, ImportedConversation)
    assert later.items[0].item["content"] == [{"type": "input_text", "text": "later"}]


async def test_an_old_store_goes_on_where_it_was(migrated_url: str) -> None:
    async with open_store(migrated_url) as store:
        transport = httpx2.ASGITransport(app=store.app)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://store/v1", headers=V2
        ) as api:
            url = "/threads/thread_1/messages"
            third = {"role": "user", "content": "third"}
            replayed = await api.post(url, json=third, headers={"Idempotency-Key": "key-1"})
            assert replayed.headers["idempotent-replayed"] == "true"
            gone = await api.post("/threads", json={}, headers={"Idempotency-Key": "key-2"})
            assert error(gone, 410)["code"] == "idempotent_object_deleted"
            made = await api.post(url, json={"role": "user", "content": "fourth"})
            assert made.status_code == 200
            # The cursor is a message that was deleted before.
            after = await page(api, url, order="asc", after="msg_2")
            assert texts(after) == ["third", "fourth"]
            assert (await store.import_thread(OLD_THREAD)).kind == "present"
            new = await api.post("/threads", json={})
            listed = (await page(api, "/threads"))["data"]
            assert [each["id"] for each in listed] == [new.json()["id"], "thread_1"]
            found = await page(api, "/chat/completions", **{"metadata[topic]": "doubt"})
            assert [each["id"] for each in found["data"]] == ["chatcmpl-1"]
            response = ImportedResponse(key="r", id="resp_1", created_at=1, input=[], output=[])
            assert (await store.import_response(response)).kind == "imported"
            assert (await page(api, "/responses"))["last_id"] == "resp_1"
            assistant = (await api.post("/assistants", json={"model": "m"})).json()
            assert (await page(api, "/assistants"))["data"] == [assistant]


async def test_what_an_old_store_imported_is_brought_up_to_date(migrated_url: str) -> None:
    first, second = OLD_THREAD.messages
    new = replace(first, id="msg_new", content="new", run_id=None)
    grown = replace(OLD_THREAD, messages=[first, second, new])
    edited = replace(grown, messages=[replace(first, content="edited"), second, new])
    call = {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"}
    items = [{"type": "message", "role": "user", "content": text} for text in ("hello", "edited")]
    conversation = ImportedConversation(
        key="v1", created_at=10, items=[*map(ImportedItem, (items[0], call))]
    )
    async with open_store(migrated_url) as store:
        threads = [await store.import_thread(each) for each in (OLD_THREAD, grown, edited)]
        assert [(each.kind, each.added, each.replaced) for each in threads] == [
            ("present", 0, 0),
            ("updated", 1, 0),
            ("updated", 0, 1),
        ]
        longer = replace(conversation, items=[*conversation.items, ImportedItem(items[1])])
        other = replace(longer, items=[ImportedItem(items[1]), *longer.items[1:]])
        conversations = [
            await store.import_conversation(each) for each in (conversation, longer, longer, other)
        ]
    assert [(each.kind, each.added, each.replaced) for each in conversations] == [
        ("present", 0, 0),
        ("updated", 1, 0),
        ("present", 0, 0),
        ("updated", 0, 1),
    ]


async def test_metadata_of_an_old_import_that_the_user_changes_after_the_next_one_stays(
    migrated_url: str,
) -> None:
    async with open_store(migrated_url) as store:
        transport = httpx2.ASGITransport(app=store.app)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://store/v1", headers=V2
        ) as api:
            assert (await store.import_thread(OLD_THREAD)).kind == "present"
            mine = {"metadata": {"a": "mine"}}
            assert (await api.post("/threads/thread_1", json=mine)).status_code == 200
            assert (await store.import_thread(OLD_THREAD)).kind == "present"
            assert (await api.get("/threads/thread_1")).json()["metadata"] == {"a": "mine"}


async def test_the_messages_of_old_conversations_are_counted_in_the_background(
    migrated_url: str,
) -> None:
    async with open_database(migrated_url, "store") as database:

        async def counts() -> list[int | None]:
            counted = select(conversations.c.message_count).order_by(conversations.c.position)
            return await database.read(lambda connection: list(connection.scalars(counted)))

        assert await counts() == [None, None]
        transport = httpx2.ASGITransport(app=(await store_over(database)).app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://store/v1") as api:
            [later, _] = (await page(api, "/conversations"))["data"]
            assert "message_count" not in later
            await count_messages(database, 0)
            assert await counts() == [1, 1]
            await add_items(api, later["id"], {"role": "user", "content": "more"})
            [later, first] = (await page(api, "/conversations"))["data"]
    assert (later["message_count"], first["message_count"]) == (2, 1)


async def test_an_old_store_is_indexed_in_the_background(migrated_url: str) -> None:
    async with open_database(migrated_url, "store") as database:
        assert not await database.read(backfill.is_whole)
        await backfill.fill(database, 0)
        await merge(database, 0)
        transport = httpx2.ASGITransport(app=(await store_over(database)).app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://store/v1") as api:
            query = "third later hello grusse"
            answer = await page(api, "/search", query='"yes"')
            found = await page(api, "/search", query=query, order="oldest")
    assert [hit["id"] for hit in found["data"]] == [
        *("msg_1", "msg_9", "msg_WR9YIAziKo53FLEsUHOcTcZ7", "msg_R2yc6Qsu4qZYY6wUU8gB4j6w"),
    ]
    assert [hit["id"] for hit in answer["data"]] == ["chatcmpl-1-1"]
    assert found["search"]["complete"]


@pytest.mark.parametrize("old_version", [6], indirect=True)
async def test_background_work_on_the_search_index_keeps_its_kind_if_kinds_are_renumbered(
    old_url: str,
) -> None:
    # Before version 7, kinds of work began at 3. The dump has a row of kind 4.
    await _run(old_url, "INSERT INTO search_pending (kind, below) VALUES (3, 30), (5, 50)")
    async with open_database(old_url, "store") as database:
        rows = select(search_pending.c.kind, search_pending.c.below)
        found = await database.read(
            lambda connection: {row.kind: row.below for row in connection.execute(rows)}
        )
    assert found == {
        **dict.fromkeys((THREAD, CONVERSATION, COMPLETION), 3),
        pending.ERASING: 30,
        pending.TOOLS_INDEXED: 0,
        pending.EMBEDDING: 50,
    }


async def test_an_old_store_comes_to_have_the_tables_of_a_new_one(migrated_url: str) -> None:
    async with open_database(migrated_url, "store") as database:
        assert await database.read(differences) == []


@pytest.mark.parametrize("old_version", [VERSIONS[0], VERSIONS[-1]], indirect=True)
async def test_a_migration_that_fails_leaves_everything_as_it_was(
    old_url: str, old_version: int
) -> None:
    # What the last step makes is there already.
    await _run(old_url, "CREATE TABLE watched_clock (of_another_program TEXT)")
    with pytest.raises(StoreError, match="cannot be used") as caught:
        async with open_store(old_url):
            pass
    assert "\n" not in str(caught.value)
    assert await _run(old_url, "SELECT version FROM backscroll_schema") == [(old_version,)]
    width = {1: 10, 7: 14}  # columns, the newest not yet
    assert len((await _run(old_url, "SELECT * FROM threads"))[0]) == width[old_version]
    await _run(old_url, "DROP TABLE watched_clock")
    async with open_store(old_url) as store:
        assert len(await _all(store)) == 4


@pytest.mark.parametrize("old_version", VERSIONS[:1], indirect=True)  # which takes every step
async def test_replicas_that_open_an_old_store_at_once_migrate_it_once(old_url: str) -> None:
    async def opened() -> list[object]:
        async with open_store(old_url) as store:
            return await _all(store)

    found = await asyncio.gather(*(opened() for _ in range(4)))
    assert [len(each) for each in found] == [4] * 4


async def test_replicas_that_open_a_new_store_at_once_make_its_tables_once(
    postgres: PostgresServer,
) -> None:
    async with postgres.database(empty=True) as url:

        async def opened(number: int) -> bool:
            thread = ImportedThread(key=str(number), created_at=1, messages=[])
            async with open_store(url) as store:
                return (await store.import_thread(thread)).kind == "imported"

        assert await asyncio.gather(*map(opened, range(4))) == [True] * 4


@pytest.mark.usefixtures("store")
async def test_a_newer_schema_is_refused_and_left_alone(database_url: str, sql: Sql) -> None:
    await sql("UPDATE backscroll_schema SET version = 999")
    before = await sql("SELECT * FROM backscroll_schema")
    with pytest.raises(StoreError) as caught:
        async with open_store(database_url):
            pass
    assert str(caught.value).endswith(
        "was written by a newer Backscroll (its schema is 999, this one supports "
        f"{SCHEMA_VERSION}): upgrade Backscroll or point BACKSCROLL_DATABASE elsewhere"
    )
    assert "\n" not in str(caught.value)
    assert await sql("SELECT * FROM backscroll_schema") == before


def test_a_store_that_is_up_to_date_waits_for_no_library_that_it_does_not_need(
    tmp_path: Path,
) -> None:
    program = f"""
import asyncio, sys
from backscroll.store.app import open_store

async def main():
    for _ in range(2):
        async with open_store("sqlite:///{tmp_path}/store.db"):
            pass

asyncio.run(main())
unneeded = {{"alembic", "asyncpg", "greenlet", "mako", "sqlalchemy.dialects.postgresql"}}
print(sorted(unneeded & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout == "[]\n"
