"""`list-responses`: lists responses, as far as the upstream can list them."""

from typing import Final

from msgspec import Struct

from backscroll_tools import schemas
from backscroll_tools.client import groups, response_object, response_requests
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.requests import Slice
from backscroll_tools.lookup import Lookup
from backscroll_tools.models import JSON, StoredResponse
from backscroll_tools.pages.cursor import ListPosition
from backscroll_tools.pages.frame import Shape
from backscroll_tools.pages.listing import read_page
from backscroll_tools.pages.source import Chunk
from backscroll_tools.pages.start import start_position
from backscroll_tools.tool import Call, Result, Tool
from backscroll_tools.toolset import RESPONSES_TOOLSET

_SHAPE: Final = Shape("responses", "response")
_CONVERSATION: Final = "conversation_id"


class _Responses(Struct, frozen=True):
    client: CallClient
    start: ListPosition

    async def chunk(self, after: str, limit: int) -> Chunk[StoredResponse]:
        window = Slice(limit, self.start.walk_order, after, self.start.filters)
        reply = await self.client.page(response_requests.list_responses(window).abridged())
        return Chunk.of(reply, response_object.listed, self._is_wanted)

    async def item(self, item_id: str) -> StoredResponse | None:
        retrieval = response_requests.retrieve_response
        order = self.start.walk_order
        lookup = Lookup(self.client, response_requests.list_responses, retrieval, order)
        raw = await lookup.find(item_id)
        return None if raw is None else response_object.listed({**raw, "id": item_id})

    def _is_wanted(self, raw: JSON) -> bool:
        # Some upstreams ignore this filter (docs/upstreams.md), so filter here too.
        wanted = dict(self.start.filters).get(_CONVERSATION, "")
        own = response_object.conversation_of(raw)
        return not wanted or "conversation" not in raw or own == wanted


async def _run(call: Call, arguments: JSON) -> Result:
    filters = (_CONVERSATION, "model")
    start = start_position(LIST_RESPONSES.name, "", arguments, "desc", filters)
    source = _Responses(call.client, start)
    return await read_page(call, _SHAPE, start, source, schemas.limit_of(arguments))


LIST_RESPONSES: Final = Tool(
    name="list-responses",
    title="List responses",
    summary="lists responses, also of one conversation",
    description=(
        "Find past chats with a model: responses, newest first, each with the start of its output."
    ),
    input_schema=schemas.arguments(
        {
            "conversation_id": {"type": "string", "description": "Only of this conversation"},
            "model": {"type": "string", "description": "Only of this model"},
            "limit": schemas.LIMIT,
            "order": schemas.order("desc"),
            "after": {"type": "string", "description": "Response id to start after"},
            "cursor": schemas.CURSOR,
        },
    ),
    output_schema=schemas.listed("responses", schemas.RESPONSE),
    run=_run,
    toolset=RESPONSES_TOOLSET,
    needs=(groups.LIST_RESPONSES,),
    finds="a response",
    keywords="agent runs, generations",
)
