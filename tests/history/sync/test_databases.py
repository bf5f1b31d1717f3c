"""A sync reads databases of editors beside their owners, and only what may have changed in them."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from backscroll.history.sources.finding import found
from backscroll.history.sources.source import Surroundings
from backscroll.history.sync.reading import read_file
from backscroll.history.sync.syncing import SyncOptions, sync
from backscroll.store.app import Store, open_store
from tests.history.formats.sources import json_lines, made_database
from tests.history.formats.test_cursor import BUBBLES, CHAT, TABLES, TRANSCRIPT, add_chat


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    async with open_store("sqlite:///:memory:") as opened:
        yield opened


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return Cursor's database in a home folder, with one chat that is long past."""
    path = tmp_path / ".config/Cursor/User/globalStorage/state.vscdb"
    path.parent.mkdir(parents=True)
    with made_database(path, TABLES) as connection:
        add_chat(connection, "c1", CHAT, BUBBLES)
    return path


async def synced(store: Store, home: Path) -> list[str]:
    """Sync, and return what was refused and what the summary says."""
    refused: list[str] = []
    options = SyncOptions(refuse=lambda line: refused.append(line.partition("state.vscdb: ")[2]))
    tally = await sync(store, found(Surroundings({}, home, "linux")), read_file, options)
    return [*refused, *tally.lines()]


async def test_only_chats_that_may_have_changed_are_read_again(
    store: Store, tmp_path: Path, database: Path
) -> None:
    await synced(store, tmp_path)
    with closing(sqlite3.connect(database)) as connection, connection:
        add_chat(connection, "c2", {**CHAT, "lastUpdatedAt": 4_000_000_000_000}, BUBBLES)

    assert await synced(store, tmp_path) == [
        "cursor: 1 conversation: 1 imported, 0 updated, 0 already there (6 new items)"
    ]


async def test_a_locked_database_is_read_by_the_next_sync_even_if_it_did_not_change(
    store: Store, tmp_path: Path, database: Path
) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as owner:
        owner.execute("BEGIN EXCLUSIVE")

        refused, *_ = await synced(store, tmp_path)

    assert refused == (
        "the database is locked by the program that writes it: try again, or close that program"
        " first"
    )
    assert await synced(store, tmp_path) == [
        "cursor: 1 conversation: 1 imported, 0 updated, 0 already there (6 new items)"
    ]


@pytest.mark.usefixtures("database")
async def test_a_second_record_of_a_chat_is_not_refused(store: Store, tmp_path: Path) -> None:
    transcript = tmp_path / ".cursor/projects/app/agent-transcripts/c1/c1.jsonl"
    transcript.parent.mkdir(parents=True)
    transcript.write_bytes(json_lines(*TRANSCRIPT))

    assert await synced(store, tmp_path) == [
        "cursor: 1 conversation: 1 imported, 0 updated, 0 already there (6 new items)"
    ]
    assert await synced(store, tmp_path) == ["nothing is new"]
