"""A writer that uses every way in which the index changes."""

import asyncio
import random
from multiprocessing.synchronize import Event
from typing import Final

import httpx2

from backscroll.store.app import Store, open_store
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedResponse,
    ImportedThread,
)
from tests.store.conftest import V2
from tests.store.wire import Json, add, add_items, new_conversation, new_thread, page

WORDS = ("refund", "Über", "東京都", "c++", "don't", "->", "", "🎉 party", "foo/bar.py:12", "ไทย")
ACTIONS: Final = 13


class Writer:
    """Writes to a partition, and deletes what it wrote."""

    def __init__(self, store: Store, api: httpx2.AsyncClient, partition: str) -> None:
        self._store = store
        self._api = api
        self._partition = partition
        self._threads: list[str] = []
        self._items: list[tuple[str, list[Json]]] = []
        self._completions: list[str] = []
        self._responses: list[str] = []

    async def act(self, action: int, which: int, text: str) -> None:  # noqa: C901, PLR0912 - a case each
        """Take one of the actions. An action on a missing object is skipped."""
        match action:
            case 0:
                self._threads.append(await new_thread(self._api, (text, f"{text} too")))
            case 1:
                made = await new_conversation(self._api, (text,))
                self._items.append((made, await self._add_item(made, text)))
            case 2:
                await self._import(text)
            case 3 if self._threads:
                await add(self._api, self._threads[which % len(self._threads)], text)
            case 4 if self._items:
                conversation, items = self._items[which % len(self._items)]
                items += await self._add_item(conversation, text)
            case 5 if self._threads:
                await self._delete(f"/threads/{self._threads.pop(which % len(self._threads))}")
            case 6 if self._threads:
                url = f"/threads/{self._threads[which % len(self._threads)]}/messages"
                for message in (await page(self._api, url, limit=1))["data"]:
                    await self._delete(f"{url}/{message['id']}")
            case 7 if self._items:
                conversation, items = self._items[which % len(self._items)]
                for item in items[:1]:
                    await self._delete(f"/conversations/{conversation}/items/{item['id']}")
                del items[:1]
            case 8 if self._items:
                conversation, _ = self._items.pop(which % len(self._items))
                await self._delete(f"/conversations/{conversation}")
            case 9 if self._completions:
                completion = self._completions.pop(which % len(self._completions))
                await self._delete(f"/chat/completions/{completion}")
            case 12 if self._responses:
                response = self._responses.pop(which % len(self._responses))
                await self._delete(f"/responses/{response}")
            case 10 if self._threads:
                await self._title(f"/threads/{self._threads[which % len(self._threads)]}", text)
            case 11 if self._items:
                await self._title(
                    f"/conversations/{self._items[which % len(self._items)][0]}", text
                )

    async def _title(self, url: str, text: str) -> None:
        changed = await self._api.post(url, json={"metadata": {"title": text}})
        assert changed.status_code == 200, changed.text

    async def _add_item(self, conversation: str, text: str) -> list[Json]:
        return await add_items(self._api, conversation, {"role": "user", "content": text})

    async def _delete(self, url: str) -> None:
        assert (await self._api.delete(url)).status_code == 200

    async def _import(self, text: str) -> None:
        """Import one of each kind; the same text is imported once."""
        roles = ("user", "tool", "narrator")
        messages = [ImportedMessage(role=role, content=text, created_at=1) for role in roles]
        thread = ImportedThread(key=text, created_at=1, messages=messages)
        call = {"type": "function_call", "name": "f", "arguments": text, "call_id": "c"}
        conversation = ImportedConversation(
            key=text,
            created_at=1,
            items=[ImportedItem({"role": "user", "content": text}), ImportedItem(call)],
        )
        number = len(self._completions)
        completion = ImportedCompletion(
            key=text,
            id=f"chatcmpl-{self._partition}{number}",
            created_at=1,
            model="m",
            choices=[{"index": 0, "message": {"role": "assistant", "refusal": text}}],
            messages=[{"role": "user", "content": [{"type": "text", "text": text}]}],
        )
        await self._store.import_thread(thread, self._partition)
        await self._store.import_conversation(conversation, self._partition)
        outcome = await self._store.import_completion(completion, self._partition)
        if outcome.kind == "imported":
            self._completions.append(f"chatcmpl-{self._partition}{number}")
        response = ImportedResponse(
            key=text,
            created_at=1,
            input=[{"role": "user", "content": text}],
            output=[call, {"role": "assistant", "content": text}],
            metadata={"title": "Harbour"},
        )
        written = await self._store.import_response(response, self._partition)
        if written.kind == "imported":
            self._responses.append(written.id)


def write(url: str, seed: int, begun: Event) -> None:
    """Write to the store at `url` until this process is killed.

    Args:
        url: the database.
        seed: of the random actions.
        begun: is set after the first actions.
    """
    asyncio.run(_write(url, random.Random(seed), begun))


async def _write(url: str, source: random.Random, begun: Event) -> None:
    async with open_store(url) as store:
        transport = httpx2.ASGITransport(app=store.app)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://store/v1", headers=V2
        ) as api:
            writers = [Writer(store, api, "") for _ in range(4)]
            while True:
                acts = []
                for writer in writers:
                    text = " ".join(source.choices(WORDS, k=source.randrange(1, 5)))
                    act = (source.randrange(ACTIONS), source.randrange(6), text or "refund")
                    acts.append(writer.act(*act))
                await asyncio.gather(*acts)
                begun.set()
