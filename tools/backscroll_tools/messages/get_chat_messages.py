"""`get-chat-messages`: a page of a stored chat completion's messages."""

from dataclasses import dataclass
from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client import requests, typed
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.requests import Slice
from backscroll_tools.models import JSON, Message
from backscroll_tools.pages.bound import Shape
from backscroll_tools.pages.cursor import Place, place
from backscroll_tools.pages.listing import read_page
from backscroll_tools.pages.walk import Chunk
from backscroll_tools.tool import REQUESTS, Call, Result, Tool

_SHAPE: Final = Shape("messages", "message")


@dataclass(frozen=True, slots=True)
class _ChatMessages:
    client: Client
    start: Place

    async def chunk(self, after: str, limit: int) -> Chunk[Message]:
        window = Slice(limit, self.start.walk_order, after)
        reply = await self.client.list(requests.list_chat_messages(self.start.owner, window))
        return Chunk(tuple(map(typed.message, reply.items)), reply.has_more)

    async def item(self, item_id: str) -> Message | None:
        # The API reads no single message of a completion: look for it page by page.
        after = ""
        for _ in range(REQUESTS):
            chunk = await self.chunk(after, PAGE_ITEMS)
            for message in chunk.items:
                if message["id"] == item_id:
                    return message
            if not chunk.has_more or not chunk.items or chunk.items[-1]["id"] == after:
                break
            after = chunk.items[-1]["id"]
        return None


async def _run(call: Call, arguments: JSON) -> Result:
    start = place(GET_CHAT_MESSAGES.name, arguments["completion_id"], arguments, "asc")
    source = _ChatMessages(call.client, start)
    return await read_page(call, _SHAPE, start, source, schemas.limit_of(arguments))


GET_CHAT_MESSAGES: Final = Tool(
    name="get-chat-messages",
    title="Get chat messages",
    description=(
        "Read the messages of a stored chat completion, oldest first unless order is desc. Pass "
        "the page's next_cursor as cursor to go on."
    ),
    input_schema=schemas.arguments(
        {
            "completion_id": schemas.STRING,
            "limit": schemas.LIMIT,
            "order": schemas.order("asc"),
            "after": {"type": "string", "description": "Message id to start behind"},
            "cursor": schemas.CURSOR,
            "preview_chars": schemas.PREVIEW,
        },
        ("completion_id",),
    ),
    output_schema=schemas.listed("messages", schemas.MESSAGE),
    run=_run,
)
