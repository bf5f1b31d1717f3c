"""The messages of older conversations are counted while the store is in use."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import httpx2
import pytest

from backscroll.database.opening import open_database
from backscroll.database.port import Database, Work
from backscroll.store.app import Store, store_over
from backscroll.store.archive.records import ImportedConversation, ImportedItem
from backscroll.store.counting import count_messages
from tests.store.conftest import Sql
from tests.store.wire import add_items, new_conversation, page
from tests.store.wrapped import WrappedDatabase

T = TypeVar("T")
_UNCOUNT = "UPDATE conversations SET message_count = NULL"


async def test_messages_that_are_written_during_the_count_are_counted_once(
    store: Store, api: httpx2.AsyncClient, sql: Sql, database_url: str
) -> None:
    given = [ImportedItem({"role": "user", "content": "old"}, key=str(at)) for at in range(3)]
    imported = ImportedConversation(key="1", id="conv_1", created_at=1, items=given)
    await store.import_conversation(imported)
    ids = ["conv_1", *[await new_conversation(api, ("one", "two")) for _ in range(5)]]
    first = [(await page(api, f"/conversations/{each}/items"))["data"][0]["id"] for each in ids]
    new = {"role": "user", "content": "new"}
    call = {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"}
    async with open_database(database_url, "store") as database:
        await sql(_UNCOUNT)
        await asyncio.gather(
            *(count_messages(database, 0) for _ in range(2)),
            *(add_items(api, each, new, call, new) for each in ids),
            *(
                api.delete(f"/conversations/{each}/items/{item}")
                for each, item in zip(ids, first, strict=True)
            ),
        )
    assert await sql("SELECT message_count FROM conversations ORDER BY position") == [
        (4,),
        *[(3,)] * 5,
    ]


class LockedOnce(WrappedDatabase):
    """A database that another connection locks during the first write."""

    def __init__(self, database: Database, path: Path) -> None:
        super().__init__(database)
        self._path = path
        self._is_locked = True

    async def write(self, work: Work[T], turn: str = "") -> T:
        if not self._is_locked:
            return await super().write(work, turn)
        self._is_locked = False
        with closing(sqlite3.connect(self._path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            return await super().write(work, turn)


async def test_counting_goes_on_after_the_database_was_locked(
    path: Path, sql: Sql, caplog: pytest.LogCaptureFixture
) -> None:
    given = [ImportedItem({"role": "user", "content": "old"}, key="1")]
    async with open_database(f"sqlite:///{path}", "store", 0.05) as database:
        store = await store_over(database)
        await store.import_conversation(ImportedConversation(key="1", created_at=1, items=given))
        await sql(_UNCOUNT)
        await count_messages(LockedOnce(database, path), 0, again_s=0)
    assert await sql("SELECT message_count FROM conversations") == [(1,)]
    assert "are not counted yet" in caplog.text
