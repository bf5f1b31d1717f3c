"""Calls that wait for a thread that somebody has locked keep no other call waiting."""

import asyncio

import asyncpg
import httpx2

from backscroll.store.app import open_store
from backscroll_tools.client.client import Client
from backscroll_tools.client.lanes import TOTAL
from backscroll_tools.client.profiles import EMBEDDED
from tests.postgres import PostgresServer
from tests.product.test_same_conversation import call, said


async def test_many_calls_that_write_to_a_locked_thread_let_it_and_others_be_read_and_written(
    postgres: PostgresServer,
) -> None:
    async with (
        postgres.database() as url,
        open_store(url) as store,
        httpx2.AsyncClient(transport=httpx2.ASGITransport(store.app)) as http,
    ):
        client = Client(http, EMBEDDED)

        async def write(**arguments: str) -> str:
            made = await call(client, "create-message", {"role": "user", **arguments})
            thread_id: str = made["thread_id"]
            return thread_id

        async def read(thread_id: str) -> list[tuple[str, str]]:
            found = await call(client, "list-messages", {"thread_id": thread_id})
            return said([found])

        held, other = await write(content="a"), await write(content="b")
        somebody = await asyncpg.connect(url)
        async with somebody.transaction():
            await somebody.execute("SELECT * FROM threads WHERE id = $1 FOR UPDATE", held)
            waiting = [
                asyncio.create_task(write(thread_id=held, content=str(at)))
                for at in range(2 * TOTAL)
            ]
            await asyncio.sleep(0)
            for number in range(3):
                assert await read(held) == [("user", "a")]
                assert await write(thread_id=other, content=f"b{number}") == other
                await write(content="a new thread")
            assert not any(each.done() for each in waiting)
        assert await asyncio.gather(*waiting) == [held] * len(waiting)
        count = "SELECT message_count FROM threads WHERE id = $1"
        assert await somebody.fetchval(count, held) == 1 + len(waiting)
        await somebody.close()
