"""Threads and completions are created, changed, copied and deleted once, whatever the network does.

Each tool is called for some of the objects in a store. A call that fails is repeated as its error
says. In the end, exactly the objects that were named have changed.
"""

import asyncio
import itertools
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from backscroll.store.app import open_store
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedResponse,
    ImportedThread,
)
from backscroll_tools.models import JSON
from backscroll_tools.tool import Result
from tests.faults.agents import COUNT, agents, called
from tests.faults.figures import LONG, sized
from tests.faults.plans import CLEAN
from tests.faults.upstream import HURRIED, Kind, Served, call, served_store
from tests.pace import limit_s

TEXTS: Final = ("yes", "no", "yes", "maybe", "yes")
"""The messages of a thread that is created or copied. Some are equal."""

CHANGED: Final[JSON] = {"state": "changed"}

NOW: Final = 1_700_000_000
"""The time of all objects, in Unix seconds."""

HOMES: Final = {"messages": "thread_home", "items": "conv_home"}
"""The thread and the conversation of the messages that are changed or deleted, by their table."""

SOURCE: Final = "thread_source"
"""The thread that is copied."""

QUERIES: Final = {
    "thread": "SELECT threads.id, content FROM messages JOIN threads "
    "ON threads.position = messages.thread ORDER BY messages.thread, messages.position",
    "conversation": "SELECT conversations.id, body FROM items JOIN conversations "
    "ON conversations.position = items.conversation ORDER BY items.conversation, items.position",
}
"""The queries for what is really stored, by what is created."""


def _target(kind: str, number: int) -> str:
    """Return the id of an object. Calls name the objects with even numbers."""
    return f"{kind}{number}"


async def _fill(path: Path) -> None:
    """Write the objects into the database of a store that is not served yet."""
    async with open_store(f"sqlite:///{path}") as store:
        for number in range(2 * COUNT):
            await store.import_thread(_thread(_target("thread_", number), ()))
            await store.import_completion(_completion(_target("chatcmpl-", number)))
            await store.import_response(_response(_target("resp_", number)))
            await store.import_conversation(_conversation(_target("conv_", number), ()))
        messages = tuple(_target("msg_", number) for number in range(2 * COUNT))
        await store.import_thread(_thread(HOMES["messages"], messages))
        await store.import_conversation(_conversation(HOMES["items"], messages))
        await store.import_thread(_thread(SOURCE, (None,) * len(TEXTS)))


def _thread(thread_id: str, message_ids: Sequence[str | None]) -> ImportedThread:
    messages = [
        ImportedMessage(id=each, role="user", content=text, created_at=NOW)
        for each, text in zip(message_ids, itertools.cycle(TEXTS), strict=False)
    ]
    return ImportedThread(key=thread_id, id=thread_id, created_at=NOW, messages=messages)


def _conversation(conversation_id: str, message_ids: Sequence[str]) -> ImportedConversation:
    items = [
        {
            "type": "message",
            "id": each,
            "role": "user",
            "content": [{"type": "input_text", "text": text}],
        }
        for each, text in zip(message_ids, itertools.cycle(TEXTS), strict=False)
    ]
    return ImportedConversation(
        key=conversation_id, id=conversation_id, created_at=NOW, items=[*map(ImportedItem, items)]
    )


def _completion(completion_id: str) -> ImportedCompletion:
    message = {"role": "assistant", "content": "yes"}
    choice: JSON = {"index": 0, "finish_reason": "stop", "message": message}
    return ImportedCompletion(
        key=completion_id,
        created_at=NOW,
        model="m",
        choices=[choice],
        messages=[message],
        id=completion_id,
    )


def _response(response_id: str) -> ImportedResponse:
    return ImportedResponse(key=response_id, id=response_id, created_at=NOW, input=[], output=[])


def _stored(path: Path, table: str) -> dict[str, JSON]:
    """Return the metadata of each object that is really stored, by id."""
    metadata = "NULL" if table == "items" else "metadata"
    query = f"SELECT id, {metadata} FROM {table} WHERE deleted_at IS NULL"  # noqa: S608 - constants
    with closing(sqlite3.connect(path)) as database:
        return {each: json.loads(metadata or "{}") for each, metadata in database.execute(query)}


def _texts(path: Path, kind: str) -> dict[str, list[str]]:
    """Return the texts of each thread or conversation that is really stored, in order, by id."""
    found: dict[str, list[str]] = {}
    with closing(sqlite3.connect(path)) as database:
        for owner, content in database.execute(QUERIES[kind]):
            parts = json.loads(content)
            first = parts["content"][0]["text"] if kind == "conversation" else parts[0]["text"]
            found.setdefault(owner, []).append(first if isinstance(first, str) else first["value"])
    return found


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a store with the objects of `_fill`: to copy it takes less time."""
    file = tmp_path_factory.mktemp("filled") / "store.db"
    asyncio.run(_fill(file))
    return file


@pytest.fixture
async def full(tmp_path: Path, filled: Path) -> AsyncIterator[Served]:
    """A served store with the objects of `_fill`."""
    shutil.copy(filled, tmp_path / "store.db")
    async with served_store(tmp_path) as serving:
        yield serving


CHANGES: Final = (
    ("modify-thread", "threads", "thread_", "thread_id"),
    ("modify-thread", "conversations", "conv_", "thread_id"),
    ("delete-thread", "threads", "thread_", "thread_id"),
    ("delete-thread", "conversations", "conv_", "thread_id"),
    ("modify-message", "messages", "msg_", "message_id"),
    ("delete-message", "messages", "msg_", "message_id"),
    ("delete-message", "items", "msg_", "message_id"),
    ("modify-chat-completion", "completions", "chatcmpl-", "completion_id"),
    ("delete-chat-completion", "completions", "chatcmpl-", "completion_id"),
    ("delete-response", "responses", "resp_", "response_id"),
)
"""A tool, the table of its objects, the start of their ids, and the argument for an id."""

NAMES: Final[dict[Kind, str]] = {"store": "store", "threads": "upstream ignores keys"}

KINDS: Final[tuple[Kind, ...]] = ("threads", "store") if LONG else ("threads",)


@pytest.mark.timeout(limit_s(sized(quick=30, long=1_800)))
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", CHANGES, ids=" ".join)
async def test_exactly_the_objects_that_were_named_are_changed_or_deleted(
    full: Served, seed: int, kind: Kind, change: tuple[str, str, str, str]
) -> None:
    tool, table, start, argument = change
    deletes = tool.startswith("delete-")
    before = _stored(full.path, table)

    def arguments(number: int) -> JSON:
        wanted: JSON = {argument: _target(start, 2 * number)}
        if argument == "message_id":
            wanted["thread_id"] = HOMES[table]
        return wanted if deletes else {**wanted, "metadata": CHANGED}

    tally = await called(full.port, seed, HURRIED[kind], tool, arguments)

    named = {_target(start, 2 * number) for number in range(COUNT)}
    assert named <= before.keys()
    if deletes:
        expected = {each: metadata for each, metadata in before.items() if each not in named}
    else:
        expected = {each: CHANGED if each in named else before[each] for each in before}
    assert _stored(full.path, table) == expected, f"seed {seed}"
    tally.said(f"{tool}, {table}", NAMES[kind], "0 lost, 0 others changed or deleted")


@pytest.mark.timeout(limit_s(sized(quick=30, long=1_800)))
@pytest.mark.parametrize("kind", ["threads", "store"])
@pytest.mark.parametrize("made", ["thread", "conversation"])
@pytest.mark.parametrize("tool", ["create-thread", "copy-thread"])
async def test_every_new_thread_has_its_messages_once_and_in_order(
    full: Served, seed: int, tool: str, kind: Kind, made: str
) -> None:
    source = SOURCE
    if tool == "copy-thread" and made == "thread":
        async with agents(full.port, seed, HURRIED["store"]) as (agent, *_):
            agent.proxy.begin(lambda _method, _number: CLEAN)
            copied = await call(agent.client, tool, {"thread_id": SOURCE}, limit_s(10))
        assert isinstance(copied, Result), copied
        source = copied.structured["thread_id"]
    before = _texts(full.path, made)
    messages = [{"role": "user", "content": text} for text in TEXTS]

    def arguments(_: int) -> JSON:
        if tool == "copy-thread":
            return {"thread_id": source}
        return {"kind": made, "messages": messages}

    tally = await called(full.port, seed, HURRIED[kind], tool, arguments)

    ids = [result["thread_id"] for result in tally.results]
    new = {each: texts for each, texts in _texts(full.path, made).items() if each not in before}
    assert len({*ids}) == COUNT
    assert new == {each: [*TEXTS] for each in ids}, f"seed {seed}"
    tally.said(f"{tool}, {made}s", NAMES[kind], "0 twice, 0 lost, 0 out of order")
