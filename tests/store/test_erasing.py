"""Where the text of a deleted message is left: what docs/security.md says of it."""

from pathlib import Path

import asyncpg
import httpx2
import pytest

from backscroll.database.sqlite import open_sqlite
from backscroll.store.app import store_over
from tests.store.replicas import client, client_of
from tests.store.wire import new_thread, page

SECRET = "an erased secret "
TEXT = SECRET * 50
"""Longer than what is left of its message, which would otherwise cover all of it."""


async def delete_one(api: httpx2.AsyncClient) -> None:
    """Delete the message that holds the text, of three."""
    thread_id = await new_thread(api, ("one", "two", TEXT))
    messages = f"/threads/{thread_id}/messages"
    newest = (await page(api, messages))["data"][0]["id"]
    assert (await api.delete(f"{messages}/{newest}")).status_code == 200


def holding(path: Path) -> list[str]:
    """Return which of a database's files hold the text."""
    return [
        file.name
        for file in sorted(path.parent.glob(f"{path.name}*"))
        if SECRET.encode() in file.read_bytes()
    ]


@pytest.mark.parametrize(
    ("version", "left"),
    [
        pytest.param((3, 50, 6), [], id="truncate"),
        pytest.param((3, 51, 3), ["store.db-wal"], id="wal"),
    ],
)
async def test_sqlite_overwrites_it_at_once_and_its_log_is_gone_when_it_is_closed(
    version: tuple[int, int, int], left: list[str], path: Path
) -> None:
    async with (
        open_sqlite(f"sqlite:///{path}", "store", sqlite_version=version) as database,
        client_of(await store_over(database)) as api,
    ):
        await delete_one(api)
        while_open = holding(path)

    assert while_open == left
    assert holding(path) == []


async def test_postgresql_keeps_it_in_its_files_until_the_table_is_rewritten(shared: str) -> None:
    async with client(shared) as api:
        await delete_one(api)
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
