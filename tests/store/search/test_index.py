"""The index is what a scan of the messages finds, whatever was written, deleted and imported."""

import asyncio
import logging
import os
import shutil
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TypeVar

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from backscroll.database.faults import DatabaseBusyError
from backscroll.database.opening import open_database
from backscroll.database.port import Database, Work
from backscroll.database.sqlite import open_sqlite
from backscroll.store.app import Store, store_over
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedResponse,
    ImportedThread,
)
from backscroll.store.search import backfill, index, merging, pending, terms
from backscroll.store.search.rows import Row
from backscroll.store.search.texts import THREAD
from backscroll.store.search.tool_indexing import ToolIndexingDatabase
from tests.store.conftest import V2, Sql, examples_share_a_store
from tests.store.replicas import client_of
from tests.store.search.contents import indexed, scanned
from tests.store.search.writer import ACTIONS, WORDS, Writer
from tests.store.wire import add, add_items, new_conversation, new_thread, page
from tests.store.wrapped import BusyDatabase, WrappedDatabase

T = TypeVar("T")
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join).filter(bool)
PARTS = "SELECT count(DISTINCT segid) FROM search_terms_idx"
ACTED = st.tuples(st.integers(0, ACTIONS - 1), st.integers(0, 5), TEXTS)
ACTS = st.lists(ACTED, min_size=4, max_size=12)


@settings(examples_share_a_store, max_examples=6)
@given(actions=ACTS, more=ACTS)
async def test_the_index_has_exactly_what_a_scan_of_the_messages_finds(  # noqa: PLR0917 - fixtures, and what is drawn
    store: Store,
    api: httpx2.AsyncClient,
    sql: Sql,
    database_url: str,
    actions: list[tuple[int, int, str]],
    more: list[tuple[int, int, str]],
) -> None:
    postgres = database_url.startswith("postgres")
    others = {"OpenAI-Project": "other", "OpenAI-Beta": "assistants=v2"}
    transport = httpx2.ASGITransport(app=store.app)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://store/v1", headers=others
    ) as other:
        for writer, todo in (
            (Writer(store, api, ""), actions),
            (Writer(store, other, "other"), more),
        ):
            for action in todo:
                await writer.act(*action)
    assert await indexed(sql, postgres=postgres) == await scanned(sql, postgres=postgres)


async def test_words_of_deleted_messages_are_overwritten_in_the_file(path: Path) -> None:
    words = [f"xylophon{number}" for number in range(400)]
    async with open_database(f"sqlite:///{path}", "store") as database:
        async with client_of(await store_over(database)) as api:
            thread = await new_thread(api)
            await new_thread(api, ("what stays", "is more"))
            for at in range(0, len(words), 50):
                await add(api, thread, " ".join(words[at : at + 50]))
            assert b"xylophon" in await asyncio.to_thread(path.read_bytes)
            assert (await api.delete(f"/threads/{thread}")).status_code == 200
        await backfill.fill(database, 0)
        assert b"xylophon" not in await asyncio.to_thread(path.read_bytes)


@pytest.mark.parametrize(("words", "merges"), [(10, True), (20_000, False)])
async def test_a_deletion_merges_only_an_index_that_takes_one_step(
    path: Path, words: int, *, merges: bool
) -> None:
    async with open_database(f"sqlite:///{path}", "store") as database:
        async with client_of(await store_over(database)) as api:
            thread = await new_thread(api)
            text = " ".join(f"{7_919 * number:x}word" for number in range(words))
            message = await add(api, thread, text)
            await merging.merge(database, 0)
            deleted = await add(api, thread, "xylophone")
            before = await database.read(_segments)
            assert (await api.delete(f"/threads/{thread}/messages/{deleted}")).status_code == 200
            after = await database.read(_segments)
            assert (len(before), len(after), before < after) == (2, 1 if merges else 3, not merges)
            assert (await api.delete(f"/threads/{thread}/messages/{message}")).status_code == 200
        await backfill.fill(database, 0)
        assert await database.read(_segments) == set()


def _segments(connection: Connection) -> set[int]:
    return set(connection.exec_driver_sql("SELECT segid FROM search_terms_idx").scalars())


async def test_merging_ends_with_a_single_part_of_the_index(path: Path) -> None:
    async with open_database(f"sqlite:///{path}", "store") as database:
        async with client_of(await store_over(database)) as api:
            thread = await new_thread(api)
            for number in range(12):
                await add(api, thread, f"boat {number}")
        assert await database.read(terms.is_scattered)
        await merging.merge(database, 0)
        assert await database.read(lambda each: each.exec_driver_sql(PARTS).scalar_one()) == 1


async def test_writes_between_the_steps_of_a_merge_do_not_begin_it_anew(path: Path) -> None:
    # FTS5 refuses every write, as if the disk were full, once the index has 2,000 parts.
    row = Row(owner=1, created_at=0, position=1, scope=0, length=1, role=0, version=1)

    def write(connection: Connection, number: int) -> int:
        terms.add(connection, [(row, [f"w{number}x{at}" for at in range(500)])])
        terms.merge(connection, everything=True)
        parts: int = connection.exec_driver_sql(PARTS).scalar_one()
        return parts

    async with open_database(f"sqlite:///{path}", "store") as database:
        parts = [await database.write(partial(write, number=number)) for number in range(200)]
        assert max(parts) < 100
        await merging.merge(database, 0)
        assert not await database.read(terms.is_scattered)


async def test_parts_are_merged_once_no_messages_are_added(path: Path) -> None:
    row = Row(owner=1, created_at=0, position=1, scope=0, length=1, role=0, version=1)

    async with open_database(f"sqlite:///{path}", "store") as database:

        async def write(transactions: int) -> None:
            for _ in range(transactions):
                await database.write(partial(terms.add, added=[(row, ["boat"])] * 20))

        async def parts() -> int:
            found: int = await database.read(lambda each: each.exec_driver_sql(PARTS).scalar_one())
            return found

        checks = merging.Merging()
        for written in range(1, 6):
            await write(1)
            await checks.check(database, 0)
            assert await parts() == written
        await checks.check(database, 0)
        assert await parts() == 1
        await write(3)
        for _ in range(2):
            await checks.check(database, 0)
        assert await parts() == 4


async def test_a_merge_that_a_lock_stops_is_told_and_goes_on_at_the_next_check(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    row = Row(owner=1, created_at=0, position=1, scope=0, length=1, role=0, version=1)
    async with open_database(f"sqlite:///{path}", "store") as database:
        for _ in range(4):
            await database.write(partial(terms.add, added=[(row, ["boat"])] * 20))
        locked, checks = BusyDatabase(database, {0, 1}), merging.Merging(newest=80)
        await checks.check(locked, 0)
        told = "the search index is not merged yet: another program or transaction has locked"
        assert caplog.messages == [f"{told} the database"]
        with pytest.raises(DatabaseBusyError):
            await merging.merge(locked, 0)
        await checks.check(locked, 0)
        assert await database.read(terms.parts) == 1


async def test_parts_of_similar_size_are_merged_while_messages_are_always_added(path: Path) -> None:
    row = Row(owner=1, created_at=0, position=1, scope=0, length=1, role=0, version=1)
    async with open_database(f"sqlite:///{path}", "store") as database:
        checks, parts = merging.Merging(busy_rows=200), []
        for _ in range(25):
            added = [(row, ["boat"])] * 10
            await database.write(partial(terms.add, added=added))
            await checks.check(database, 0)
            parts += [await database.read(lambda on: on.exec_driver_sql(PARTS).scalar_one())]
        assert parts == [*range(1, 20), 1, *range(2, 7)]


@pytest.mark.usefixtures("store")
async def test_a_store_without_an_index_is_indexed_while_it_is_open(
    store: Store, api: httpx2.AsyncClient, sql: Sql, database_url: str
) -> None:
    postgres = database_url.startswith("postgres")
    for number in range(3):
        await new_thread(api, (f"hello {number}", "again"))
    await new_conversation(api, ("well", "known"))
    messages = [ImportedMessage(role="user", content=f"m{n}", created_at=1) for n in range(250)]
    await store.import_thread(ImportedThread(key="long", created_at=1, messages=messages))
    async with open_database(database_url, "store") as database:
        await database.write(pending.start_over)
        assert await indexed(sql, postgres=postgres) == {}
        assert not await database.read(backfill.is_whole)
        during = asyncio.create_task(
            add_items(api, await new_conversation(api), {"role": "user", "content": "new"})
        )
        await asyncio.gather(during, backfill.fill(database, 0), backfill.fill(database, 0))
        assert await database.read(backfill.is_whole)
    assert await indexed(sql, postgres=postgres) == await scanned(sql, postgres=postgres)
    assert len(await scanned(sql, postgres=postgres)) == 259


@pytest.mark.parametrize("headers", [{}, {"OpenAI-Project": "other"}], ids=["default", "other"])
async def test_a_title_that_comes_and_goes_is_indexed_once_even_without_a_text(
    api: httpx2.AsyncClient, sql: Sql, database_url: str, headers: dict[str, str]
) -> None:
    postgres = database_url.startswith("postgres")
    api.headers.update(headers)
    image = {"type": "image_file", "image_file": {"file_id": "file-1"}}
    made = await api.post("/threads", json={"messages": [{"role": "user", "content": [image]}]})
    thread = made.json()["id"]
    for title in ("boat", "", "boat", "ship"):
        await api.post(f"/threads/{thread}", json={"metadata": {"title": title}})
        assert await indexed(sql, postgres=postgres) == await scanned(sql, postgres=postgres)


async def test_the_index_is_kept_although_the_database_was_locked_when_it_was_opened(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with open_sqlite(f"sqlite:///{path}", "store", lock_s=0.05) as database:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            keeping = asyncio.create_task(backfill.keep_whole(database))
            while not caplog.messages and not keeping.done():  # noqa: ASYNC110 - no event
                await asyncio.sleep(0)
        assert not keeping.done()
        await backfill.stop(keeping)
    (message,) = caplog.messages
    assert message.startswith("the search index is not complete yet: ")


class Replacing(WrappedDatabase):
    """A database whose file is replaced after the first write, as a restore does it."""

    def __init__(self, database: Database, path: Path, backup: Path) -> None:
        super().__init__(database)
        self._path = path
        self._backup = backup

    async def write(self, work: Work[T], turn: str = "") -> T:
        value = await super().write(work, turn)
        if self._backup.exists():
            os.replace(self._backup, self._path)  # noqa: PTH105 - as a restore does it
        return value


async def test_a_file_that_was_replaced_while_it_was_indexed_is_indexed_from_the_start(
    path: Path,
) -> None:
    backup = path.with_name("backup.db")
    indexed_rows = partial(index.rows_of, owner=index.owner_of(THREAD, 1))
    messages = [ImportedMessage(role="user", content=f"m{n}", created_at=1) for n in range(250)]
    async with open_database(f"sqlite:///{path}", "store") as database:
        store = await store_over(database)
        await store.import_thread(ImportedThread(key="long", created_at=1, messages=messages))
        await database.write(pending.start_over)
        shutil.copyfile(path, backup)
        await backfill.fill(Replacing(database, path, backup), 0)
        assert await database.read(backfill.is_whole)
        assert len(await database.read(indexed_rows)) == 250


class Watched(WrappedDatabase):
    """A database that records how many messages of an owner are indexed after each write."""

    def __init__(self, database: Database, owner: int) -> None:
        super().__init__(database)
        self._indexed = partial(index.rows_of, owner=owner)
        self.counts: list[int] = []

    async def write(self, work: Work[T], turn: str = "") -> T:
        value = await super().write(work, turn)
        self.counts.append(len(await self.read(self._indexed)))
        return value


async def test_a_transaction_indexes_a_bounded_number_of_characters(path: Path) -> None:
    texts = ["boat"] * 7 + ["a boat in the harbour"] * 3 + ["boat"] * 7
    messages = [ImportedMessage(role="user", content=text, created_at=1) for text in texts]
    async with open_database(f"sqlite:///{path}", "store") as database:
        store = await store_over(database)
        await store.import_thread(ImportedThread(key="long", created_at=1, messages=messages))
        await database.write(pending.start_over)
        watched = Watched(database, index.owner_of(THREAD, 1))
        await backfill.fill(watched, 0, chunk_chars=10)
        assert await database.read(backfill.is_whole)
    assert watched.counts == [3, 6, 8, 9, 10, 12, 15, 17, 17]


class Repeating(WrappedDatabase):
    """A database that rolls back each write, and then runs it again, as it may by its contract."""

    async def write(self, work: Work[T], turn: str = "") -> T:
        def again(connection: Connection) -> T:
            connection.exec_driver_sql("SAVEPOINT first_run")
            work(connection)
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT first_run")
            connection.exec_driver_sql("RELEASE SAVEPOINT first_run")
            return work(connection)

        return await super().write(again, turn)


async def test_a_message_is_indexed_even_if_its_transaction_ran_twice(path: Path) -> None:
    messages = [ImportedMessage(role="user", content=f"m{n}", created_at=1) for n in range(250)]
    async with open_database(f"sqlite:///{path}", "store") as database:
        store = await store_over(database)
        await store.import_thread(ImportedThread(key="long", created_at=1, messages=messages))
        await database.write(pending.start_over)
        await backfill.fill(Repeating(database), 0)
        assert await database.read(backfill.is_whole)
        owner = index.owner_of(THREAD, 1)
        assert len(await database.read(partial(index.rows_of, owner=owner))) == 250


CALL = {"type": "function_call", "name": "find_boat", "arguments": '{"a": "tug"}', "call_id": "c"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "The anchor is lost."}
CONTENTS = [
    ImportedThread(
        key="t",
        id="thread_1",
        created_at=1,
        metadata={"title": "Lighthouse"},
        messages=[
            ImportedMessage(id="msg_1", role="tool", content="The harbour.", created_at=1),
            ImportedMessage(id="msg_2", role="user", content="Plain words.", created_at=2),
        ],
    ),
    ImportedConversation(
        key="c",
        id="conv_1",
        created_at=3,
        items=[
            ImportedItem({"role": "user", "content": "More words."}),
            ImportedItem({"id": "fc_1", **CALL}),
            ImportedItem({"id": "fco_1", **OUTPUT}),
            ImportedItem(
                {
                    "id": "rs_1",
                    "type": "reasoning",
                    "summary": [{"type": "summary_text", "text": "An anchor?"}],
                }
            ),
        ],
    ),
    ImportedCompletion(
        key="d",
        id="chatcmpl-1",
        created_at=4,
        model="m",
        messages=[
            {
                "role": "assistant",
                "content": "I look.",
                "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "buoy"}}
                ],
            },
            {"role": "tool", "tool_call_id": "c", "content": "A lantern."},
        ],
        choices=[{"index": 0, "message": {"role": "assistant", "content": "Done."}}],
    ),
    ImportedResponse(
        key="r",
        id="resp_1",
        created_at=5,
        input=[{**OUTPUT, "id": "fco_2", "output": "A wharf."}],
        output=[{**CALL, "id": "fc_2", "name": "f", "arguments": "gull"}],
    ),
]
FOUND = {
    "harbour": [("msg_1", "tool", "The harbour.")],
    "lighthouse": [("msg_1", "tool", "The harbour.")],
    "find_boat": [("fc_1", "tool", 'find_boat\n{"a": "tug"}')],
    "anchor": [("fco_1", "tool", "The anchor is lost.")],
    "buoy": [("chatcmpl-1-0", "assistant", "I look.\nf\nbuoy")],
    "lantern": [("chatcmpl-1-1", "tool", "A lantern.")],
    "wharf": [("fco_2", "tool", "A wharf.")],
    "gull": [("fc_2", "tool", "f\ngull")],
}
NOTHING: dict[str, list[tuple[str, str, str]]] = {query: [] for query in FOUND}


async def imported(store: Store) -> None:
    thread, conversation, completion, response = CONTENTS
    assert isinstance(thread, ImportedThread)
    assert isinstance(conversation, ImportedConversation)
    assert isinstance(completion, ImportedCompletion)
    assert isinstance(response, ImportedResponse)
    await store.import_thread(thread)
    await store.import_conversation(conversation)
    await store.import_completion(completion)
    await store.import_response(response)


async def hits(store: Store) -> dict[str, list[tuple[str, str, str]]]:
    transport = httpx2.ASGITransport(app=store.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://store/v1") as api:
        found = {}
        for query in FOUND:
            listed = await page(api, "/search", query=query)
            assert listed["search"]["complete"]
            found[query] = [
                (hit["id"], hit["role"], hit["excerpt"]["text"]) for hit in listed["data"]
            ]
        return found


@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
async def test_the_text_of_tools_is_found_if_the_operator_chooses_that(
    database_url: str, sql: Sql, *, later: bool
) -> None:
    """Messages that were written before are indexed in the background."""
    postgres = database_url.startswith("postgres")
    async with open_database(database_url, "store") as database:
        plain, everything = (
            await store_over(database),
            await store_over(marking := ToolIndexingDatabase(database)),
        )
        await imported(plain if later else everything)
        titles: dict[str, list[tuple[str, str, str]]] = {"lighthouse": [("msg_1", "tool", "")]}
        if later:
            assert await hits(plain) == NOTHING | titles
            for _ in range(2):  # the second time, nothing is left to do
                await marking.write(pending.add_tools)
                await backfill.fill(marking, 0)
        found = await hits(plain)
        # A message that was indexed for its other text or title stays as it is.
        also_indexed: dict[str, list[tuple[str, str, str]]] = (
            {"buoy": [], "harbour": []} | titles if later else {}
        )
        assert found == FOUND | also_indexed
        # Whoever changes or deletes a message later removes the same words.
        transport = httpx2.ASGITransport(app=plain.app)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://store/v1", headers=V2
        ) as api:
            await api.post("/threads/thread_1", json={"metadata": {"title": "Windmill"}})
            assert (await hits(plain))["lighthouse"] == []
            for url in (
                "threads/thread_1/messages/msg_1",
                *("conversations/conv_1/items/fc_1", "conversations/conv_1/items/fco_1"),
            ):
                assert (await api.delete(f"/{url}")).status_code == 200
            gone: dict[str, list[tuple[str, str, str]]] = {
                query: [] for query in ("harbour", "lighthouse", "find_boat", "anchor")
            }
            assert await hits(plain) == found | gone
            for url in (
                *("threads/thread_1", "conversations/conv_1"),
                *("chat/completions/chatcmpl-1", "responses/resp_1"),
            ):
                assert (await api.delete(f"/{url}")).status_code == 200
        assert await hits(plain) == NOTHING
        assert await indexed(sql, postgres=postgres) == {}


async def test_an_import_that_changes_calls_of_tools_replaces_their_text(
    database_url: str, sql: Sql
) -> None:
    """A store that indexes no text of tools removes that of another process all the same."""

    def of(*texts: str) -> ImportedConversation:
        calls = [{**CALL, "arguments": text} for text in texts]
        items = [ImportedItem(call, key=str(at)) for at, call in enumerate(calls)]
        return ImportedConversation(key="c", id="conv_1", created_at=1, items=items)

    async with open_database(database_url, "store") as database:
        store = await store_over(ToolIndexingDatabase(database))
        await store.import_conversation(of("harbour", "anchor", "lantern"))
        await store.import_conversation(of("harbour", "buoy"))
        found = await hits(store)
        plain = await store_over(database)
        await plain.import_conversation(of("lighthouse", "buoy"))
        left = await hits(plain)

    of_tools = {
        query: [text for _, _, text in of_query]
        for query, of_query in found.items()
        if of_query and query != "find_boat"
    }
    assert of_tools == {"harbour": ["find_boat\nharbour"], "buoy": ["find_boat\nbuoy"]}
    assert [text for _, _, text in left["find_boat"]] == ["find_boat\nbuoy"]
    assert len(await indexed(sql, postgres=database_url.startswith("postgres"))) == 1
