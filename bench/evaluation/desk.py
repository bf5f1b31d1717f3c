"""What an agent does with the tools it is given, whoever made them; and the record of it."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from mcp import Client
from mcp.types import TextContent

MAX_PAGES: Final = 200
MAX_CHARS: Final = 600_000
"""After so many characters an agent gives up: no window holds them."""


class CallError(Exception):
    """A call was answered with an error; its text."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call: what the agent wrote, what it read, and whether that was an error."""

    said: str
    read: str
    is_error: bool


@dataclass(slots=True)
class Record:
    """A connection to a server, and the calls of one task."""

    client: Client
    exchanges: list[Exchange] = field(default_factory=list)

    async def call(self, tool: str, **arguments: object) -> str:
        """Call a tool with the arguments that are not empty; return the text that a model reads.

        Raises:
            CallError: the tool says that it failed, or the agent has read too much.
        """
        if sum(len(each.read) for each in self.exchanges) > MAX_CHARS:
            raise CallError("more than any window holds")
        given = {name: value for name, value in arguments.items() if value}
        result = await self.client.call_tool(tool, given)
        text = "\n".join(block.text for block in result.content if isinstance(block, TextContent))
        said = json.dumps({"name": tool, "arguments": given}, ensure_ascii=False)
        self.exchanges.append(Exchange(said, text, bool(result.is_error)))
        if result.is_error:
            raise CallError(text)
        return text


@dataclass(frozen=True, slots=True)
class Item:
    """What an agent understood of a message, a thread or a completion."""

    id: str
    text: str = ""
    files: tuple[str, ...] = ()
    last_written: int = 0
    topic: str = ""
    role: str = ""
    thread_id: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Some items, and what to pass to go on; empty at the end."""

    items: tuple[Item, ...]
    onward: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Which messages of a thread or conversation an agent wants.

    Attributes:
        limit: how many it needs; 0 for all.
        preview: how many characters of each are enough; 0 for all of it.
        onward: what the page before gave to go on.
    """

    thread_id: str
    limit: int = 0
    newest_first: bool = True
    after: str = ""
    run_id: str = ""
    preview: int = 0
    onward: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """What an agent looks for.

    Attributes:
        query: what it searches for, if the server can search.
        sign: words of the answer by which it recognizes one when it reads it.
        thread_id: the only thread in question; empty for all.
        role: who said it; empty if that is not known.
        month: when it was said, such as `2018-07`; empty if that is not known.
        newest_first: whether it wants the newest first, and otherwise the best.
        context: how many messages before and after each it wants.
        limit: how many it needs.
    """

    query: str
    sign: str
    thread_id: str = ""
    role: str = ""
    month: str = ""
    newest_first: bool = False
    context: int = 0
    limit: int = 3


class Desk(Protocol):
    """The same abilities in the words of one server's tools."""

    async def messages(self, ask: Ask) -> Page:
        """Read a page of messages."""
        ...

    async def find(self, find: Find) -> tuple[Item, ...]:
        """Find messages; those around one come beside it, in the order in which they were said."""
        ...

    async def around(self, found: Item, limit: int) -> tuple[Item, ...]:
        """Read a message that was found with those on both sides of it, oldest first."""
        ...

    async def message(self, thread_id: str, message_id: str) -> str:
        """Read the text of one message whole."""
        ...

    async def files(self, thread_id: str, message_id: str) -> tuple[str, ...]:
        """Read the files of one message."""
        ...

    async def threads(self, onward: str) -> Page:
        """Read a page of threads, newest first."""
        ...

    async def latest(self) -> str:
        """Return the id of the thread that was last written to."""
        ...

    async def thread_on(self, topic: str) -> str:
        """Return the id of the thread on a topic; empty if it was not found."""
        ...

    async def completions(self, metadata: dict[str, str]) -> Page:
        """Find stored completions."""
        ...

    async def answer(self, completion_id: str) -> tuple[str, ...]:
        """Read the messages of a stored completion, its answer last."""
        ...

    async def write(self, text: str, thread_id: str = "") -> str:
        """Write a message, to a new thread where none is named; return the thread's id."""
        ...


async def walk(desk: Desk, ask: Ask) -> AsyncIterator[Item]:
    """Yield messages, page by page, until the asker has enough.

    Raises:
        CallError: a page did not come, or they do not end.
    """
    for _ in range(MAX_PAGES):
        page = await desk.messages(ask)
        for item in page.items:
            yield item
        if not page.onward:
            return
        ask = Ask(
            thread_id=ask.thread_id,
            newest_first=ask.newest_first,
            preview=ask.preview,
            onward=page.onward,
        )
    raise CallError("the walk does not end")


async def walk_threads(desk: Desk) -> AsyncIterator[Item]:
    """Yield threads, newest first, page by page, until the asker has enough.

    Raises:
        CallError: as `walk`.
    """
    onward = ""
    for _ in range(MAX_PAGES):
        page = await desk.threads(onward)
        for item in page.items:
            yield item
        onward = page.onward
        if not onward:
            return
    raise CallError("the walk does not end")
