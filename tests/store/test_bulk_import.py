"""Many new conversations are written together, as if each were written alone."""

import asyncio
from collections.abc import Sequence

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
