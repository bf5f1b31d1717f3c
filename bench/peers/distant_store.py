"""The store as an upstream far away: `distant_store.py DATABASE_URL DELAY_S`.

Each reply leaves DELAY_S after its request arrived. Says its base URL on stderr, as
`backscroll store` does.
"""

import asyncio
import socket
import sys

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backscroll.store.app import open_store


def delayed(app: ASGIApp, delay_s: float) -> ASGIApp:
    """Return an application whose replies take at least this long."""

    async def later(scope: Scope, receive: Receive, send: Send) -> None:
        answered = asyncio.create_task(_answered(app, scope, receive))
        await asyncio.sleep(delay_s)
        for message in await answered:
            await send(message)

    return later


async def _answered(app: ASGIApp, scope: Scope, receive: Receive) -> list[Message]:
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, keep)
    return messages


async def main(database: str, delay_s: float) -> None:
    """Serve the store on a free port, until the process is ended."""
    async with open_store(database) as store:
        config = uvicorn.Config(
            delayed(store.app, delay_s), log_level="warning", lifespan="off", ws="none"
        )
        # With the protocol TCP: only then does asyncio turn off Nagle's delay, 40 ms per reply.
        with socket.socket(proto=socket.IPPROTO_TCP) as listening:
            listening.bind(("127.0.0.1", 0))
            port = listening.getsockname()[1]
            sys.stderr.write(f"http://127.0.0.1:{port}/v1\n")
            sys.stderr.flush()
            await uvicorn.Server(config).serve([listening])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
