"""`list-messages`: lists the messages of a thread or conversation."""

from typing import Final

from msgspec.structs import replace

from backscroll_tools import schemas
from backscroll_tools.client.groups import READABLE
from backscroll_tools.collections import listed_collection_of
from backscroll_tools.message_lists import ITEMS, messages_of
from backscroll_tools.models import JSON
from backscroll_tools.pages.around import read_around
from backscroll_tools.pages.cursor import KEY
from backscroll_tools.pages.frame import Shape
from backscroll_tools.pages.listing import read_page
from backscroll_tools.pages.start import start_position
from backscroll_tools.short_ids import with_whole_ids
from backscroll_tools.tool import Call, Result, Tool

_NAMES: Final = ("around", "after", "before")
_FILTERS: Final = ("run_id", ITEMS)
_SHAPE: Final = Shape("messages", "message", short_ids=True)


async def _run(call: Call, arguments: JSON) -> Result:
    thread_id = arguments["thread_id"]
    start = start_position(LIST_MESSAGES.name, thread_id, arguments, "desc", _FILTERS, key=KEY)
    collection = listed_collection_of(call.client.upstream.profile, thread_id)
    named = await with_whole_ids(call, collection, thread_id, arguments, _NAMES)
    if position := next((named[name] for name in _NAMES if name in named), ""):
        start = replace(start, position=position)
    source = messages_of(call.client, collection, thread_id, start)
    limit = schemas.limit_of(arguments)
    if "around" in arguments:
        return await read_around(call, _SHAPE, start, source, limit)
    return await read_page(call, _SHAPE, start, source, limit)


LIST_MESSAGES: Final = Tool(
    name="list-messages",
    title="List messages",
    summary="lists a thread's messages, newest first; `preview_chars` shortens each",
    description=(
        "Read a past conversation: the messages of a thread, newest first. Skim a long one with "
        "preview_chars. Files and images show as type and size."
    ),
    input_schema=schemas.arguments(
        {
            "thread_id": schemas.STRING,
            "limit": schemas.LIMIT,
            "order": schemas.ORDER,
            "after": {"type": "string", "description": "Message id"},
            "before": {"type": "string", "description": "Message id"},
            "around": schemas.AROUND,
            "run_id": schemas.STRING,
            "cursor": schemas.CURSOR,
            "preview_chars": schemas.PREVIEW,
            "items": schemas.ITEMS,
        },
        ("thread_id",),
    ),
    output_schema=schemas.listed("messages", schemas.MESSAGE, schemas.PAGE_AROUND),
    run=_run,
    needs=READABLE,
    short_ids=_NAMES,
)
