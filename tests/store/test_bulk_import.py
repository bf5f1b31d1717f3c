"""Many new conversations are written together, as if each were written alone."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from msgspec.structs import replace

from backscroll.store.app import Store, open_store
from backscroll.store.archive.records import (
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedThread,
    Selection,
)
from tests.store.conftest import Sql
from tests.store.wire import page, texts

COUNT = 30
"""Enough messages for COPY on PostgreSQL, in few conversations."""


def thread(name: str, messages: int = COUNT, title: str = "") -> ImportedThread:
    return ImportedThread(
        key=name,
        id=f"thread_{name}",
        created_at=1,
        metadata={"title": title} if title else {},
        messages=[
            ImportedMessage(role="user", content=f"{name} number {at}", created_at=at)
            for at in range(messages)
        ],
    )


def conversation(name: str) -> ImportedConversation:
    items = [
        ImportedItem({"role": "user", "content": f"{name} item {at}"}, created_at=at, key=str(at))
        for at in range(COUNT)
    ]
    return ImportedConversation(key=name, id=f"conv_{name}", created_at=1, items=items)


def with_ids(given: ImportedThread) -> ImportedThread:
    messages = [
        replace(message, id=f"msg_{given.key}_{at}") for at, message in enumerate(given.messages)
    ]
    return replace(given, messages=messages)


def conversation_with_ids(name: str) -> ImportedConversation:
    given = conversation(name)
    items = [
        replace(each, item={**each.item, "id": f"msg_{name}_{at}"})
        for at, each in enumerate(given.items)
    ]
    return replace(given, items=items)


def odd(name: str) -> ImportedThread:
    """Return a thread with every column of messages, and with values that need repair."""
    parts = [
        {"type": "text", "text": {"value": "one\0two", "annotations": []}},
        {"type": "image_file", "image_file": {"file_id": "file_1", "scale": 1e22}},
    ]
    whole = ImportedMessage(
        role="assistant",
        content=parts,
        created_at=1,
        metadata={"name": "value"},
        attachments=[{"file_id": "file_2"}],
        run_id="run_1",
        assistant_id="asst_1",
        status="incomplete",
        incomplete_at=2,
        incomplete_details={"reason": "max_tokens"},
    )
    plain = ImportedMessage(role="user", content='"NaN" \\u0000 東京\n', created_at=2)
    empty = ImportedMessage(role="user", content="", created_at=3)
    return replace(thread(name, 0), messages=[whole, plain, empty])


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of a SQLite store, and which rows of its index have which token."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, search_terms, instance)"
        )
        statements = {
            "threads": "SELECT * FROM threads",
            "messages": "SELECT * FROM messages",
            "conversations": "SELECT * FROM conversations",
            "items": "SELECT * FROM items",
            "search_rows": "SELECT * FROM search_rows",
            "search_terms": "SELECT term, doc FROM vocabulary ORDER BY term, doc",
        }
        return {name: connection.execute(each).fetchall() for name, each in statements.items()}


async def exported(store: Store) -> list[object]:
    return [
        *[each async for each in store.export_threads()],
        *[each async for each in store.export_conversations()],
    ]


def with_unstable_ids_removed(found: Sequence[object]) -> list[object]:
    """Leave out the ids that the store makes for messages and items."""
    alike: list[object] = []
    for each in found:
        if isinstance(each, ImportedThread):
            messages = [replace(message, id=None) for message in each.messages]
            alike.append(replace(each, messages=messages))
        elif isinstance(each, ImportedConversation):
            items = [replace(one, item={**one.item, "id": None}) for one in each.items]
            alike.append(replace(each, items=items))
    return alike


async def test_a_group_becomes_what_its_members_become_alone(
    store: Store, api: httpx2.AsyncClient, sql: Sql
) -> None:
    threads = [*(thread(name, title=f"About {name}") for name in "abcde"), thread("empty", 0)]
    conversations = [conversation(name) for name in "fghij"]
    outcomes = await store.import_conversations([*threads, *conversations])
    together = await exported(store)
    found = [
        (await page(api, "/search", query=query, limit=50, order="oldest"))["data"]
        for query in ("number", "item", "about")
    ]
    alone_outcomes = [
        *[await store.import_thread(each, "alone") for each in threads],
        *[await store.import_conversation(each, "alone") for each in conversations],
    ]
    alone = [
        *[each async for each in store.export_threads("alone")],
        *[each async for each in store.export_conversations("alone")],
    ]
    assert outcomes == alone_outcomes
    assert with_unstable_ids_removed(together) == with_unstable_ids_removed(alone)
    for partition_found, query in zip(found, ("number", "item", "about"), strict=True):
        reply = await api.get(
            "/search",
            params={"query": query, "limit": 50, "order": "oldest"},
            headers={"OpenAI-Project": "alone"},
        )
        hits = reply.json()["data"]
        assert [(each["thread_id"], each["position"]) for each in hits] == [
            (each["thread_id"], each["position"]) for each in partition_found
        ]
        assert len(hits) > 0
    order = await sql("SELECT id FROM threads WHERE partition = '' ORDER BY position")
    assert order == [(f"thread_{name}",) for name in (*"abcde", "empty")]


async def test_a_group_leaves_the_same_rows_and_the_same_index_as_its_members_alone(
    tmp_path: Path,
) -> None:
    given: list[ImportedThread | ImportedConversation] = [
        *(with_ids(thread(name, title=f"About {name}")) for name in "abcde"),
        with_ids(odd("odd")),
        *(conversation_with_ids(name) for name in "fghij"),
    ]
    left = []
    for name, size in (("together", len(given)), ("in threes", 3), ("alone", 1)):
        path = tmp_path / f"{name}.db"
        async with open_store(f"sqlite:///{path}") as store:
            for at in range(0, len(given), size):
                await store.import_conversations(given[at : at + size])
        left.append(contents(path))
    together, in_threes, alone = left
    assert together == in_threes == alone
    assert len(together["messages"]) == 5 * COUNT + 3
    assert len(together["items"]) == 5 * COUNT
    assert ("number", 1) in together["search_terms"]


async def test_what_is_there_already_is_updated_and_what_is_forgotten_stays_so(
    store: Store, api: httpx2.AsyncClient
) -> None:
    await store.import_conversations([thread("a", 5), thread("b", 5), thread("c", 5)])
    await store.forget(await store.forgettable(Selection(ids=("thread_b",))))
    outcomes = await store.import_conversations(
        [thread("a"), thread("b"), thread("c", 5), *(thread(name) for name in "def")]
    )
    assert [(each.kind, each.added) for each in outcomes] == [
        *(("updated", COUNT - 5), ("forgotten", 0), ("present", 0)),
        *[("imported", COUNT)] * 3,
    ]
    listed = await page(api, "/threads/thread_a/messages", order="asc", limit=100)
    assert texts(listed) == [f"a number {at}" for at in range(COUNT)]


async def test_conversations_with_the_same_key_are_written_in_order(
    store: Store, api: httpx2.AsyncClient
) -> None:
    outcomes = await store.import_conversations(
        [thread("a", 5), thread("b"), thread("a"), thread("c"), thread("a", 5)]
    )
    assert [(each.kind, each.added) for each in outcomes] == [
        *(("imported", 5), ("imported", COUNT), ("updated", COUNT - 5)),
        *(("imported", COUNT), ("present", 0)),
    ]
    listed = await page(api, "/threads/thread_a/messages", order="asc", limit=100)
    assert texts(listed) == [f"a number {at}" for at in range(COUNT)]


async def test_two_processes_that_import_the_same_write_it_once(
    database_url: str, sql: Sql
) -> None:
    groups = [[thread(f"{group}-{at}") for at in range(6)] for group in range(5)]
    async with open_store(database_url) as one, open_store(database_url) as other:

        async def all_groups(store: Store) -> list[str]:
            return [
                outcome.kind
                for group in groups
                for outcome in await store.import_conversations(group)
            ]

        kinds = await asyncio.gather(*map(all_groups, (one, other)))
    assert sorted(kinds[0] + kinds[1]) == ["imported"] * 30 + ["present"] * 30
    assert await sql("SELECT count(*), count(DISTINCT id) FROM threads") == [(30, 30)]
    assert await sql("SELECT count(*) FROM messages") == [(30 * COUNT,)]


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1])
async def test_one_that_the_database_refuses_costs_no_other(
    value: int, store: Store, sql: Sql
) -> None:
    bad = thread("bad")
    bad = replace(bad, messages=[*bad.messages[:-1], replace(bad.messages[-1], created_at=value)])
    outcomes = await store.import_conversations([*(thread(name) for name in "abc"), bad])
    assert [each.kind for each in outcomes] == [*["imported"] * 3, "refused"]
    assert await sql("SELECT id FROM threads ORDER BY position") == [
        *(("thread_a",), ("thread_b",), ("thread_c",)),
    ]
    assert await sql("SELECT count(*) FROM messages") == [(3 * COUNT,)]
