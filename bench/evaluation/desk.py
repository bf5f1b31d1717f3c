"""An agent's actions with a server's tools, and a record of its calls."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from mcp import Client
from mcp.types import TextContent

MAX_PAGES: Final = 200
MAX_CHARS: Final = 600_000
"""The number of characters after which an agent gives up, because no context window holds more."""


class CallError(Exception):
    """A call returned an error. The message is the text of the error."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call: the text that the agent wrote, the text of the result, and whether it failed."""

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
            CallError: the tool returned an error, or the agent has read too much.
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
    """The parts of a message, thread or completion that an agent read."""

    id: str
    text: str = ""
    files: tuple[str, ...] = ()
    last_written: int = 0
    topic: str = ""
    role: str = ""
    thread_id: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of items, and the value to pass for the next page; empty after the last page."""

    items: tuple[Item, ...]
    onward: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Which messages of a thread or conversation an agent wants.

    Attributes:
        limit: how many it needs; 0 for all.
        preview: how many characters of each message are enough; 0 for the whole text.
        onward: the value from the previous page that continues the list.
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
        sign: words of the answer, by which the agent recognizes the message.
        thread_id: the only thread to search; empty for all threads.
        role: the role of the message; empty if unknown.
        month: the month of the message, such as `2018-07`; empty if unknown.
        newest_first: whether the newest messages come first. Otherwise, the best come first.
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
    """The actions of an agent, implemented with the tools of one server."""

    async def messages(self, ask: Ask) -> Page:
        """Read a page of messages."""
        ...

    async def find(self, find: Find) -> tuple[Item, ...]:
        """Find messages. Each one comes with the messages around it, in the order of the thread."""
        ...

    async def around(self, found: Item, limit: int) -> tuple[Item, ...]:
        """Read a message with the messages before and after it, oldest first."""
        ...

    async def message(self, thread_id: str, message_id: str) -> str:
        """Read the whole text of one message."""
        ...

    async def ending(self, thread_id: str, message_id: str, chars: int) -> str:
        """Read the end of one message's text: `chars` characters, or more."""
        ...

    async def files(self, thread_id: str, message_id: str) -> tuple[str, ...]:
        """Read the files of one message."""
        ...

    async def threads(self, onward: str) -> Page:
        """Read a page of threads, newest first."""
        ...

    async def latest(self) -> str:
        """Return the id of the thread with the latest message."""
        ...

    async def thread_on(self, topic: str) -> str:
        """Return the id of the thread on a topic; empty if it was not found."""
        ...

    async def completions(self, metadata: dict[str, str]) -> Page:
        """Find stored completions."""
        ...

    async def answer(self, completion_id: str) -> tuple[str, ...]:
        """Read the messages of a stored completion. The reply is the last one."""
        ...

    async def write(self, text: str, thread_id: str = "") -> str:
        """Write a message, to a new thread if no thread is named. Return the thread's id."""
        ...


async def walk(desk: Desk, ask: Ask) -> AsyncIterator[Item]:
    """Yield messages, page by page, until the caller has enough.

    Raises:
        CallError: a page cannot be read, or the pages do not end.
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
    """Yield threads, newest first, page by page, until the caller has enough.

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
