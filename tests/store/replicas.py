"""Replicas of a store over one PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx2

from backscroll.database.locks import LOCK_S
from backscroll.store.app import Store, open_store
from tests.store.conftest import V2


@asynccontextmanager
async def client(url: str, lock_s: float = LOCK_S) -> AsyncIterator[httpx2.AsyncClient]:
    """A replica over the database at `url`, and a client of it."""
    async with open_store(url, lock_s=lock_s) as store, client_of(store) as api:
        yield api


@asynccontextmanager
async def client_of(store: Store) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a store in this process."""
    transport = httpx2.ASGITransport(app=store.app)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://store/v1", headers=V2, timeout=None
    ) as api:
        yield api


async def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    other = await asyncpg.connect(url)
    found = [tuple(row) for row in await other.fetch(statement)]
    await other.close()
    return found
