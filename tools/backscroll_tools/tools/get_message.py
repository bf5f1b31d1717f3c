"""`get-message`: returns one whole message or the end of its text, in pages if that is long."""

from typing import Final

import anyio
from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools import schemas
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.groups import INTERACTIONS, READABLE, RESPONSES
from backscroll_tools.collection import Collection
from backscroll_tools.collections import any_collection_of
from backscroll_tools.id_kinds import refuse_as_message
from backscroll_tools.message_lists import raw_message
from backscroll_tools.models import JSON, Message
from backscroll_tools.pages.cursor import Inside, ListPosition
from backscroll_tools.pages.frame import Shape
from backscroll_tools.pages.listing import read_page
from backscroll_tools.pages.source import Chunk
from backscroll_tools.pages.start import conflict, start_position
from backscroll_tools.pages.walk import too_late
from backscroll_tools.short_ids import with_whole_ids
from backscroll_tools.tool import Call, Result, Tool

_SHAPE: Final = Shape("message", "message", single=True)


class _OneMessage(Struct, frozen=True):
    """A list of one message, so that a long message can be read in pages.

    Attributes:
        client: sends the requests.
        collection: the kind of collection that contains the message.
        thread_id: the collection's id.
        message_id: the message's id.
        message: the message, if it was read already; otherwise each read sends requests.
    """

    client: CallClient
    collection: Collection
    thread_id: str
    message_id: str
    message: Message | None = None

    async def chunk(self, after: str, limit: int) -> Chunk[Message]:  # noqa: ARG002 - required by `Source`
        return Chunk(() if after else (await self.item(self.message_id),), has_more=False)

    async def item(self, item_id: str) -> Message:
        if self.message is not None:
            return self.message
        raw = await raw_message(self.client, self.collection, self.thread_id, item_id)
        return self.collection.message(raw)


async def _run(call: Call, arguments: JSON) -> Result:
    thread_id = arguments["thread_id"]
    collection = any_collection_of(call.client.upstream.profile, thread_id)
    refuse_as_message(arguments["message_id"])
    arguments = await with_whole_ids(call, collection, thread_id, arguments, ("message_id",))
    message_id = arguments["message_id"]
    start = start_position(GET_MESSAGE.name, f"{thread_id}/{message_id}", arguments, "asc")
    source = _OneMessage(call.client, collection, thread_id, message_id)
    if last_chars := arguments.get("last_chars"):
        if start.continued:
            raise conflict(["last_chars"])
        message = await _read(call, source)
        source = replace(source, message=message)
        start = _start_of_end(message, start, last_chars)
    return await read_page(call, _SHAPE, start, source, 1)


async def _read(call: Call, source: _OneMessage) -> Message:
    """Return the message, which is read within the call's time limit.

    Raises:
        ToolError: the upstream's failure; `deadline_exceeded` if it did not answer in time.
    """
    with anyio.CancelScope(deadline=call.ends_at):
        return await source.item(source.message_id)
    raise too_late()


def _start_of_end(message: Message, start: ListPosition, last_chars: int) -> ListPosition:
    """Return the position in the message's text at which its last `last_chars` characters start.

    If the text is not longer than that, return `start`, so that the whole message is shown.
    """
    offset = len(message["text"]) - last_chars
    if offset <= 0:
        return start
    return replace(start, position=message["id"], inside=Inside(offset))


GET_MESSAGE: Final = Tool(
    name="get-message",
    title="Get message",
    summary="reads one whole message, in pages if it is long; `last_chars` reads only its end",
    description="Read one whole message of a conversation, in pages if long.",
    input_schema=schemas.arguments(
        {
            "thread_id": schemas.STRING,
            "message_id": schemas.STRING,
            "cursor": schemas.CURSOR,
            "last_chars": schemas.LAST_CHARS,
        },
        ("thread_id", "message_id"),
    ),
    output_schema=schemas.result(
        # `message` is missing from a later page if the message has become shorter in the meantime.
        {"page": schemas.PAGE, "message": schemas.MESSAGE},
        ("page",),
    ),
    run=_run,
    needs=(*READABLE, RESPONSES, INTERACTIONS),
    short_ids=("message_id",),
    keywords="quote, full text",
)
