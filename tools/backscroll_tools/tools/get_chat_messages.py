"""`get-chat-messages`: a page of a stored chat completion's messages, its answer included."""

from dataclasses import dataclass
from typing import Final, cast

from backscroll_tools import schemas
from backscroll_tools.client import objects, requests
from backscroll_tools.client.client import Client
from backscroll_tools.client.groups import CHAT_COMPLETIONS
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.requests import Slice
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON, Message, Order
from backscroll_tools.pages.bound import Shape
from backscroll_tools.pages.cursor import place
from backscroll_tools.pages.listing import read_page
from backscroll_tools.pages.walk import Chunk
from backscroll_tools.tool import REQUESTS, Call, Result, Tool

_SHAPE: Final = Shape("messages", "message")
_CHOICE: Final = "-choice-"
"""Stands in the id of a message that is a choice of the completion, before its index."""


@dataclass(frozen=True, slots=True)
class _ChatMessages:
    """A completion's messages, and behind them the choices that the upstream leaves out.

    OpenAI's published example shows the input only, OGX sends the choices too (docs/upstreams).
    """

    client: Client
    completion_id: str
    order: Order

    async def chunk(self, after: str, limit: int) -> Chunk[Message]:
        if self.order == "desc":
            return await self._newest_first(after, limit)
        chunk: Chunk[Message] = Chunk((), has_more=False)
        if _CHOICE not in after:
            chunk = await self._stored(after, limit)
        if chunk.has_more is not False and chunk.items:
            return chunk
        choices = _behind(await self._choices(chunk.items), after)
        return Chunk((*chunk.items, *choices), has_more=False, warning=chunk.warning)

    async def item(self, item_id: str) -> Message | None:
        # The API reads no single message of a completion: look for it page by page.
        if _CHOICE in item_id:
            return next((each for each in await self._choices() if each["id"] == item_id), None)
        after = ""
        for _ in range(REQUESTS):
            chunk = await self.chunk(after, PAGE_ITEMS)
            for message in chunk.items:
                if message["id"] == item_id:
                    return message
            if chunk.has_more is False or not chunk.items or chunk.items[-1]["id"] == after:
                break
            after = chunk.items[-1]["id"]
        return None

    async def _newest_first(self, after: str, limit: int) -> Chunk[Message]:
        if after and _CHOICE not in after:
            return await self._stored(after, limit)
        stored = await self._stored("", limit)
        choices = _behind((await self._choices(stored.items[::-1]))[::-1], after)
        return Chunk((*choices, *stored.items), stored.has_more, warning=stored.warning)

    async def _stored(self, after: str, limit: int) -> Chunk[Message]:
        return await self._page(Slice(limit, self.order, after))

    async def _page(self, window: Slice) -> Chunk[Message]:
        reply = await self.client.page(requests.list_chat_messages(self.completion_id, window))
        return Chunk.of(reply, objects.message)

    async def _choices(self, newest: tuple[Message, ...] = ()) -> list[Message]:
        """Return the completion's choices as messages, but for those that are stored as such.

        Args:
            newest: the last of the stored messages, oldest first, if they are known.
        """
        raw = await self._completion()
        choices = [
            objects.message({**message, "id": f"{self.completion_id}{_CHOICE}{index}"})
            for index, message in enumerate(_messages(raw))
        ]
        if not choices:
            return []
        if len(newest) < len(choices):
            newest = (await self._page(Slice(min(PAGE_ITEMS, len(choices)), "desc"))).items
        stored = {_said(message) for message in newest[-len(choices) :]}
        return [choice for choice in choices if _said(choice) not in stored]

    async def _completion(self) -> JSON:
        """Return the completion, or nothing where the upstream serves its messages alone."""
        request = requests.retrieve_chat_completion(self.completion_id)
        try:
            return await self.client.find(request) or {}
        except ToolError as error:
            if error.code == "upstream_retired":
                return {}
            raise


def _messages(raw: JSON) -> list[JSON]:
    choices = raw.get("choices")
    found: list[JSON] = []
    for choice in cast("list[object]", choices) if isinstance(choices, list) else []:
        match choice:
            case {"message": dict() as message}:
                found.append(cast("JSON", message))
            case _:
                pass
    return found


def _said(message: Message) -> str:
    """Return what tells one message from another, where their ids differ."""
    return str([message.get(name) for name in ("role", "text", "tool_calls", "content")])


def _behind(messages: list[Message], after: str) -> list[Message]:
    ids = [message["id"] for message in messages]
    return messages[ids.index(after) + 1 :] if after in ids else messages


async def _run(call: Call, arguments: JSON) -> Result:
    completion_id = arguments["completion_id"]
    start = place(GET_CHAT_MESSAGES.name, completion_id, arguments, "asc")
    source = _ChatMessages(call.client, completion_id, start.walk_order)
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
    needs=(CHAT_COMPLETIONS,),
)
