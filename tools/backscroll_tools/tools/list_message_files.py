"""`list-message-files`: lists the files that a message refers to."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools import schemas
from backscroll_tools.client import objects
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.groups import INTERACTIONS, READABLE, RESPONSES
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.collection import Collection
from backscroll_tools.collections import any_collection_of
from backscroll_tools.id_kinds import refuse_as_message
from backscroll_tools.message_lists import raw_message
from backscroll_tools.models import JSON, MessageFile
from backscroll_tools.pages.cursor import ListPosition
from backscroll_tools.pages.frame import Shape
from backscroll_tools.pages.listing import read_page
from backscroll_tools.pages.source import Chunk, Source
from backscroll_tools.pages.start import start_position
from backscroll_tools.short_ids import with_whole_ids
from backscroll_tools.tool import Call, Result, Tool

_SHAPE: Final = Shape("files", "file")


class _MessageFiles(Struct, frozen=True):
    client: CallClient
    request: Callable[[str, str, Slice], Request]
    start: ListPosition
    thread_id: str
    message_id: str

    async def chunk(self, after: str, limit: int) -> Chunk[MessageFile]:
        window = Slice(limit, self.start.walk_order, after)
        reply = await self.client.page(self.request(self.thread_id, self.message_id, window))
        return Chunk.of(reply, lambda raw: objects.message_file(raw, self.message_id))

    async def item(self, item_id: str) -> MessageFile | None:
        return MessageFile(id=item_id, message_id=self.message_id)


class _DerivedFiles(Struct, frozen=True):
    """The files that a message refers to, extracted from the message.

    This is for upstreams that cannot list a message's files.
    """

    client: CallClient
    collection: Collection
    start: ListPosition
    thread_id: str
    message_id: str

    async def chunk(self, after: str, limit: int) -> Chunk[MessageFile]:  # noqa: ARG002 - part of `Source`
        raw = await raw_message(self.client, self.collection, self.thread_id, self.message_id)
        names = objects.derived_files(raw)
        if self.start.walk_order == "desc":
            names.reverse()
        names = names[names.index(after) + 1 :] if after in names else names
        files = tuple(objects.message_file({**raw, "id": name}, self.message_id) for name in names)
        return Chunk(files, has_more=False)

    async def item(self, item_id: str) -> MessageFile | None:
        return MessageFile(id=item_id, message_id=self.message_id)


async def _run(call: Call, arguments: JSON) -> Result:
    thread_id = arguments["thread_id"]
    collection = any_collection_of(call.client.upstream.profile, thread_id)
    refuse_as_message(arguments["message_id"])
    arguments = await with_whole_ids(call, collection, thread_id, arguments, ("message_id",))
    message_id = arguments["message_id"]
    request = collection.list_files
    start = start_position(LIST_MESSAGE_FILES.name, f"{thread_id}/{message_id}", arguments, "desc")
    source: Source[MessageFile]
    if request is None:
        source = _DerivedFiles(call.client, collection, start, thread_id, message_id)
    else:
        source = _MessageFiles(call.client, request, start, thread_id, message_id)
    shape = replace(_SHAPE, derived=request is None)
    return await read_page(call, shape, start, source, schemas.limit_of(arguments))


LIST_MESSAGE_FILES: Final = Tool(
    name="list-message-files",
    title="List message files",
    summary="lists the files that a message refers to",
    description="List the files and images attached to a message of a conversation, by id.",
    input_schema=schemas.arguments(
        {
            "thread_id": schemas.STRING,
            "message_id": schemas.STRING,
            "limit": schemas.LIMIT,
            "order": schemas.order("desc"),
            "after": {"type": "string", "description": "File id"},
            "before": {"type": "string", "description": "File id"},
            "cursor": schemas.CURSOR,
        },
        ("thread_id", "message_id"),
    ),
    output_schema=schemas.listed("files", schemas.FILE),
    run=_run,
    needs=(*READABLE, RESPONSES, INTERACTIONS),
    short_ids=("message_id",),
)
