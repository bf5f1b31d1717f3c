"""Long outputs of tools are stored compressed on SQLite, and are read as if they were not."""

import json
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from backscroll.database.compressed_json import (
    LEAST_CHARS,
    compressed,
    length_of,
    load_stored_json,
    text_of,
)
from backscroll.database.locks import LOCK_S
from backscroll.database.opening import open_database
from backscroll.database.schema import items
from backscroll.database.sqlite_file import first_flaw
from backscroll.store.abridged import LARGE_CHARS
from backscroll.store.app import Store
from backscroll.store.archive.opening import opened_database
from backscroll.store.archive.records import ImportedConversation, ImportedItem
from backscroll.store.counting import count_messages
from backscroll.store.search import backfill, pending
from tests.store.conftest import Sql
from tests.store.wire import Json, error, page

LINE = "def größe(self) -> int: return 漢字 🙂 \\ \n"
SHORT, LONG, HUGE = "ok", LINE * 100, LINE * (LARGE_CHARS // 10)


def _output(number: int, text: str) -> Json:
    return {"type": "function_call_output", "call_id": f"call_{number}", "output": text}


def _said(text: str) -> Json:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def _conversation(*bodies: Json) -> ImportedConversation:
    given = [ImportedItem(body, 5, f"key {at}") for at, body in enumerate(bodies)]
    return ImportedConversation(key="k", id="conv_1", created_at=1, items=given)


SESSION = _conversation(_output(1, LONG), _output(2, SHORT), _output(3, HUGE), _said(LONG))


@pytest.fixture
async def session(store: Store) -> None:
    """A conversation with long and short outputs of tools, and a long message."""
    assert (await store.import_conversation(SESSION)).kind == "imported"


def _read(listed: list[Json]) -> list[Json]:
    """Return items as they were imported."""
    return [
        {name: value for name, value in each.items() if name not in {"id", "status", "created_at"}}
        for each in listed
    ]


@given(st.recursive(st.text() | st.integers() | st.none(), st.lists, max_leaves=5))
def test_any_json_is_the_same_after_it_was_compressed(value: object) -> None:
    text = json.dumps({"output": value}, ensure_ascii=False)
    try:
        stored = compressed(text)
    except UnicodeEncodeError:  # a lone surrogate, which the store replaces before
        return
    assert load_stored_json(stored) == {"output": value}
    assert int(stored.partition(b" ")[0]) == len(text)


@pytest.mark.usefixtures("session")
async def test_only_long_items_that_are_not_messages_are_compressed(
    sql: Sql, database_url: str
) -> None:
    if database_url.startswith("postgres"):
        [(count,)] = await sql("SELECT count(*) FROM items WHERE body->>'type' IS NOT NULL")
        assert count == len(SESSION.items)
        return
    found = await sql(
        "SELECT typeof(body), length(CAST(body AS BLOB)) FROM items ORDER BY position"
    )
    assert [kind for kind, _ in found] == ["blob", "text", "blob", "text"]
    assert found[0][1] < len(LONG.encode()) / 10


@pytest.mark.parametrize("preview", [None, 0, 1_000])
@pytest.mark.usefixtures("session")
async def test_a_page_has_items_whether_they_are_compressed_or_not(
    api: httpx2.AsyncClient, preview: int | None
) -> None:
    wanted = [each.item for each in SESSION.items]
    given = {} if preview is None else {"abridged": preview}
    found = (await page(api, "/conversations/conv_1/items", order="asc", **given))["data"]
    if preview:
        cut = {"output": LONG[:preview], "output_chars": len(LONG)}
        huge = {"output": HUGE[:preview], "output_chars": len(HUGE)}
        text = {"type": "input_text", "text": LONG[:preview], "text_chars": len(LONG)}
        wanted = [
            {**wanted[0], **cut},
            wanted[1],
            {**wanted[2], **huge},
            {**wanted[3], "content": [text]},
        ]
    assert _read(found) == wanted
    for each, item in zip(found, SESSION.items, strict=True):
        whole = (await api.get(f"/conversations/conv_1/items/{each['id']}")).json()
        assert _read([whole]) == [item.item]


@pytest.mark.usefixtures("session")
async def test_the_length_and_the_text_of_every_item_can_be_queried(database_url: str) -> None:
    query = select(length_of(items.c.body), text_of(items.c.body)).order_by(items.c.position)
    async with open_database(database_url, "store") as database:
        rows = await database.read(lambda connection: connection.execute(query).all())
    assert [length for length, _ in rows] == [len(text) for _, text in rows]
    outputs = [json.loads(text).get("output") for _, text in rows]
    assert outputs == [LONG, SHORT, HUGE, None]


@pytest.mark.usefixtures("session")
async def test_lists_find_and_count_the_messages_among_compressed_items(
    api: httpx2.AsyncClient, sql: Sql, database_url: str
) -> None:
    await sql("UPDATE conversations SET message_count = NULL")
    async with open_database(database_url, "store") as database:
        await count_messages(database, 0)
    assert await sql("SELECT message_count FROM conversations") == [(1,)]
    both: dict[str, str | int] = {"sort": "activity", "include[]": "conversations"}
    [listed] = (await page(api, "/threads", **both))["data"]
    assert listed["first_words"].startswith("def größe(self) -> int: return 漢字 🙂 \\ def")


async def test_compressed_items_are_compared_replaced_deleted_and_exported(
    store: Store, api: httpx2.AsyncClient, sql: Sql
) -> None:
    outcomes = [await store.import_conversation(SESSION)]
    outcomes.append(await store.import_conversation(SESSION))
    edited = _conversation(_output(1, HUGE), *[each.item for each in SESSION.items[1:]])
    outcomes.append(await store.import_conversation(edited))
    assert [(each.kind, each.replaced) for each in outcomes] == [
        ("imported", 0),
        ("present", 0),
        ("updated", 1),
    ]
    [exported] = [each async for each in store.export_conversations()]
    assert _read([dict(each.item) for each in exported.items]) == [
        each.item for each in edited.items
    ]
    gone = exported.items[2].item["id"]
    assert (await api.delete(f"/conversations/conv_1/items/{gone}")).status_code == 200
    assert await sql("SELECT body FROM items WHERE deleted_at IS NOT NULL") == [(None,)]


async def test_a_search_that_includes_tools_finds_text_that_is_compressed(
    store: Store, api: httpx2.AsyncClient, database_url: str
) -> None:
    """The index is built anew from the stored items, once it is to have the text of tools."""
    await store.import_conversation(_conversation(_output(1, f"{LONG} needle"), _said("hello")))
    assert (await page(api, "/search", query="needle"))["data"] == []
    async with opened_database(database_url, LOCK_S, indexes_tools=True) as database:
        await database.write(pending.add_tools)
        await backfill.fill(database, 0)
    found = (await page(api, "/search", query="needle"))["data"]
    assert [hit["role"] for hit in found] == ["tool"]


async def test_a_damaged_item_is_an_error_that_quotes_nothing(
    store: Store,
    api: httpx2.AsyncClient,
    sql: Sql,
    path: Path,  # noqa: ARG001 - SQLite alone compresses
) -> None:
    await store.import_conversation(SESSION)
    await sql("UPDATE items SET body = CAST('5000 not zstandard' AS BLOB) WHERE position = 1")
    assert error(await api.get("/conversations/conv_1/items"), 503) == {
        "message": "The database failed: its file is damaged (malformed compressed JSON). Nothing "
        "was written.",
        "param": None,
        "code": "database_damaged",
    }


async def test_a_compressed_item_is_no_flaw_and_a_damaged_one_is(
    store: Store, sql: Sql, path: Path
) -> None:
    """A database with a flaw stays out of service after it failed, and doctor reports it."""
    await store.import_conversation(SESSION)
    async with open_database(f"sqlite:///{path}", "store") as database:
        assert await database.read(lambda connection: first_flaw(connection, 9)) == ""
        await sql("UPDATE items SET body = CAST('5000 not zstandard' AS BLOB) WHERE position = 1")
        found = await database.read(lambda connection: first_flaw(connection, 9))
    assert found == "malformed JSON in items.body"


def test_a_text_is_worth_compressing_from_about_a_thousand_characters_on() -> None:
    text = json.dumps(_output(1, LINE * 30), ensure_ascii=False)[:LEAST_CHARS]
    assert len(compressed(text)) < len(text.encode()) / 2
