"""A store that is cancelled completes what it writes, and closes its connections."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpx2
import pytest

from backscroll.store.app import open_store
from tests.store.conftest import V2
from tests.store.wire import new_thread


@asynccontextmanager
async def opened(database_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with open_store(database_url) as store:
        transport = httpx2.ASGITransport(app=store.app)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://store/v1", headers=V2
        ) as api:
            yield api


@pytest.mark.parametrize("steps", [1, 40])
async def test_a_store_that_is_cancelled_completes_its_writes_and_closes_its_connections(
    database_url: str, steps: int
) -> None:
    writing = None
    with anyio.CancelScope() as scope:
        async with opened(database_url) as api:
            thread = await new_thread(api)
            message = {"role": "user", "content": "Tea"}
            writing = asyncio.create_task(api.post(f"/threads/{thread}/messages", json=message))
            for _ in range(steps):
                await asyncio.sleep(0)
            scope.cancel()
    assert writing is not None
    written = await writing
    gc.collect()  # a connection that is still open is a warning, which is an error in tests

    async with opened(database_url) as api:
        found = (await api.get(f"/threads/{thread}/messages")).json()["data"]
    assert [message["id"] for message in found] == [written.json()["id"]]


async def test_a_store_that_is_closed_while_it_opens_connections_leaves_none(
    database_url: str,
) -> None:
    for steps in range(0, 1_000, 25):
        async with opened(database_url):
            for _ in range(steps):
                await asyncio.sleep(0)
    gc.collect()  # a connection that is still open is a warning, which is an error in tests
