"""Servers of tests end with their tests, whatever their clients do."""

import asyncio
import socket
from typing import Final

from starlette.types import Receive, Scope, Send

from tests.loopback import served

_LARGE: Final = 1 << 25
"""More bytes than the system keeps for a client that does not read."""


async def _unread(_scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": bytes(_LARGE)})


def _rest(client: socket.socket) -> int:
    count = 0
    while data := client.recv(1 << 20):
        count += len(data)
    return count


async def test_a_server_ends_although_a_client_reads_no_further() -> None:
    with socket.socket() as client:
        client.settimeout(10)
        async with served(_unread) as url:
            client.connect(("127.0.0.1", int(url.rpartition(":")[2])))
            client.sendall(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n")
            await asyncio.to_thread(client.recv, 1)
        assert await asyncio.to_thread(_rest, client) < _LARGE
