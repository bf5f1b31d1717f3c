"""Use Backscroll's tools from asyncio: write messages, and read a thread page by page."""

import asyncio

from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.connections import Connections
from backscroll_tools.client.profiles import PROFILES, Upstream
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Bounds, Call, Result

STORE = Upstream(PROFILES["store"], "http://127.0.0.1:8095/v1")  # as `backscroll store` serves it
TOOL = {tool.name: tool for tool in TOOLS}


async def call(client: Client, name: str, **arguments: object) -> Result:
    """Call a tool. Raises `ToolError`, whose `render()` says what to do next."""
    tool = TOOL[name]
    begun = Call.begin(client, Bounds(result_chars=8_000))
    return await tool.run(begun, validated(tool, arguments))


async def main(store: Upstream = STORE) -> None:
    """Write two messages, and read them back with one message per page."""
    async with Connections() as http:
        client = Client(http, store)
        written = await call(client, "create-message", role="user", content="Hello")
        thread = written.structured["thread_id"]
        await call(client, "create-message", thread_id=thread, role="assistant", content="Hi!")

        cursor = None
        while True:
            page = await call(client, "list-messages", thread_id=thread, limit=1, cursor=cursor)
            print(page.text)  # what a model reads; page.structured is the same, typed
            cursor = page.structured["page"]["next_cursor"]
            if cursor is None:
                break


if __name__ == "__main__":
    asyncio.run(main())
