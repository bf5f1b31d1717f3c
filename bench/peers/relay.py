"""A bare relay in front of a model server: what uvicorn and httpx2 take to pass pieces on.

Argument: the base URL of the model server. The first line on stdout is the relay's own base URL.
"""

import asyncio
import socket
import sys

import httpx2
import uvicorn
from starlette.types import Receive, Scope, Send


class Relay:
    """Passes each request on to the model server, and each piece of its answer back.

    Args:
        url: the model server's base URL.
        http: the client that asks it.
    """

    def __init__(self, url: str, http: httpx2.AsyncClient) -> None:
        self._url = url
        self._http = http

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        url = self._url + scope["path"].removeprefix("/v1")
        async with self._http.stream(scope["method"], url, content=body) as answer:
            kind = [(b"content-type", b"text/event-stream")]
            start = {"type": "http.response.start", "status": answer.status_code}
            await send({**start, "headers": kind})
            async for piece in answer.aiter_bytes():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def main() -> None:
    """Serve until the process is killed."""
    async with httpx2.AsyncClient(timeout=60) as http:
        config = uvicorn.Config(
            Relay(sys.argv[1], http), lifespan="off", log_config=None, access_log=False, ws="none"
        )
        # With the protocol TCP: only then does asyncio turn off Nagle's delay.
        with socket.socket(proto=socket.IPPROTO_TCP) as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}/v1\n")
            sys.stdout.flush()
            await uvicorn.Server(config).serve([listening])


if __name__ == "__main__":
    asyncio.run(main())
