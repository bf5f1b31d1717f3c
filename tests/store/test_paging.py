"""Keyset pages against a plain list, and what a page costs."""

import sqlite3
from itertools import count
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll.store.app import Store
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedResponse,
    ImportedThread,
)
from tests.store.conftest import examples_share_a_store, on_one_engine
from tests.store.wire import add, page, recorded, texts

_number = count()


def _expected(
    order: str, present: list[int], limit: int, after: int | None, before: int | None
) -> tuple[list[int], bool]:
    """Return a page of ``present`` and its ``has_more``, by the plainest means."""
    listed = present if order == "asc" else present[::-1]
    sign = 1 if order == "asc" else -1
    if after is not None:
        listed = [each for each in listed if sign * each > sign * after]
    if before is not None:
        listed = [each for each in listed if sign * each < sign * before]
    if after is None and before is not None:
        return listed[-limit:], len(listed) > limit
    return listed[:limit], len(listed) > limit


@on_one_engine
@examples_share_a_store
@given(data=st.data(), length=st.integers(1, 12), order=st.sampled_from(["asc", "desc"]))
async def test_every_page_is_the_one_that_a_plain_list_has(
    store: Store, api: httpx2.AsyncClient, data: st.DataObject, length: int, order: str
) -> None:
    everything = list(range(length))
    # All of one second: only the place in the thread can order them.
    messages = [
        ImportedMessage(role="user", content=str(number), created_at=1, id=f"msg_{number}")
        for number in everything
    ]
    thread_id = f"thread_{next(_number)}"
    await store.import_thread(
        ImportedThread(key=thread_id, id=thread_id, created_at=1, messages=messages)
    )
    url = f"/threads/{thread_id}/messages"
    deleted = data.draw(st.sets(st.sampled_from(everything)))
    for number in deleted:
        await api.delete(f"{url}/msg_{number}")
    present = [number for number in everything if number not in deleted]
    for _ in range(3):
        limit = data.draw(st.integers(1, length + 1))
        after = data.draw(st.none() | st.sampled_from(everything))
        before = data.draw(st.none() | st.sampled_from(everything))
        params: dict[str, str | int] = {"limit": limit, "order": order}
        params |= {"after": f"msg_{after}"} if after is not None else {}
        params |= {"before": f"msg_{before}"} if before is not None else {}
        listed = await page(api, url, **params)
        found = ([int(text) for text in texts(listed)], listed["has_more"])
        assert found == _expected(order, present, limit, after, before)


@on_one_engine
@examples_share_a_store
@given(data=st.data(), order=st.sampled_from(["asc", "desc"]), limit=st.integers(1, 4))
async def test_a_walk_yields_what_stays_once_while_others_come_and_go(
    api: httpx2.AsyncClient, data: st.DataObject, order: str, limit: int
) -> None:
    reply = await api.post("/threads", json={"messages": [_message(at) for at in range(8)]})
    thread_id = reply.json()["id"]
    url = f"/threads/{thread_id}/messages"
    params: dict[str, str | int] = {"limit": limit, "order": order}
    whole = (await page(api, url, limit=100, order="asc"))["data"]
    made = [message["id"] for message in whole]
    alive, stays = set(made), set(made)
    walked: list[str] = []
    for _ in range(40):
        listed = await page(api, url, **params)
        walked += [message["id"] for message in listed["data"]]
        if not listed["has_more"]:
            break
        params["after"] = listed["last_id"]
        places = data.draw(st.sets(st.sampled_from(range(len(made))), max_size=2))
        doomed = {made[place] for place in places} & alive
        if data.draw(st.booleans()):
            doomed |= {listed["last_id"]} & alive
        for message_id in doomed:
            await api.delete(f"{url}/{message_id}")
        alive -= doomed
        stays -= doomed
        if data.draw(st.booleans()) and len(made) < 12:
            made.append(await add(api, thread_id, "new"))
            alive.add(made[-1])
    assert len(walked) == len(set(walked))
    found = [message_id for message_id in walked if message_id in stays]
    expected = [message_id for message_id in made if message_id in stays]
    assert found == (expected if order == "asc" else expected[::-1])


def _message(number: int) -> dict[str, str]:
    return {"role": "user", "content": str(number)}


@pytest.mark.parametrize(
    ("url", "index"),
    [
        ("/threads?after=thread_a", "living_threads"),
        ("/threads/thread_a/messages?after=msg_1", "living_messages"),
        ("/threads/thread_a/messages?before=msg_1", "living_messages"),
        ("/threads/thread_a/messages?run_id=run_a&after=msg_0&order=asc", "living_messages_of_run"),
        ("/conversations/conv_a/items?after=msg_1", "living_items"),
        ("/chat/completions?model=m", "living_completions_of_model"),
        ("/chat/completions/chatcmpl-a/messages?after=chatcmpl-a-0", "completion_messages_1"),
        ("/responses?after=resp_1", "living_responses"),
        ("/responses?conversation_id=conv_a", "living_responses_of_conversation"),
    ],
)
async def test_a_page_is_one_statement_for_each_table_that_walks_an_index_and_sorts_nothing(
    store: Store, api: httpx2.AsyncClient, path: Path, url: str, index: str
) -> None:
    messages = [
        ImportedMessage(role="user", content="a", created_at=1, id=f"msg_{at}", run_id="run_a")
        for at in range(3)
    ]
    for letter in "ba":
        await store.import_thread(
            ImportedThread(key=letter, id=f"thread_{letter}", created_at=1, messages=messages)
        )
        items = [
            ImportedItem({"type": "message", "role": "user", "content": "a", "id": f"msg_{at}"})
            for at in range(3)
        ]
        await store.import_conversation(
            ImportedConversation(key=letter, id=f"conv_{letter}", created_at=1, items=items)
        )
    await store.import_completion(
        ImportedCompletion(
            key="a",
            id="chatcmpl-a",
            created_at=1,
            model="m",
            choices=[],
            messages=[{"role": "user", "content": "a"}] * 2,
        )
    )
    for number in range(2):
        await store.import_response(
            ImportedResponse(
                key=f"{number}",
                id=f"resp_{number}",
                created_at=1,
                input=[],
                output=[{"role": "assistant", "content": "a"}],
                fields={"conversation": "conv_a"},
            )
        )
    with recorded() as seen:
        assert (await page(api, url))["data"]
    assert len(seen) == (2 if url.startswith("/responses") else 1)
    database = sqlite3.connect(path)
    plans = [
        [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
        for statement, parameters in seen
    ]
    database.close()
    assert index in plans[0][0]
    steps = [step for plan in plans for step in plan]
    assert not [step for step in steps if "TEMP B-TREE" in step]
    assert not [step for step in steps if step.startswith("SCAN") and index not in step]
