"""Several writers at once, on one database: nothing is lost, and nothing is there twice."""

import asyncio
from collections import Counter

from backscroll.store.app import Store, open_store
from backscroll.store.archive.records import ImportedConversation, ImportedItem
from tests.store.replicas import client_of
from tests.store.wire import add_items, page, texts_of_items

GROWN = 12
WRITTEN = 12


def state(key: str, items: int) -> ImportedConversation:
    """Return a conversation after its source has written this many items."""
    return ImportedConversation(
        key=key,
        id=f"conv_{key}",
        created_at=1,
        items=[
            ImportedItem({"role": "user", "content": f"{key} {at}"}, created_at=at, key=str(at))
            for at in range(1, items + 1)
        ],
    )


async def test_two_syncs_and_an_agent_lose_nothing_and_write_nothing_twice(
    database_url: str,
) -> None:
    async with (
        open_store(database_url) as one,
        open_store(database_url) as other,
        client_of(one) as api,
    ):
        await one.import_conversations([state("a", 1), state("b", 1)])

        async def sync(store: Store, keys: str) -> None:
            for count in range(1, GROWN + 1):
                await store.import_conversations([state(key, count) for key in keys])

        async def write() -> None:
            for at in range(WRITTEN):
                await add_items(api, "conv_a", {"role": "user", "content": f"mine {at}"})

        await asyncio.gather(sync(one, "ab"), sync(other, "ba"), write())
        for key, mine in (("a", WRITTEN), ("b", 0)):
            listed = await page(api, f"/conversations/conv_{key}/items", order="asc", limit=100)
            found = texts_of_items(listed)
            imported = [f"{key} {at}" for at in range(1, GROWN + 1)]
            assert [text for text in found if text in imported] == imported
            assert Counter(found) == Counter([*imported, *(f"mine {at}" for at in range(mine))])
        counted = (await page(api, "/conversations"))["data"]
        assert [each["message_count"] for each in counted] == [GROWN, GROWN + WRITTEN]
