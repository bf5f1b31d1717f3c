"""`list-threads` over the real store: its order, its period, and what it shows."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from msgspec.structs import replace

from backscroll.store.app import Store, open_store
from backscroll.store.archive.records import (
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedThread,
)
from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import EMBEDDED, Upstream
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.tool import Bounds, Call, Result
from backscroll_tools.tools.list_threads import LIST_THREADS

NOVEMBER = 1_793_491_200
"""2026-11-01 in Unix seconds."""

BETA = {"OpenAI-Beta": "assistants=v2"}


@asynccontextmanager
async def _client() -> AsyncIterator[tuple[Store, httpx2.AsyncClient]]:
    async with open_store("sqlite://") as store:
        transport = httpx2.ASGITransport(app=store.app)
        async with httpx2.AsyncClient(transport=transport) as http:
            for day in (3, 1, 2):
                await store.import_thread(_thread(day))
            await store.import_conversation(
                ImportedConversation(
                    key="c",
                    id="conv_1",
                    created_at=NOVEMBER,
                    last_active_at=NOVEMBER + 86_400,
                    items=[ImportedItem({"role": "user", "content": "Where is it?"})],
                )
            )
            yield store, http


def _thread(day: int) -> ImportedThread:
    at = NOVEMBER + (day - 1) * 86_400 + 3_600
    words = ImportedMessage(role="user", content=f"Day {day}\nof it", created_at=at)
    title = {"title": "The third", "topic": "refunds"} if day == 3 else {}
    return ImportedThread(
        key=f"{day}", id=f"thread_{day}", created_at=NOVEMBER, messages=[words], metadata=title
    )


async def _list(
    http: httpx2.AsyncClient,
    bounds: Bounds | None = None,
    upstream: Upstream = EMBEDDED,
    **arguments: object,
) -> Result:
    call = Call.begin(Client(http, upstream), bounds)
    return await LIST_THREADS.run(call, validated(LIST_THREADS, arguments))


def _ids(result: Result) -> list[str]:
    return [each["id"] for each in result.structured["threads"]]


async def test_threads_and_conversations_are_shown_by_last_activity_with_title_or_words() -> None:
    async with _client() as (_, http):
        result = await _list(http)
    assert result.structured["threads"] == [
        {
            "id": "thread_3",
            "title": "The third",
            "created_at": NOVEMBER,
            "message_count": 1,
            "last_message_at": NOVEMBER + 176_400,
            "metadata": {"topic": "refunds"},
        },
        {
            "id": "thread_2",
            "created_at": NOVEMBER,
            "message_count": 1,
            "last_message_at": NOVEMBER + 90_000,
            "text": "Day 2 of it",
        },
        {
            "id": "conv_1",
            "created_at": NOVEMBER,
            "message_count": 1,
            "last_message_at": NOVEMBER + 86_400,
            "text": "Where is it?",
        },
        {
            "id": "thread_1",
            "created_at": NOVEMBER,
            "message_count": 1,
            "last_message_at": NOVEMBER + 3_600,
            "text": "Day 1 of it",
        },
    ]
    assert " thread thread_3 2026-11-03 01:00 UTC\n" in result.text
    assert " thread conv_1 00:00\n" in result.text


@pytest.mark.parametrize(
    ("limits", "ids"),
    [
        ({"since": "2026-11-02"}, ["thread_3", "thread_2", "conv_1"]),
        ({"until": "2026-11-02"}, ["thread_2", "conv_1", "thread_1"]),
        ({"since": "2026-11-02T00:30", "until": "2026-11-02"}, ["thread_2"]),
        ({"since": "2026-12", "order": "asc"}, []),
        ({"until": "2026-11-02", "order": "asc"}, ["thread_1", "conv_1", "thread_2"]),
        ({"after": "conv_1"}, ["thread_1"]),
        ({"before": "conv_1"}, ["thread_3", "thread_2"]),
    ],
)
async def test_since_until_after_and_before_limit_the_list(limits: JSON, ids: list[str]) -> None:
    async with _client() as (_, http):
        assert _ids(await _list(http, **limits)) == ids


async def test_a_cursor_keeps_the_period_and_refuses_another() -> None:
    async with _client() as (_, http):
        first = await _list(http, since="99y", until="2026-11-02", limit=2)
        cursor = first.structured["page"]["next_cursor"]
        assert _ids(await _list(http, cursor=cursor)) == ["thread_1"]
        assert _ids(await _list(http, cursor=cursor, since="99y")) == ["thread_1"]
        with pytest.raises(ToolError, match="cursor conflicts with since"):
            await _list(http, cursor=cursor, since="1y")
        with pytest.raises(ToolError, match="since is not a date, a time or an age"):
            await _list(http, since="last week")


async def test_a_thread_that_moves_up_during_the_walk_comes_again() -> None:
    async with _client() as (_, http):
        first = await _list(http, limit=2)
        url = f"{EMBEDDED.base_url}/threads/thread_1/messages"
        reply = await http.post(url, json={"role": "user", "content": "a"}, headers=BETA)
        assert reply.status_code == 200
        rest = await _list(http, cursor=first.structured["page"]["next_cursor"])
    assert [*_ids(first), *_ids(rest)] == ["thread_3", "thread_2", "conv_1", "thread_1"]
    assert rest.structured["page"]["has_more"] is False


async def test_a_thread_too_long_for_a_page_is_read_on_at_its_place() -> None:
    long = {f"key {n}": "v" * 500 for n in range(12)}
    async with _client() as (store, http):
        await store.import_thread(replace(_thread(4), metadata=long))
        cursor, shown = None, ""
        for _ in range(9):
            arguments: JSON = {"cursor": cursor} if cursor else {"limit": 1}
            result = await _list(http, Bounds(result_chars=3_000, output="text"), **arguments)
            (thread, *_) = result.structured["threads"]
            shown += thread.get("fields_json", "")
            cursor = result.structured["page"]["next_cursor"]
            if thread["id"] != "thread_4":
                break
    assert all(f'"{key}":"{value}"' in shown for key, value in long.items())


async def test_an_upstream_without_activity_dates_threads_by_their_creation() -> None:
    profile = dataclasses.replace(EMBEDDED.profile, lists_by_activity=False)
    other = dataclasses.replace(EMBEDDED, profile=profile)
    async with _client() as (_, http):
        listed = await _list(http, upstream=other, since="2026-11-01", until="2026-11-01")
        assert _ids(await _list(http, upstream=other, since="2026-11-02")) == []
    assert _ids(listed) == ["thread_2", "thread_1", "thread_3"]
    warning = "since and until were compared with the times of creation"
    assert listed.structured["page"]["warning"] == warning
