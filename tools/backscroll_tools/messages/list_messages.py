"""`list-messages`: a page of a thread's messages."""

from dataclasses import dataclass
from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client import requests, typed
from backscroll_tools.client.client import Client
from backscroll_tools.client.requests import Slice
from backscroll_tools.models import JSON, Message
from backscroll_tools.pages.bound import Shape
from backscroll_tools.pages.cursor import Place, place
from backscroll_tools.pages.listing import read_page
from backscroll_tools.pages.walk import Chunk
from backscroll_tools.tool import Call, Result, Tool

_SHAPE: Final = Shape("messages", "message")


@dataclass(frozen=True, slots=True)
class _ThreadMessages:
    client: Client
    start: Place

    async def chunk(self, after: str, limit: int) -> Chunk[Message]:
        window = Slice(limit, self.start.walk_order, after, self.start.filters)
        reply = await self.client.list(requests.list_messages(self.start.owner, window))
        return Chunk(tuple(map(typed.message, reply.items)), reply.has_more)

    async def item(self, item_id: str) -> Message | None:
        raw = await self.client.find(requests.retrieve_message(self.start.owner, item_id))
        return None if raw is None else typed.message(raw)


async def _run(call: Call, arguments: JSON) -> Result:
    start = place(LIST_MESSAGES.name, arguments["thread_id"], arguments, "desc", ("run_id",))
    source = _ThreadMessages(call.client, start)
    return await read_page(call, _SHAPE, start, source, schemas.limit_of(arguments))


LIST_MESSAGES: Final = Tool(
    name="list-messages",
    title="List messages",
    description=(
        "Read a thread's messages, newest first unless order is asc. The page says whether more "
        "follow; pass its next_cursor as cursor to go on. preview_chars skims a long thread."
    ),
    input_schema=schemas.arguments(
        {
            "thread_id": schemas.STRING,
            "limit": schemas.LIMIT,
            "order": schemas.order("desc"),
            "after": {"type": "string", "description": "Message id to start behind"},
            "before": {"type": "string", "description": "Message id to end ahead of"},
            "run_id": schemas.STRING,
            "cursor": schemas.CURSOR,
            "preview_chars": schemas.PREVIEW,
        },
        ("thread_id",),
    ),
    output_schema=schemas.listed("messages", schemas.MESSAGE),
    run=_run,
)
