"""`list-threads`: a page of the upstream's threads."""

from dataclasses import dataclass
from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client import groups, objects, requests
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.requests import Slice
from backscroll_tools.lookup import Lookup
from backscroll_tools.models import JSON, Thread
from backscroll_tools.pages.bound import Shape
from backscroll_tools.pages.cursor import ListPosition, start_position
from backscroll_tools.pages.listing import read_page
from backscroll_tools.pages.source import Chunk
from backscroll_tools.tool import Call, Result, Tool

_SHAPE: Final = Shape("threads", "thread")


@dataclass(frozen=True, slots=True)
class _Threads:
    client: CallClient
    start: ListPosition

    async def chunk(self, after: str, limit: int) -> Chunk[Thread]:
        window = Slice(limit, self.start.walk_order, after)
        reply = await self.client.page(requests.list_threads(window))
        return Chunk.of(reply, objects.thread)

    async def item(self, item_id: str) -> Thread | None:
        order = self.start.walk_order
        lookup = Lookup(self.client, requests.list_threads, requests.retrieve_thread, order)
        raw = await lookup.find(item_id)
        return None if raw is None else objects.thread({**raw, "id": item_id})


async def _run(call: Call, arguments: JSON) -> Result:
    start = start_position(LIST_THREADS.name, "", arguments, "desc")
    source = _Threads(call.client, start)
    return await read_page(call, _SHAPE, start, source, schemas.limit_of(arguments))


LIST_THREADS: Final = Tool(
    name="list-threads",
    title="List threads",
    summary="lists threads, with their message counts and times",
    description=(
        "Find past conversations (chat history), newest first unless order is asc, with their "
        "message counts, times and metadata."
    ),
    input_schema=schemas.arguments(
        {
            "limit": schemas.LIMIT,
            "order": schemas.order("desc"),
            "after": {"type": "string", "description": "Thread id to start after"},
            "before": {"type": "string", "description": "Thread id to end before"},
            "cursor": schemas.CURSOR,
        },
    ),
    output_schema=schemas.listed("threads", schemas.THREAD),
    run=_run,
    needs=(groups.LIST_THREADS,),
    finds="a thread",
    keywords="search previous chats, earlier sessions, discussions, recall",
)
