"""The messages before and after a hit, read from the upstream."""

from typing import Final

import anyio
from msgspec.structs import replace

from backscroll_tools.client.call import CallClient
from backscroll_tools.collections import any_collection_of
from backscroll_tools.errors import ToolError
from backscroll_tools.hits.passages import Passage, Shown, as_context
from backscroll_tools.message_lists import messages_of
from backscroll_tools.models import Order
from backscroll_tools.pages.cursor import ListPosition

REQUESTS: Final = 2
"""How many requests are needed to read the messages around one hit."""


async def with_context(
    client: CallClient, passages: list[Passage], count: int
) -> tuple[list[Passage], str]:
    """Return passages with up to `count` messages before and after each hit, and a warning.

    If the messages around a hit cannot be read, the passage is returned unchanged, and the warning
    says so. Otherwise the warning is empty.
    """
    found = list(passages)
    failed: list[int] = []

    async def read(at: int) -> None:
        passage = found[at]
        try:
            before = await _beside(client, passage, "desc", count)
            after = await _beside(client, passage, "asc", count)
        except ToolError:
            failed.append(at)
            return
        messages = (*reversed(before), *passage.messages, *after)
        found[at] = replace(passage, messages=messages, best=len(before))

    async with anyio.create_task_group() as tasks:
        for at in range(len(found)):
            tasks.start_soon(read, at)
    return found, "the messages around some hits could not be read" if failed else ""


async def _beside(client: CallClient, passage: Passage, order: Order, count: int) -> list[Shown]:
    collection = any_collection_of(client.upstream.profile, passage.thread_id)
    start = ListPosition("", passage.thread_id, order)
    source = messages_of(client, collection, passage.thread_id, start)
    chunk = await source.chunk(passage.hit.id, count)
    return [as_context(message) for message in chunk.items[:count]]
