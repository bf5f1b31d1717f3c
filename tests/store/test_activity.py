"""The list of threads and conversations by last activity."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backscroll.store.app import Store, open_store
from backscroll.store.archive.records import (
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedThread,
)
from backscroll.store.clock import Clock
from backscroll.store.first_words import SEARCHED_CHARS
from tests.store.conftest import V2
from tests.store.wire import (
    Json,
    add,
    add_items,
    error,
    new_conversation,
    new_thread,
    page,
    recorded,
)

BOTH = {"sort": "activity", "include[]": "conversations"}


def _ids(listed: Json) -> list[str]:
    return [each["id"] for each in listed["data"]]


def _thread(number: int, *times: int, created_at: int = 1) -> ImportedThread:
    messages = [ImportedMessage(role="user", content=f"at {at}", created_at=at) for at in times]
    return ImportedThread(
        key=f"t{number}", id=f"thread_{number}", created_at=created_at, messages=messages
    )


def _conversation(number: int, last_active_at: int | None = None) -> ImportedConversation:
    return ImportedConversation(
        key=f"c{number}",
        id=f"conv_{number}",
        created_at=50,
        items=[ImportedItem({"role": "user", "content": "hello"})],
        last_active_at=last_active_at,
    )


async def test_imported_threads_and_conversations_are_listed_by_their_last_activity(
    store: Store, api: httpx2.AsyncClient
) -> None:
    for thread in (_thread(1, 10, 300), _thread(2, 20, 100), _thread(3, created_at=200)):
        await store.import_thread(thread)
    await store.import_conversation(_conversation(1, 250))
    await store.import_conversation(_conversation(2))
    await store.import_thread(_thread(4, 1 << 40))  # in the future: as if it were now
    await store.import_thread(_thread(5, created_at=-5))  # before 1970: as if it were 1970
    now = await new_thread(api)
    listed = await page(api, "/threads", **BOTH)
    newest_first = [now, "thread_4", "thread_1", "conv_1", "thread_3", "thread_2", "conv_2"]
    newest_first.append("thread_5")
    assert _ids(listed) == newest_first
    assert (await page(api, "/threads", **BOTH, order="asc", limit=8))["data"] == [
        {**each, "cursor": each["cursor"].rpartition(".")[0]} for each in listed["data"][::-1]
    ]
    threads = [each for each in newest_first if each.startswith("thread")]
    assert _ids(await page(api, "/threads", sort="activity")) == threads
    between = await page(api, "/threads", **BOTH, since=100, until=250)
    assert _ids(between) == ["thread_3", "thread_2"]
    await add(api, "thread_2", "again")
    await add_items(api, "conv_2", {"role": "user", "content": "again"})
    assert _ids(await page(api, "/threads", **BOTH, limit=3)) == ["conv_2", "thread_2", now]


async def test_a_list_by_activity_shows_the_first_words_and_times(
    store: Store, api: httpx2.AsyncClient
) -> None:
    words = "Where  is\nmy parcel? It was sent " + "very " * 40 + "long ago."
    system = ImportedMessage(role="system", content="Be kind.", created_at=5)
    asked = ImportedMessage(role="user", content=words, created_at=6)
    await store.import_thread(
        ImportedThread(key="k", id="thread_1", created_at=4, messages=[system, asked])
    )
    tool_call = {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"}
    await store.import_conversation(
        ImportedConversation(
            key="k",
            id="conv_1",
            created_at=3,
            items=[
                ImportedItem(tool_call),
                ImportedItem({"role": "developer", "content": "x"}),
                *_conversation(1).items,
            ],
        )
    )
    await store.import_thread(ImportedThread(key="n", id="thread_0", created_at=2, messages=[]))
    found = (await page(api, "/threads", **BOTH))["data"]
    first = "Where is my parcel? It was sent " + ("very " * 17).strip() + "…"
    assert [(each["id"], each["first_words"], each["last_message_at"]) for each in found] == [
        ("thread_1", first, 6),
        ("conv_1", "hello", 3),
        ("thread_0", "", None),
    ]
    message = (await page(api, "/threads/thread_1/messages", limit=1))["data"][0]["id"]
    await api.delete(f"/threads/thread_1/messages/{message}")
    assert (await page(api, "/threads", **BOTH))["data"][0]["first_words"] == ""


def _image(chars: int) -> Json:
    """Return an image part as threads and conversations have it."""
    url = "data:image/png;base64," + "A" * chars
    return {"type": "image_url", "image_url": {"url": url}}


async def test_first_words_are_found_after_an_image_of_any_length(
    store: Store, api: httpx2.AsyncClient
) -> None:
    image = _image(3_000)
    blank = {"type": "text", "text": " \n"}
    said = {"type": "text", "text": "What is\non it? " + "Look " * 600}
    contents: list[str | list[Json]] = [
        [image, blank, said],
        [image],
        [],
        " " * 3_000 + "too far",
    ]
    for number, content in enumerate(contents):
        asked = ImportedMessage(role="user", content=content, created_at=9 - number)
        await store.import_thread(
            ImportedThread(key=f"t{number}", id=f"thread_{number}", created_at=1, messages=[asked])
        )
    picture = {"type": "input_image", "image_url": image["image_url"]["url"]}
    where = {"type": "input_text", "text": "And here?"}
    await store.import_conversation(
        ImportedConversation(
            key="c",
            id="conv_0",
            created_at=2,
            items=[
                ImportedItem({"role": "system", "content": "Be kind."}),
                ImportedItem({"role": "user", "content": [picture, where]}),
                ImportedItem({"role": "user", "content": "later"}),
            ],
        )
    )
    found = (await page(api, "/threads", **BOTH))["data"]
    words = "What is on it? " + ("Look " * 21).strip() + "…"
    assert [(each["id"], each["first_words"]) for each in found] == [
        ("thread_0", words),
        ("thread_1", ""),
        ("thread_2", ""),
        ("thread_3", ""),
        ("conv_0", "And here?"),
    ]


async def test_images_are_read_for_first_words_only_up_to_a_total_length(
    store: Store, api: httpx2.AsyncClient
) -> None:
    for number, chars in enumerate((1_000, SEARCHED_CHARS // 2, SEARCHED_CHARS, 3_000)):
        content = [_image(chars), {"type": "text", "text": f"image {number}"}]
        asked = ImportedMessage(role="user", content=content, created_at=9 - number)
        await store.import_thread(
            ImportedThread(key=f"t{number}", id=f"thread_{number}", created_at=1, messages=[asked])
        )
    found = (await page(api, "/threads", **BOTH))["data"]
    assert [each["first_words"] for each in found] == ["image 0", "image 1", "", "image 3"]


async def test_a_list_by_activity_goes_on_after_an_id_and_refuses_what_it_does_not_know(
    api: httpx2.AsyncClient,
) -> None:
    made = [await new_thread(api), await new_conversation(api), await new_thread(api)]
    assert _ids(await page(api, "/threads", **BOTH, after=made[1])) == [made[0]]
    assert _ids(await page(api, "/threads", **BOTH, after=made[1], order="asc")) == [made[2]]
    await api.delete(f"/conversations/{made[1]}")
    assert _ids(await page(api, "/threads", **BOTH, after=made[1])) == [made[0]]
    cursor = (await page(api, "/threads", **BOTH, limit=1))["data"][0]["cursor"]
    await add(api, made[2], "again")
    assert _ids(await page(api, "/threads", **BOTH, at=cursor)) == [made[2]]
    await api.delete(f"/threads/{made[2]}")
    assert _ids(await page(api, "/threads", **BOTH, at=cursor)) == []
    for name, value in (("since", "yesterday"), ("until", "-1"), ("at", "thread_1")):
        reply = await api.get("/threads", params={**BOTH, name: value})
        assert error(reply, 400)["param"] == name
    for unknown in ("thread_unknown", "conv_unknown"):
        error(await api.get("/threads", params={**BOTH, "after": unknown}), 404)


async def test_conversations_are_listed_as_foundry_lists_them(api: httpx2.AsyncClient) -> None:
    made = [await new_conversation(api) for _ in range(4)]
    await add_items(api, made[0], {"role": "user", "content": "again"})
    await api.delete(f"/conversations/{made[2]}")
    listed = await page(api, "/conversations", limit=2)
    assert (_ids(listed), listed["has_more"]) == ([made[3], made[1]], True)
    one = await page(api, f"/conversations/{made[3]}")
    assert listed["data"][0] == {**one, "message_count": 0, "last_message_at": None}
    assert _ids(await page(api, "/conversations", after=made[2])) == [made[1], made[0]]
    assert _ids(await page(api, "/conversations", before=made[2], order="asc")) == made[:2]
    error(await api.get("/conversations", params={"after": "conv_unknown"}), 404)


@dataclass
class _World:
    """A store, which of its threads exist, and which have changed.

    Its clock may stand still, as it does for a while after it was set back.
    """

    api: httpx2.AsyncClient
    still: bool
    alive: list[str]
    changed: set[str] = field(default_factory=set)

    async def do(self, action: str, number: int) -> None:
        chosen = self.alive[number % len(self.alive)] if self.alive else ""
        if action == "thread" or not chosen:
            self.alive.append(await new_thread(self.api))
            self.changed.add(self.alive[-1])
        elif action == "conversation":
            self.alive.append(await new_conversation(self.api))
            self.changed.add(self.alive[-1])
        elif action == "delete":
            where = "threads" if chosen.startswith("thread") else "conversations"
            await self.api.delete(f"/{where}/{chosen}")
            self.alive.remove(chosen)
        elif chosen.startswith("thread"):
            await add(self.api, chosen, "again")
            self.changed.add(chosen)
        else:
            await add_items(self.api, chosen, {"role": "user", "content": "again"})
            self.changed.add(chosen)


def _client(store: Store) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=store.app)
    return httpx2.AsyncClient(transport=transport, base_url="http://store/v1", headers=V2)


@asynccontextmanager
async def _world(still: bool) -> AsyncIterator[_World]:
    times = iter(range(1_000_000_000, 1_000_100_000))
    clock = Clock(lambda: 7.0 if still else next(times) / 1000)
    async with open_store("sqlite://", clock) as store:
        for number in range(3):  # all of one second, and one in the future
            await store.import_thread(_thread(number, 5))
            await store.import_conversation(_conversation(number))
        async with _client(store) as api:
            yield _World(api, still, [f"thread_{n}" for n in range(3)])


_ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["append", "append", "thread", "conversation", "delete"]),
        st.integers(0, 20),
    ),
    max_size=4,
)


@settings(max_examples=settings().max_examples // 4)
@given(
    before=_ACTIONS,
    during=st.lists(_ACTIONS, max_size=8),
    limit=st.integers(1, 4),
    order=st.sampled_from(["asc", "desc"]),
    still=st.booleans(),
)
# The newest thread is deleted and another one becomes active, while the clock stands still.
@example(
    before=[("thread", 0), ("thread", 0)],
    during=[[("delete", 4), ("append", 0)]],
    limit=2,
    order="desc",
    still=True,
)
async def test_a_walk_meets_each_unchanged_thread_once_and_each_active_one_at_least_once(
    before: list[tuple[str, int]],
    during: list[list[tuple[str, int]]],
    limit: int,
    order: str,
    still: bool,
) -> None:
    async with _world(still) as world:
        for action in before:
            await world.do(*action)
        world.changed.clear()
        there = {each["id"] for each in (await page(world.api, "/threads", **BOTH))["data"]}
        met: list[str] = []
        after: dict[str, str] = {}
        while True:
            listed = await page(world.api, "/threads", **BOTH, **after, order=order, limit=limit)
            met += _ids(listed)
            if not listed["has_more"]:
                break
            after = {"after": listed["data"][-1]["cursor"]}
            for action in during.pop() if during else ():
                await world.do(*action)
        now = {each["id"] for each in (await page(world.api, "/threads", **BOTH))["data"]}
        unchanged = there & now - world.changed
        assert {each: met.count(each) for each in unchanged} == dict.fromkeys(unchanged, 1)
        assert world.changed & now <= {*met}


async def test_a_walk_waits_for_a_transaction_with_an_earlier_time(shared: str) -> None:
    async with open_store(shared) as store, _client(store) as api:
        slow, old, new = [await new_thread(api) for _ in range(3)]
        other = await asyncpg.connect(shared)
        transaction = other.transaction()
        await transaction.start()
        await other.execute(
            "UPDATE threads SET last_active_us = (SELECT max(last_active_us) FROM threads)"
            " WHERE id = $1",
            slow,
        )
        with recorded() as seen:
            walking = asyncio.create_task(page(api, "/threads", **BOTH, limit=2))
            while not walking.done() and sum("pg_locks" in each for each, _ in seen) < 3:  # noqa: ASYNC110 - statements set no event
                await asyncio.sleep(0)
        await transaction.commit()
        await other.close()
        first = await walking
        rest = await page(api, "/threads", **BOTH, after=first["data"][-1]["cursor"])
        assert [*_ids(first), *_ids(rest)] == [new, slow, old]


async def test_a_page_by_activity_walks_an_index_of_each_kind_and_sorts_nothing(
    path: Path,
) -> None:
    async with open_store(f"sqlite:///{path}") as store, _client(store) as api:
        for number in range(5):
            await store.import_thread(_thread(number, number + 1))
        with recorded() as seen:
            deep = await page(api, "/threads", **BOTH, after="thread_3", since=3)
            await page(api, "/threads", **BOTH, after="thread_3", order="asc")
    assert _ids(deep) == ["thread_2"]
    plans: list[str] = []
    with closing(sqlite3.connect(path)) as database:
        for statement, parameters in seen:
            plan = database.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            plans += [row[3] for row in plan]
    used = "_by_activity (partition=? AND last_active_us>? AND last_active_us<?)"
    assert len([step for step in plans if used in step]) == 6
    assert not [step for step in plans if "TEMP B-TREE" in step or step.startswith("SCAN threads")]
