"""A thread or conversation with many messages is deleted at once, and erased in steps."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar

import httpx2
import pytest
from sqlalchemy import Connection, text

from backscroll.database.faults import CommitUnknownError, DatabaseBusyError
from backscroll.database.port import Database, Work
from backscroll.store.app import Store, attended_store, open_store, store_over
from backscroll.store.archive.records import (
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedThread,
)
from backscroll.store.large_deletion import AT_ONCE
from backscroll.store.pace import PAUSE_S
from backscroll.store.retention import RetentionClock
from backscroll.store.upkeep.keeping import keep_up
from tests.pace import limit_s
from tests.store.conftest import Kept, Sql
from tests.store.replicas import client_of
from tests.store.wire import error, page
from tests.store.wrapped import WrappedDatabase

MEMBERS: Final = "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM items)"
LEFT: Final = MEMBERS + " + (SELECT count(*) FROM erasing)"  # noqa: S608 - ours

LEFT_OVER: Final = 300
"""Erased in several steps too, but in a fraction of the time that all of them would take."""

T = TypeVar("T")
Import = Callable[[Store, int], Awaitable[object]]


class Failing(WrappedDatabase):
    """A database whose next write, or a request's next, fails once in the way that a test sets."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.is_busy = False
        self.after_commit: BaseException | None = None

    async def write(self, work: Work[T], turn: str = "") -> T:
        if self.is_busy:
            self.is_busy = False
            raise DatabaseBusyError
        value = await super().write(work, turn)
        if self.after_commit is None or not turn:  # the store itself writes without a turn
            return value
        error, self.after_commit = self.after_commit, None
        raise error


async def thread(store: Store, count: int) -> None:
    messages = [ImportedMessage(role="user", content="a secret", created_at=1)] * count
    await store.import_thread(
        ImportedThread(key="k", id="thread_1", created_at=1, messages=messages)
    )


async def conversation(store: Store, count: int) -> None:
    content = [{"type": "input_text", "text": "a secret"}]
    items = [ImportedItem({"type": "message", "role": "user", "content": content})] * count
    await store.import_conversation(
        ImportedConversation(key="k", id="conv_1", created_at=1, items=items)
    )


async def large(add: Import, store: Store, sql: Sql) -> None:
    """Add a thread or conversation that counts as large, though most of its messages are gone.

    Whether it is large is told by how many it ever had.
    """
    await add(store, LEFT_OVER)
    table = "threads" if add is thread else "conversations"
    await sql(f"UPDATE {table} SET next_position = {AT_ONCE + 2}")  # noqa: S608 - ours


both = pytest.mark.parametrize(
    ("add", "path_of"),
    [(thread, "/threads/thread_1"), (conversation, "/conversations/conv_1")],
    ids=["thread", "conversation"],
)


async def assert_gone(api: httpx2.AsyncClient, url: str) -> None:
    message: dict[str, object] = {"role": "user", "content": "late"}
    members, body = f"{url}/messages", message
    if "conv" in url:
        members, body = f"{url}/items", {"items": [{"type": "message", **message}]}
    for reply in (
        await api.get(url),
        await api.get(members),
        await api.post(members, json=body),
        await api.delete(url),
    ):
        error(reply, 404)
    assert (await page(api, "/search", query="secret"))["data"] == []
    assert (await page(api, f"/{url.split('/')[1]}"))["data"] == []


def left(connection: Connection) -> int:
    return int(connection.scalar(text(LEFT)) or 0)


async def until_erased(database: Database) -> None:
    async with asyncio.timeout(limit_s(20)):
        # A loop without a pause would keep the processor busy that the erasing needs.
        while await database.read(left):  # noqa: ASYNC110 - another task changes the database
            await asyncio.sleep(PAUSE_S)


@both
async def test_one_with_many_messages_is_gone_at_once_and_erased_in_the_background(
    add: Import, path_of: str, database_url: str, database: Database, sql: Sql
) -> None:
    async with open_store(database_url) as store, client_of(store) as api:
        await add(store, AT_ONCE + 1)
        deleted = (await api.delete(path_of)).json()
        assert deleted["deleted"] is True
        await assert_gone(api, path_of)
        await until_erased(database)
        await assert_gone(api, path_of)
        assert (await sql("SELECT count(*) FROM forgotten")) == [(1,)]


@both
async def test_what_a_process_did_not_erase_is_never_shown_and_erased_by_the_next(
    add: Import, path_of: str, database_url: str, database: Database, sql: Sql
) -> None:
    async with open_store(database_url, erasing_s=0) as store, client_of(store) as api:
        await large(add, store, sql)
        await api.delete(path_of)
    # The process ended before it had erased everything.
    (left,) = (await sql(MEMBERS))[0]
    assert left > 0
    async with open_store(database_url, upkeep_after_s=0) as store, client_of(store) as api:
        await assert_gone(api, path_of)
        await until_erased(database)


@both
async def test_a_process_that_ends_after_a_deletion_leaves_nothing_of_it(
    add: Import, path_of: str, database_url: str, sql: Sql, kept: Kept
) -> None:
    opened = open_store(database_url, erasing_s=limit_s(10))
    async with opened as store, client_of(store) as api:
        await large(add, store, sql)
        await api.delete(path_of)
    assert await sql(MEMBERS) == [(0,)]
    assert await sql("SELECT * FROM erasing") == []
    assert b"secret" not in await kept()


@both
async def test_one_with_few_messages_is_erased_before_the_reply(
    add: Import, path_of: str, database_url: str, sql: Sql
) -> None:
    async with open_store(database_url) as store, client_of(store) as api:
        await add(store, 100)
        await api.delete(path_of)
        assert await sql(MEMBERS) == [(0,)]
        assert await sql("SELECT * FROM erasing") == []


@pytest.mark.parametrize("error", [CommitUnknownError(), asyncio.CancelledError()], ids=repr)
@both
async def test_one_whose_commit_was_not_seen_is_erased_too(
    add: Import, path_of: str, error: BaseException, database: Database, sql: Sql
) -> None:
    failing = Failing(database)
    async with attended_store(failing) as store, client_of(store) as api:
        await large(add, store, sql)
        failing.after_commit = error
        with suppress(asyncio.CancelledError):
            assert (await api.delete(path_of)).is_server_error
        await until_erased(database)


async def test_erasing_goes_on_soon_after_a_failure(database: Database, sql: Sql) -> None:
    failing = Failing(database)
    store = await store_over(failing)
    async with client_of(store) as api:
        await large(thread, store, sql)
        await api.delete("/threads/thread_1")
    failing.is_busy = True
    retention = RetentionClock(lambda: 0.0)
    task = asyncio.create_task(keep_up(failing, retention, again_s=0.01))
    await until_erased(database)
    assert not failing.is_busy
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
