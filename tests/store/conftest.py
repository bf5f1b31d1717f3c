"""A real store on a real file: in process, and served on a port."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import openai
import pytest
import uvicorn

from backscroll.store.app import Store, open_store

V2 = {"OpenAI-Beta": "assistants=v2"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    async with open_store(f"sqlite:///{path}") as opened:
        yield opened


@pytest.fixture
async def api(store: Store) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the store in process that speaks the second version of the threads API."""
    transport = httpx2.ASGITransport(app=store.app)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://store/v1", headers=V2
    ) as client:
        yield client


@pytest.fixture
async def live_store(store: Store) -> AsyncIterator[str]:
    """The store on a port of the loopback interface; its address, up to ``/v1``."""
    config = uvicorn.Config(store.app, log_level="warning", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:  # connections wait until it serves
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        server.should_exit = True
        await serving


@pytest.fixture
async def client(live_store: str) -> AsyncIterator[openai.AsyncOpenAI]:
    """The official client, as it comes, on a real socket."""
    async with openai.AsyncOpenAI(api_key="unused", base_url=live_store, max_retries=0) as opened:
        yield opened
