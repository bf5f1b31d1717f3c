"""What is forgotten is in no file any more, and no import brings it back."""

import sqlite3
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from msgspec.structs import replace

from backscroll.database.sqlite import open_sqlite
from backscroll.store.app import Store, store_over
from backscroll.store.archive.records import (
    Forgettable,
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedResponse,
    ImportedThread,
    Selection,
)
from tests.store.conftest import Kept, Sql
from tests.store.replicas import client_of
from tests.store.wire import Json, add_items, new_conversation, page

SECRET = "quisquilian"  # a word that no other text has
TEXT = f"{SECRET} marmalade. " * 40

CONVERSATION = ImportedConversation(
    key=f"chatgpt:{SECRET}",
    created_at=100,
    last_active_at=200,
    items=[
        ImportedItem({"role": "user", "content": TEXT}, created_at=150, key="a"),
        ImportedItem(
            {"type": "function_call_output", "call_id": "1", "output": TEXT},
            created_at=160,
            key="b",
        ),
    ],
    metadata={"title": f"About {SECRET}", "source": "chatgpt", "project": "/home/ada"},
)
THREAD = ImportedThread(
    key="t",
    id="thread_1",
    created_at=300,
    messages=[ImportedMessage(role="user", content=TEXT, created_at=400)],
    metadata={"title": SECRET, "source": "slack"},
)
COMPLETION = ImportedCompletion(
    key="c",
    id="chatcmpl-1",
    created_at=500,
    model="m",
    choices=[{"index": 0, "message": {"role": "assistant", "content": TEXT}}],
    messages=[{"role": "user", "content": TEXT}],
    metadata={"topic": SECRET, "source": "chatgpt"},
)
RESPONSE = ImportedResponse(
    key="r",
    id="resp_1",
    created_at=600,
    input=[{"role": "user", "content": TEXT}],
    output=[{"role": "assistant", "content": TEXT}],
    metadata={"title": SECRET, "source": "codex"},
    fields={"instructions": TEXT},
)


async def fill(store: Store) -> None:
    await store.import_thread(THREAD)
    await store.import_completion(COMPLETION)
    await store.import_conversation(CONVERSATION)
    await store.import_response(RESPONSE)


def holding(path: Path) -> list[str]:
    """Return which of a database's files have the word."""
    return [
        file.name
        for file in sorted(path.parent.glob(f"{path.name}*"))
        if SECRET.encode() in file.read_bytes()
    ]


@pytest.mark.parametrize("version", [(3, 50, 6), (3, 51, 3)], ids=["truncate", "wal"])
async def test_no_file_has_it_any_more(version: tuple[int, int, int], path: Path) -> None:
    async with (
        open_sqlite(f"sqlite:///{path}", "store", sqlite_version=version) as database,
        client_of(await store_over(database)) as api,
    ):
        store = await store_over(database)
        await fill(store)
        made = await api.post(
            "/conversations",
            json={"items": [{"role": "user", "content": TEXT}], "metadata": {"title": SECRET}},
            headers={"Idempotency-Key": "k"},
        )
        conversation = made.json()["id"]
        await add_items(api, conversation, {"role": "user", "content": TEXT})
        await new_conversation(api, ("Another one stays.",))
        for at in range(20):  # spreads what follows over several parts of the index
            await store.import_thread(replace(THREAD, key=f"t{at}", id=f"thread_t{at}"))
        before = holding(path)
        ids = [conversation, *(f"thread_t{at}" for at in range(20))]
        found = await store.forgettable(Selection(ids=ids))
        found += await store.forgettable(Selection(source="chatgpt"))
        found += await store.forgettable(Selection(source="codex"))
        found += await store.forgettable(Selection(source="slack", before_s=401))
        outcome = await store.forget(found)
        assert (outcome.erased, outcome.is_log_empty) == (25, True)
        assert before != []
        assert holding(path) == []
        replayed = await api.post(
            "/conversations",
            json={"items": [{"role": "user", "content": TEXT}], "metadata": {"title": SECRET}},
            headers={"Idempotency-Key": "k"},
        )
        assert replayed.status_code == 410
        [left] = (await page(api, "/conversations"))["data"]
        assert left["message_count"] == 1


async def test_a_log_that_another_process_reads_is_not_empty(path: Path) -> None:
    url = f"sqlite:///{path}"
    async with open_sqlite(url, "store", lock_s=0.1, sqlite_version=(3, 51, 3)) as database:
        store = await store_over(database)
        await fill(store)
        with closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM items").fetchone()
            outcome = await store.forget(await store.forgettable(Selection(before_s=1_000)))
            assert (outcome.erased, outcome.is_log_empty) == (4, False)
        assert (await store.forget([])).is_log_empty
    assert holding(path) == []


async def test_nothing_shows_it_and_no_import_brings_it_back(
    store: Store, api: httpx2.AsyncClient, kept: Kept, sql: Sql
) -> None:
    await fill(store)
    every = await store.forgettable(Selection(before_s=1_000))
    assert [(each.kind, each.title, each.messages, each.last_active_at) for each in every] == [
        ("response", SECRET, 2, 600),
        ("chat completion", SECRET, 1, 500),
        ("thread", SECRET, 1, 400),
        ("conversation", f"About {SECRET}", 1, 200),
    ]
    assert (await store.forget(every)).erased == 4
    assert (await store.forget(every)).erased == 0
    assert await store.forgettable(Selection(before_s=1_000)) == []
    for again in (CONVERSATION, replace(CONVERSATION, is_tail=True)):
        assert (await store.import_conversation(again)).kind == "forgotten"
    assert (await store.import_thread(THREAD)).kind == "forgotten"
    assert (await store.import_thread(replace(THREAD, id=None))).kind == "forgotten"
    assert (await store.import_completion(replace(COMPLETION, id=None))).kind == "forgotten"
    assert (await store.import_response(replace(RESPONSE, id=None))).kind == "forgotten"
    assert SECRET.encode() not in await kept()
    assert (await page(api, "/search", query=SECRET))["data"] == []
    for url in ("/threads", "/conversations", "/chat/completions", "/responses"):
        assert (await page(api, url))["data"] == []
    exported: list[object] = [each async for each in store.export_threads()]
    exported += [each async for each in store.export_conversations()]
    exported += [each async for each in store.export_completions()]
    exported += [each async for each in store.export_responses()]
    assert exported == []
    assert await sql("SELECT count(*) FROM forgotten") == [(4,)]
    assert (await store.import_conversation(CONVERSATION, "other")).kind == "imported"


@pytest.mark.parametrize(
    ("selection", "kinds"),
    [
        (Selection(ids=("thread_1", "thread_none")), ["thread"]),
        (Selection(source="chatgpt"), ["chat completion", "conversation"]),
        (Selection(ids=("resp_1",), before_s=601), ["response"]),
        (Selection(project="/home/ada"), ["conversation"]),
        (Selection(before_s=400), ["conversation"]),
        (Selection(before_s=401), ["thread", "conversation"]),
        (Selection(source="slack", before_s=400), []),
        (Selection(source="chatgpt", project="/home/ada"), ["conversation"]),
    ],
)
async def test_only_what_meets_all_conditions_is_selected(
    store: Store, selection: Selection, kinds: list[str]
) -> None:
    await fill(store)
    assert [each.kind for each in await store.forgettable(selection)] == kinds


@pytest.mark.parametrize(
    ("selection", "is_found"),
    [
        (Selection(source="chatgpt"), True),
        (Selection(source="chat"), False),
        (Selection(project="/home/ada/"), True),
        (Selection(project="/home"), False),  # of the imported project, only a hash is left
    ],
)
async def test_replaced_metadata_does_not_hide_what_was_imported(
    store: Store, api: httpx2.AsyncClient, selection: Selection, *, is_found: bool
) -> None:
    imported = await store.import_conversation(CONVERSATION)
    url = f"/conversations/{imported.id}"
    replaced = await api.post(url, json={"metadata": {"title": "Mine"}})
    assert replaced.json()["metadata"] == {"title": "Mine"}
    found = [each.title for each in await store.forgettable(selection)]
    assert found == (["Mine"] if is_found else [])


@pytest.mark.parametrize(
    ("project", "names"),
    [
        ("/w", ["/w/sub", "/w/", "/w"]),
        ("/w/", ["/w/sub", "/w/", "/w"]),
        ("/w/sub", ["/w/sub"]),
        ("/", ["/W/x", "/web", "/w/sub", "/w/", "/w"]),
        ("//", ["/W/x", "/web", "/w/sub", "/w/", "/w"]),
        ("C:\\w", ["C:\\w\\sub"]),
        ("%", []),
    ],
)
async def test_a_folder_is_selected_with_its_subfolders(
    store: Store, project: str, names: list[str]
) -> None:
    folders = ("/w", "/w/", "/w/sub", "/web", "/W/x", "C:\\w\\sub")
    for at, folder in enumerate(folders):
        given = replace(CONVERSATION, key=str(at), metadata={"title": folder, "project": folder})
        await store.import_conversation(replace(given, last_active_at=1_000 + at))
    found = await store.forgettable(Selection(project=project))
    assert [each.title for each in found] == names


async def test_descendants_are_found_even_with_replaced_metadata(
    store: Store, api: httpx2.AsyncClient
) -> None:
    ids = {}
    for name, parent in {"a": "", "b": "a", "c": "b", "d": "c", "x": "other"}.items():
        given = replace(CONVERSATION, key=f"codex:{name}", metadata={"parent": parent})
        ids[name] = (await store.import_conversation(given)).id
    await api.post(f"/conversations/{ids['b']}", json={"metadata": {}})
    ancestors = await store.forgettable(Selection(ids=(ids["a"] or "", ids["d"] or "")))
    assert await store.descendants(ancestors) == [ids["b"], ids["c"]]


async def test_a_selection_without_a_condition_selects_nothing(store: Store) -> None:
    with pytest.raises(ValueError, match="needs a condition"):
        await store.forgettable(Selection())


async def test_what_was_created_through_the_api_is_forgotten_by_its_id(
    store: Store, api: httpx2.AsyncClient
) -> None:
    conversation = await new_conversation(api, ("one", "two"))
    [exported] = [each async for each in store.export_conversations()]
    [found] = await store.forgettable(Selection(ids=(conversation,)))
    assert found == Forgettable(
        kind="conversation",
        id=conversation,
        title="",
        messages=2,
        last_active_at=found.last_active_at,
    )
    await store.forget([found])
    missing: Json = (await api.get(f"/conversations/{conversation}")).json()
    assert missing["error"]["message"].startswith("No conversation found")
    assert (await store.import_conversation(exported)).kind == "forgotten"
