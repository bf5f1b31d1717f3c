"""Where the text of a deleted message is left: what docs/security.md says of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from backscroll.database import sqlite
from tests.store.replicas import client
from tests.store.wire import new_thread, page

SECRET = "an erased secret "
TEXT = SECRET * 50
"""Longer than what is left of its message, which would otherwise cover all of it."""


@asynccontextmanager
async def deleted(url: str) -> AsyncIterator[None]:
    """Keep a store open in which a message was deleted."""
    async with client(url) as api:
        thread_id = await new_thread(api, ("one", "two", TEXT))
        messages = f"/threads/{thread_id}/messages"
        newest = (await page(api, messages))["data"][0]["id"]
        assert (await api.delete(f"{messages}/{newest}")).status_code == 200
        yield


def holding(path: Path) -> list[str]:
    """Return which of a database's files hold the text."""
    return [
        file.name
        for file in sorted(path.parent.glob(f"{path.name}*"))
        if SECRET.encode() in file.read_bytes()
    ]


@pytest.mark.parametrize(("mode", "left"), [("truncate", []), ("wal", ["store.db-wal"])])
async def test_sqlite_overwrites_it_at_once_and_its_log_is_gone_when_it_is_closed(
    mode: str, left: list[str], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "journal_mode", lambda _version: mode)
    async with deleted(f"sqlite:///{path}"):
        while_open = holding(path)

    assert while_open == left
    assert holding(path) == []


async def test_postgresql_keeps_it_in_its_files_until_the_table_is_rewritten(shared: str) -> None:
    async with deleted(shared):
        connection = await asyncpg.connect(shared)
        found: dict[str, bool] = {}
        for statement in ("CHECKPOINT", "VACUUM messages", "VACUUM FULL messages"):
            await connection.execute(statement)
            await connection.execute("CHECKPOINT")  # what is read below is the file
            file = await connection.fetchval(
                "SELECT pg_read_binary_file(pg_relation_filepath('messages'))"
            )
            found[statement] = SECRET.encode() in file
        await connection.close()

    assert found == {"CHECKPOINT": True, "VACUUM messages": True, "VACUUM FULL messages": False}
