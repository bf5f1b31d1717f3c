"""`list-chat-completions`: lists the stored chat completions."""

import json
from typing import Final, cast

from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools import schemas
from backscroll_tools.client import completion_requests, objects
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.groups import CHAT_COMPLETIONS
from backscroll_tools.client.replies import UNFILTERED
from backscroll_tools.client.requests import Slice
from backscroll_tools.lookup import Lookup
from backscroll_tools.models import JSON, Completion
from backscroll_tools.pages.cursor import ListPosition
from backscroll_tools.pages.frame import Shape
from backscroll_tools.pages.listing import read_page
from backscroll_tools.pages.source import Chunk
from backscroll_tools.pages.start import start_position
from backscroll_tools.pages.stop import join_warnings
from backscroll_tools.tool import Call, Result, Tool

_SHAPE: Final = Shape("completions", "completion")


class _ChatCompletions(Struct, frozen=True):
    client: CallClient
    start: ListPosition
    filters: tuple[tuple[str, str], ...]

    async def chunk(self, after: str, limit: int) -> Chunk[Completion]:
        window = Slice(limit, self.start.walk_order, after, self.filters)
        request = completion_requests.list_chat_completions(window).abridged(
            objects.COMPLETION_PREVIEW
        )
        reply = await self.client.page(request)
        chunk = Chunk.of(reply, objects.completion, self._is_wanted)
        wanted = _metadata(self.start)
        if wanted and any(not isinstance(raw.get("metadata"), dict) for raw in reply.items):
            return replace(chunk, warning=join_warnings(chunk.warning, UNFILTERED))
        return chunk

    async def item(self, item_id: str) -> Completion | None:
        retrieval = completion_requests.retrieve_chat_completion
        order = self.start.walk_order
        lookup = Lookup(self.client, completion_requests.list_chat_completions, retrieval, order)
        raw = await lookup.find(item_id)
        return None if raw is None else objects.completion({**raw, "id": item_id})

    def _is_wanted(self, raw: JSON) -> bool:
        # OGX and Llama Stack ignore the metadata filter (docs/upstreams.md), so apply it here too.
        wanted, metadata = _metadata(self.start), raw.get("metadata")
        return not wanted or (
            isinstance(metadata, dict) and wanted.items() <= cast("JSON", metadata).items()
        )


def _metadata(start: ListPosition) -> dict[str, str]:
    metadata: dict[str, str] = json.loads(dict(start.filters).get("metadata", "{}"))
    return metadata


def _query(start: ListPosition) -> tuple[tuple[str, str], ...]:
    """Return the filters as query parameters. Each pair of the metadata becomes a parameter."""
    filters = ((name, value) for name, value in start.filters if name != "metadata")
    pairs = ((f"metadata[{key}]", value) for key, value in _metadata(start).items())
    return (*filters, *pairs)


async def _run(call: Call, arguments: JSON) -> Result:
    start = start_position(LIST_CHAT_COMPLETIONS.name, "", arguments, "desc", ("model", "metadata"))
    source = _ChatCompletions(call.client, start, _query(start))
    return await read_page(call, _SHAPE, start, source, schemas.limit_of(arguments))


LIST_CHAT_COMPLETIONS: Final = Tool(
    name="list-chat-completions",
    title="List chat completions",
    summary="lists stored completions, filtered by model or metadata",
    description=(
        "Find earlier chats with a model: stored chat completions, newest first, "
        "each with the start of its reply. Read one with get-chat-messages."
    ),
    input_schema=schemas.arguments(
        {
            "model": schemas.STRING,
            "metadata": schemas.metadata("Only with these pairs"),
            "limit": schemas.LIMIT,
            "order": schemas.ORDER,
            "after": {"type": "string", "description": "Completion id"},
            "cursor": schemas.CURSOR,
        },
    ),
    output_schema=schemas.listed("completions", schemas.COMPLETION),
    run=_run,
    needs=(CHAT_COMPLETIONS,),
    finds="a stored completion",
)
