"""`list-message-files`: a page of the files that a message refers to."""

from dataclasses import dataclass, replace
from typing import Final

from backscroll_tools import schemas
from backscroll_tools.client import objects, requests
from backscroll_tools.client.client import Client
from backscroll_tools.client.groups import MESSAGE_FILES
from backscroll_tools.client.requests import Slice
from backscroll_tools.collections import is_conversation, raw_message
from backscroll_tools.models import JSON, MessageFile
from backscroll_tools.pages.bound import Shape
from backscroll_tools.pages.cursor import Place, place
from backscroll_tools.pages.listing import read_page
from backscroll_tools.pages.walk import Chunk
from backscroll_tools.tool import Call, Result, Tool

_SHAPE: Final = Shape("files", "file")


@dataclass(frozen=True, slots=True)
class _MessageFiles:
    client: Client
    start: Place
    thread_id: str
    message_id: str

    async def chunk(self, after: str, limit: int) -> Chunk[MessageFile]:
        window = Slice(limit, self.start.walk_order, after)
        request = requests.list_message_files(self.thread_id, self.message_id, window)
        reply = await self.client.page(request)
        return Chunk.of(reply, lambda raw: objects.message_file(raw, self.message_id))

    async def item(self, item_id: str) -> MessageFile | None:
        return MessageFile(id=item_id, message_id=self.message_id)


@dataclass(frozen=True, slots=True)
class _DerivedFiles:
    """The files that a message names itself, where the upstream has no list of them."""

    client: Client
    start: Place
    thread_id: str
    message_id: str

    async def chunk(self, after: str, limit: int) -> Chunk[MessageFile]:  # noqa: ARG002 - a Source
        raw = await raw_message(self.client, self.thread_id, self.message_id)
        names = objects.derived_files(raw)
        if self.start.walk_order == "desc":
            names.reverse()
        names = names[names.index(after) + 1 :] if after in names else names
        files = tuple(objects.message_file({**raw, "id": name}, self.message_id) for name in names)
        return Chunk(files, has_more=False)

    async def item(self, item_id: str) -> MessageFile | None:
        return MessageFile(id=item_id, message_id=self.message_id)


async def _run(call: Call, arguments: JSON) -> Result:
    thread_id, message_id = arguments["thread_id"], arguments["message_id"]
    profile = call.client.upstream.profile
    derived = is_conversation(profile, thread_id) or MESSAGE_FILES not in profile.serves
    start = place(LIST_MESSAGE_FILES.name, f"{thread_id}/{message_id}", arguments, "desc")
    source = (_DerivedFiles if derived else _MessageFiles)(
        call.client, start, thread_id, message_id
    )
    shape = replace(_SHAPE, derived=derived)
    return await read_page(call, shape, start, source, schemas.limit_of(arguments))


LIST_MESSAGE_FILES: Final = Tool(
    name="list-message-files",
    title="List message files",
    description="List the ids of the files that one message of a thread refers to.",
    input_schema=schemas.arguments(
        {
            "thread_id": schemas.STRING,
            "message_id": schemas.STRING,
            "limit": schemas.LIMIT,
            "order": schemas.order("desc"),
            "after": {"type": "string", "description": "File id to start behind"},
            "before": {"type": "string", "description": "File id to end ahead of"},
            "cursor": schemas.CURSOR,
        },
        ("thread_id", "message_id"),
    ),
    output_schema=schemas.listed("files", schemas.FILE),
    run=_run,
)
