"""The database of a recorder: both engines keep the same, and no answer is lost silently."""

# ruff: noqa: ASYNC240 - a test may wait for a file of its own

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import cast

import openai
import pytest
from sqlalchemy import Connection, Engine, event

from backscroll.database.sqlite_engine import WritingDialect
from backscroll.store.clock import Clock
from tests.models.dialects import OLLAMA
from tests.store.recorder.recording import (
    asked,
    chunks_of,
    completed,
    events_of,
    listed,
    recording,
    responded,
    texts,
)

KEY = {"Idempotency-Key": "once"}


async def test_both_engines_keep_the_same(database_url: str) -> None:
    async with recording(OLLAMA, database_url) as here:
        conversation = await here.client.conversations.create()
        *_, last = [
            await responded(here.client, input=text, conversation=conversation.id, stream=True)
            for text in ("one", "two", "three")
        ]
        again = await responded(here.client, input="four", extra_headers=KEY)
        repeated = await responded(here.client, input="four", extra_headers=KEY)
        completion = await completed(
            here.client, model="m", messages=asked("five"), store=True, metadata={"a": "b"}
        )
        kept = await here.client.responses.retrieve(last.id)
        items = await here.client.conversations.items.list(conversation.id, order="asc")
        found = await here.client.chat.completions.list(metadata={"a": "b"})
        hits = await listed(here.client, "/search?query=five")
    assert kept.model_dump() == last.model_dump()
    said = [text for word in ("one", "two", "three") for text in (word, f"You said: {word}")]
    assert texts(items.data) == said
    assert repeated == again
    assert [each.id for each in found.data] == [completion.id]
    assert {hit["thread_id"] for hit in hits} == {completion.id}


async def test_a_response_that_another_recorder_wrote_is_continued(database_url: str) -> None:
    async with recording(database=database_url) as one, recording(database=database_url) as other:
        first = await responded(one.client, input="one", extra_headers=KEY)
        await responded(other.client, input="two", previous_response_id=first.id)
        sent = (await other.model.last())["body"]
        repeated = await responded(other.client, input="one", extra_headers=KEY)
    assert texts(sent["input"]) == ["one", "You said: one", "two"]
    assert repeated == first


async def test_no_model_is_asked_while_the_database_cannot_be_written(path: Path) -> None:
    async with recording(database=f"sqlite:///{path}") as here:
        await responded(here.client, input="one")
        elsewhere = path.with_name("elsewhere.db")
        path.rename(elsewhere)
        for answering in (
            responded(here.client, input="two"),
            events_of(here.client, input="two"),
            completed(here.client, model="m", messages=asked("two"), store=True),
            chunks_of(here.client, model="m", messages=asked("two"), store=True),
        ):
            with pytest.raises(openai.InternalServerError) as refused:
                await answering
            assert (refused.value.status_code, refused.value.code) == (503, "database_missing")
            assert refused.value.response.headers["retry-after"] == "60"
        not_kept = await completed(here.client, model="m", messages=asked("two"))
        elsewhere.rename(path)
        assert (await responded(here.client, input="three")).output_text == "You said: three"
        assert len(await here.model.asked()) == 3
    assert not_kept.choices[0].message.content == "You said: two"


async def test_a_locked_database_is_answered_with_503_and_retry_after(path: Path) -> None:
    async with recording(database=f"sqlite:///{path}", lock_s=0.1) as here:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(openai.InternalServerError) as refused:
                await responded(here.client, input="one")
        assert await here.model.asked() == []
        retried = await responded(here.client, input="one")
    assert (refused.value.status_code, refused.value.code) == (503, "database_busy")
    assert refused.value.response.headers["retry-after"] == "1"
    assert retried.output_text == "You said: one"


async def test_a_stream_that_cannot_be_kept_ends_with_an_error_and_is_not_said_to_be_whole(
    path: Path,
) -> None:
    text = "/pause 0.01\n/say a b c d e f g h"
    elsewhere = path.with_name("elsewhere.db")
    async with recording(database=f"sqlite:///{path}") as here:
        stream = await here.client.responses.create(model="m", input=text, stream=True)
        events = aiter(stream)
        await anext(events)
        path.rename(elsewhere)
        last = [event async for event in events][-1]
        elsewhere.rename(path)
        completion = await here.client.chat.completions.create(
            model="m", messages=asked(text), stream=True, store=True
        )
        chunks = aiter(completion)
        await anext(chunks)
        path.rename(elsewhere)
        with pytest.raises(openai.APIError, match="its file cannot be opened"):
            [chunk async for chunk in chunks]
        elsewhere.rename(path)
        assert await listed(here.client, "/responses") == []
        assert await listed(here.client, "/chat/completions") == []
        assert (await responded(here.client, input="after")).output_text == "You said: after"
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert "Nothing was written" in last.response.error.message


async def test_a_full_disk_is_noticed_once_and_then_no_model_is_asked(path: Path) -> None:
    """SQLite's own limit of pages stands for the disk's end: both are SQLITE_FULL."""
    pages, passed_s = [1_000_000], [0.0]
    clock = Clock(monotonic=lambda: time.monotonic() + passed_s[0])

    def limit(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages[0]}").close()

    def begin(connection: Connection) -> None:
        if isinstance(connection.dialect, WritingDialect):  # the index's own task also reads
            limit(cast("sqlite3.Connection", connection.connection.driver_connection))

    event.listen(Engine, "connect", limit)
    event.listen(Engine, "begin", begin)
    try:
        async with recording(database=f"sqlite:///{path}", clock=clock) as here:
            await responded(here.client, input="one")
            pages[0] = path.stat().st_size // 4096
            for _ in range(3):
                with pytest.raises(openai.InternalServerError) as refused:
                    await responded(here.client, input="two " * 10_000)
                assert (refused.value.status_code, refused.value.code) == (503, "database_full")
                assert refused.value.response.headers["retry-after"] == "60"
            assert len(await here.model.asked()) == 2
            pages[0] = 1_000_000
            passed_s[0] = 61.0
            after = await responded(here.client, input="three")
            kept = await listed(here.client, "/responses?order=asc")
    finally:
        event.remove(Engine, "connect", limit)
        event.remove(Engine, "begin", begin)
    assert [each["output"][0]["content"][0]["text"] for each in kept] == [
        "You said: one",
        "You said: three",
    ]
    assert after.output_text == "You said: three"


async def test_best_effort_passes_answers_on_although_they_cannot_be_kept(path: Path) -> None:
    async with recording(database=f"sqlite:///{path}", record="best-effort") as here:
        await responded(here.client, input="one")
        elsewhere = path.with_name("elsewhere.db")
        path.rename(elsewhere)
        whole = await responded(here.client, input="two")
        streamed = await responded(here.client, input="three", stream=True)
        elsewhere.rename(path)
        kept = await listed(here.client, "/responses")
    assert [whole.output_text, streamed.output_text] == ["You said: two", "You said: three"]
    assert len(kept) == 1
