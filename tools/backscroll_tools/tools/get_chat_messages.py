"""`get-chat-messages`: lists the messages of a stored chat completion, or of a response."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client.groups import CHAT_COMPLETIONS, INTERACTIONS, RESPONSES
from backscroll_tools.collections import chat_collection_of
from backscroll_tools.message_lists import ITEMS, messages_of
from backscroll_tools.models import JSON
from backscroll_tools.pages.around import read_around
from backscroll_tools.pages.frame import Shape
from backscroll_tools.pages.listing import read_page
from backscroll_tools.pages.start import start_position
from backscroll_tools.tool import Call, Result, Tool

_SHAPE: Final = Shape("messages", "message")


async def _run(call: Call, arguments: JSON) -> Result:
    completion_id = arguments["completion_id"]
    start = start_position(GET_CHAT_MESSAGES.name, completion_id, arguments, "asc", (ITEMS,))
    collection = chat_collection_of(call.client.upstream.profile, completion_id)
    source = messages_of(call.client, collection, completion_id, start)
    limit = schemas.limit_of(arguments)
    if "around" in arguments:
        return await read_around(call, _SHAPE, start, source, limit)
    return await read_page(call, _SHAPE, start, source, limit)


GET_CHAT_MESSAGES: Final = Tool(
    name="get-chat-messages",
    title="Get chat messages",
    summary="lists the messages of a stored chat completion or a response",
    description=(
        "Read the prompt and answer of a past chat with a model: the messages of a stored chat "
        "completion or response (resp_), oldest first."
    ),
    input_schema=schemas.arguments(
        {
            "completion_id": schemas.STRING,
            "limit": schemas.LIMIT,
            "order": schemas.ORDER,
            "after": {"type": "string", "description": "Message id"},
            "around": schemas.AROUND,
            "cursor": schemas.CURSOR,
            "preview_chars": schemas.PREVIEW,
            "items": schemas.ITEMS,
        },
        ("completion_id",),
    ),
    output_schema=schemas.listed("messages", schemas.MESSAGE, schemas.PAGE_AROUND),
    run=_run,
    needs=(CHAT_COMPLETIONS, RESPONSES, INTERACTIONS),
)
