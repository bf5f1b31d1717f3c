"""After an import, the index is what a scan of the messages finds."""

import httpx2
import pytest

from backscroll.database.opening import open_database
from backscroll.store.app import Store, store_over
from backscroll.store.archive.records import (
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedThread,
)
from backscroll.store.search.tool_indexing import ToolIndexingDatabase
from tests.store.conftest import Sql
from tests.store.search.contents import indexed, scanned
from tests.store.wire import page


def conversation(key: str, *texts: str) -> ImportedConversation:
    items = [
        ImportedItem({"role": "user", "content": text}, created_at=1, key=str(at))
        for at, text in enumerate(texts)
    ]
    return ImportedConversation(
        key=key,
        id=f"conv_{key}",
        created_at=1,
        metadata={"title": f"Windmill of {key}"},
        items=items,
    )


def thread(key: str, *texts: str) -> ImportedThread:
    messages = [ImportedMessage(role="user", content=text, created_at=1) for text in texts]
    return ImportedThread(key=key, created_at=1, messages=messages)


@pytest.mark.parametrize("partition", ["", "other"])
async def test_a_group_is_indexed_with_the_title_of_each(
    store: Store, sql: Sql, database_url: str, partition: str
) -> None:
    given: list[ImportedConversation | ImportedThread] = [
        conversation("a", "boat", "anchor"),
        conversation("b", "", "boat"),
        conversation("c"),
        thread("d", "harbour", "", "ship"),
    ]
    await store.import_conversations(given, partition)
    postgres = database_url.startswith("postgres")
    found = await indexed(sql, postgres=postgres)
    assert found == await scanned(sql, postgres=postgres)
    assert len(found) == 6


async def test_a_first_message_that_changes_keeps_its_title(
    store: Store, sql: Sql, database_url: str
) -> None:
    await store.import_conversation(conversation("a", "boat", "anchor", "ship"))
    await store.import_conversation(conversation("a", "harbour", "anchor"))
    postgres = database_url.startswith("postgres")
    found = await indexed(sql, postgres=postgres)
    assert found == await scanned(sql, postgres=postgres)
    assert len(found) == 2


@pytest.mark.parametrize("marks", [True, False])
async def test_a_group_is_indexed_with_the_text_of_tools_if_the_operator_chooses_that(
    sql: Sql, database_url: str, *, marks: bool
) -> None:
    def of(key: str) -> ImportedConversation:
        call = {"type": "function_call", "name": "find", "arguments": "a boat", "call_id": "c"}
        items = [ImportedItem({"role": "user", "content": "boat"}), ImportedItem(call)]
        return ImportedConversation(key=key, id=f"conv_{key}", created_at=1, items=items)

    async with open_database(database_url, "store") as database:
        store = await store_over(ToolIndexingDatabase(database) if marks else database)
        await store.import_conversations([of("a"), of("b")])
        transport = httpx2.ASGITransport(app=store.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://store/v1") as api:
            listed = await page(api, "/search", query="boat", order="oldest")
    assert [(hit["thread_id"], hit["position"]) for hit in listed["data"]] == [
        (thread_id, position)
        for thread_id in ("conv_a", "conv_b")
        for position in ((1, 2) if marks else (1,))
    ]
    found = await indexed(sql, postgres=database_url.startswith("postgres"))
    assert len(found) == len(listed["data"])
