"""One store, seen through OpenAI's own client over a socket and through the tools over stdio."""

# mypy: disable-error-code="deprecated"
# The client marks all of `beta.threads` so; being served what it deprecates is what it is for here.

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import openai
import pytest
from mcp import Client
from openai.types.beta.threads import Message

from tests.pace import limit_s
from tests.product import processes

pytestmark = pytest.mark.filterwarnings(
    # The client marks all of `beta.threads`; OpenAI itself no longer serves it.
    "ignore:The Assistants API is deprecated:DeprecationWarning"
)

WORDS = ["Hello", "Grüße, 世界 \U0001f642", "line\n\nline\r\n\ttab", '{"json": "\\u0041"}', " x "]
START_S = limit_s(30)


@asynccontextmanager
async def served_store(environ: dict[str, str]) -> AsyncIterator[str]:
    """Run `backscroll store` on a free port, and yield its address."""
    process = await asyncio.create_subprocess_exec(
        *processes.SERVER,
        *("store", "--port", "0"),
        env=os.environ | environ,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(START_S):
            said = (await process.stderr.readline()).decode()
        found = re.search(r"http://127\.0\.0\.1:\d+/v1", said)
        assert found, said
        yield found.group()
    finally:
        process.terminate()
        await process.communicate()


def text(message: Message) -> str:
    [part] = message.content
    assert part.type == "text"
    return part.text.value


async def test_the_same_thread_has_the_same_messages_through_both(tmp_path: Path) -> None:
    orders: tuple[Literal["asc", "desc"], ...] = ("asc", "desc")
    environ = processes.variables(f"sqlite:///{tmp_path / 'store.db'}")
    async with (
        served_store(environ) as url,
        openai.AsyncOpenAI(api_key="unused", base_url=url, max_retries=0) as api,
        Client(processes.over_stdio(environ)) as client,
    ):
        thread = await api.beta.threads.create()
        written: list[tuple[str, str]] = []
        for number in range(45):
            content = f"{number} {WORDS[number % len(WORDS)]}"
            if number % 2:
                message = await api.beta.threads.messages.create(
                    thread.id, role="user", content=content
                )
                written.append((message.id, content))
            else:
                result = await client.call_tool(
                    "create-message",
                    {"thread_id": thread.id, "role": "assistant", "content": content},
                )
                assert result.structured_content is not None
                written.append((result.structured_content["message"]["id"], content))

        by_api = {
            order: [
                (message.id, text(message))
                async for message in api.beta.threads.messages.list(
                    thread.id, order=order, limit=20
                )
            ]
            for order in orders
        }
        by_tool = {
            order: [
                (message["id"], message["text"])
                async for page in processes.pages(
                    client, "list-messages", thread_id=thread.id, order=order, limit=20
                )
                for message in page["messages"]
            ]
            for order in orders
        }

    assert by_api == by_tool == {"asc": written, "desc": written[::-1]}
