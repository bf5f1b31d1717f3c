"""A real HTTP server on loopback, for as long as a test needs it."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal, Protocol, cast

import uvicorn
from starlette.types import ASGIApp

NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients on loopback: without it, each of them reads all certificates that Python trusts."""

_TURNS: Final = 1_000
"""The maximum number of turns of the event loop in which connections end; about a second."""

_AT_ONCE: Final = 100
"""After this number of turns, each lasts a millisecond."""

_NOTICED: Final = 20
"""The number of turns in which clients in this process notice that their connections have ended."""


class _Connection(Protocol):
    transport: asyncio.Transport


@asynccontextmanager
async def served(
    app: ASGIApp, http: type[asyncio.Protocol] | Literal["auto"] = "auto"
) -> AsyncIterator[str]:
    """Serve an application on a free port, and yield its address without a path."""
    config = uvicorn.Config(app, http=http, log_level="warning", lifespan="off", ws="none")
    # With the protocol TCP: only then does asyncio turn off Nagle's delay, 40 ms per reply.
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        async with serving(uvicorn.Server(config), listening):
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@asynccontextmanager
async def serving(server: uvicorn.Server, listening: socket.socket) -> AsyncIterator[None]:
    """Let a server answer on a socket, without the pauses of uvicorn's `serve` at its end.

    They last up to 0.2 s, and the rest of what `serve` does is for processes.
    """
    if not server.config.loaded:
        server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup([listening])
    await server.on_tick(0)  # sets the header `Date`
    state = server.server_state
    try:
        yield
    finally:
        for each in server.servers:
            each.close()
        for connection in list(state.connections):
            connection.shutdown()
        for turn in range(_TURNS):
            if not state.connections and not state.tasks:
                break
            await asyncio.sleep(0 if turn < _AT_ONCE else 0.001)
        for _ in range(_NOTICED):
            await asyncio.sleep(0)
        for task in state.tasks:
            task.cancel()
        await asyncio.gather(*state.tasks, return_exceptions=True)
        for connection in list(state.connections):  # a client in another process may be slow
            cast("_Connection", connection).transport.abort()
        await asyncio.sleep(0)
