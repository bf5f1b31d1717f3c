"""What waits for a lock keeps nothing waiting but what needs the same lock."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from backscroll.database.postgres_opening import WRITERS
from backscroll.store.app import open_store
from tests.store.conftest import V2
from tests.store.replicas import client, rows
from tests.store.wire import add, error, new_thread, page, texts

BODY = {"role": "user", "content": "waits"}
WAITING = (
    "SELECT count(*) > 0 FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@asynccontextmanager
async def _locked(url: str, thread_ids: Iterable[str]) -> AsyncIterator[None]:
    """Hold the rows of threads, as a transaction of another program does."""
    other = await asyncpg.connect(url)
    async with other.transaction():
        await other.execute("SELECT * FROM threads WHERE id = ANY($1) FOR UPDATE", list(thread_ids))
        yield
    await other.close()


def _started(
    *requests: Coroutine[Any, Any, httpx2.Response],
) -> list[asyncio.Task[httpx2.Response]]:
    return [asyncio.create_task(request) for request in requests]


@pytest.mark.parametrize("locked", [1, WRITERS + 1])
async def test_writes_that_wait_for_a_thread_keep_no_read_and_no_other_thread_waiting(
    shared: str, locked: int
) -> None:
    async with client(shared) as api, AsyncExitStack() as stack:
        held = [await new_thread(api, ("a",)) for _ in range(locked)]
        other = await new_thread(api)
        await stack.enter_async_context(_locked(shared, held))
        waiting = _started(
            *(
                api.post(
                    f"/threads/{thread_id}/messages",
                    json=BODY,
                    headers={"Idempotency-Key": f"{thread_id}-{at}"} if at % 2 else None,
                )
                for thread_id in held
                for at in range(4 * WRITERS // locked)
            )
        )
        while await rows(shared, WAITING) != [(True,)]:
            pass
        for number in range(3):
            await add(api, other, str(number))
            await new_thread(api)
            for thread_id in held:
                assert texts(await page(api, f"/threads/{thread_id}/messages")) == ["a"]
        assert not any(write.done() for write in waiting)
        await stack.aclose()
        replies = await asyncio.gather(*waiting)
        assert {reply.status_code for reply in replies} == {200}
        for thread_id in held:
            listed = texts(await page(api, f"/threads/{thread_id}/messages", limit=100))
            assert sorted(listed) == ["a", *["waits"] * (len(waiting) // locked)]


async def test_a_write_that_has_waited_long_enough_is_told_so_in_the_queue_and_at_the_lock(
    shared: str,
) -> None:
    async with client(shared, lock_s=0.3) as api:
        thread_id = await new_thread(api)
        url = f"/threads/{thread_id}/messages"
        async with _locked(shared, [thread_id]):
            replies = await asyncio.gather(*(api.post(url, json=BODY) for _ in range(10)))
        assert all("locked" in error(reply, 503)["message"] for reply in replies)
        assert texts(await page(api, url)) == []
        await add(api, thread_id, "after")


async def test_a_caller_that_goes_away_in_the_queue_leaves_its_write_undone(shared: str) -> None:
    async with client(shared) as api:
        thread_id = await new_thread(api)
        url = f"/threads/{thread_id}/messages"
        async with _locked(shared, [thread_id]):
            first, second, third = _started(*(api.post(url, json=BODY) for _ in range(3)))
            while await rows(shared, WAITING) != [(True,)]:
                pass
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
        assert [(await each).status_code for each in (first, third)] == [200, 200]
        assert texts(await page(api, url)) == ["waits"] * 2


async def test_reads_of_a_file_keep_on_while_writes_wait_for_another_program(path: Path) -> None:
    async with open_store(f"sqlite:///{path}") as store:
        transport = httpx2.ASGITransport(app=store.app)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://store/v1", headers=V2
        ) as api:
            url = f"/threads/{await new_thread(api, ('a',))}/messages"
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            waiting = _started(*(api.post(url, json=BODY) for _ in range(20)))
            for _ in range(10):
                assert texts(await page(api, url)) == ["a"]
            assert not any(write.done() for write in waiting)
            other.execute("ROLLBACK")
            other.close()
            assert {reply.status_code for reply in await asyncio.gather(*waiting)} == {200}
