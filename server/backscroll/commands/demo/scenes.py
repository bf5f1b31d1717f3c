"""The scenes of the demo. Each calls a tool and compares the result with the dataset."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from mcp import Client
from mcp.types import CallToolResult, TextContent
from msgspec import Struct

from backscroll.commands.demo.cast import ASKED, REFUND, Cast, completions
from backscroll.commands.demo.invented import HISTORY
from backscroll.commands.demo.stage import Stage
from backscroll_tools.render import compact
from backscroll_tools.tool import RESULT_CHARS

_PAGES: Final = 1_000
_PREVIEW: Final = 24
_WORD_CHARS: Final = 14
_FILE: Final = "file-of-the-demo"


class SceneError(Exception):
    """A command or a tool call of the demo failed. `str()` gives the reason."""


class Act(Struct, frozen=True):
    """The objects that every scene uses: an MCP client, the output and the conversations."""

    client: Client
    stage: Stage
    cast: Cast

    async def call(self, tool: str, *, lines: int, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
        """Call a tool, show the call and the text of its result, and return its structured content.

        Args:
            tool: the tool's name.
            lines: the maximum number of lines of the text that are shown.
            arguments: the tool's arguments.

        Raises:
            SceneError: the tool failed.
        """
        words = (f"{name}={_word(value)}" for name, value in arguments.items())
        self.stage.asks(tool, words)
        result = await self.ask(tool, **arguments)
        self.stage.reads(text_of(result), lines)
        return structured(result)

    async def ask(self, tool: str, **arguments: Any) -> CallToolResult:  # noqa: ANN401 - any JSON value
        """Call a tool without showing it.

        Raises:
            SceneError: the tool failed.
        """
        result = await self.client.call_tool(tool, arguments)
        if result.is_error:
            raise SceneError(f"{tool} failed: {text_of(result)}")
        return result

    async def pages(self, tool: str, **arguments: Any) -> AsyncIterator[CallToolResult]:  # noqa: ANN401 - any JSON value
        """Yield every page of a list, following its cursors to the end."""
        for _ in range(_PAGES):
            page = await self.ask(tool, **arguments)
            yield page
            cursor = structured(page)["page"]["next_cursor"]
            if cursor is None:
                return
            owner = {name: value for name, value in arguments.items() if name.endswith("_id")}
            arguments = {**owner, "cursor": cursor, "limit": arguments["limit"]}
        raise SceneError(f"{tool} has more than {_PAGES} pages")


async def tools(act: Act) -> None:
    """List the tools, and show how many tokens their definitions take."""
    listed = await act.client.list_tools()
    act.stage.say(
        f"MCP {act.client.protocol_version}; the server offers {len(listed.tools)} tools:"
    )
    for tool in listed.tools:
        kind = "reads" if tool.annotations and tool.annotations.read_only_hint else "writes"
        act.stage.say(f"  {tool.name:<22} {kind:<6}  {tool.title}")
    chars = sum(
        len(tool.name) + len(tool.description or "") + len(compact(tool.input_schema))
        for tool in listed.tools
    )
    act.stage.say(
        f"Their definitions cost a model about {chars // 4:,} tokens ({chars:,} characters / 4)."
    )
    names = [tool.name for tool in listed.tools]
    act.stage.check(f"{len(names)} tools, each with its own name", len(set(names)) == len(names))


async def question(act: Act) -> dict[str, Any]:
    """Ask a person's question in one call, and return the best hit."""
    page = await act.call("search-messages", query=ASKED, limit=1, lines=4)
    best: dict[str, Any] = page["hits"][0]
    answer = best["excerpt"].replace(page["page"]["mark"], "")
    act.stage.check(
        "one call finds the customer's words about the refund, verbatim",
        answer == REFUND,
    )
    return best


async def around(act: Act, hit: dict[str, Any]) -> str:
    """Read the messages around a hit, and return the id of its thread."""
    thread_id = str(hit["thread_id"])
    page = await act.call("list-messages", thread_id=thread_id, around=hit["id"], limit=4, lines=9)
    texts = [message["text"] for message in page["messages"]]
    act.stage.check(
        "these are the messages before and after it, oldest first, verbatim",
        texts == act.cast.texts(act.cast.customer),
    )
    return thread_id


async def threads(act: Act) -> str:
    """Find the longest conversation, and return the id of its thread."""
    await act.call("list-threads", limit=2, lines=5)
    found = [
        thread
        async for page in act.pages("list-threads", limit=500)
        for thread in structured(page)["threads"]
    ]
    wanted = {uuid: len(act.cast.texts(uuid)) for uuid in act.cast.conversations}
    wanted |= {each.id: len(each.texts) for each in HISTORY}
    counts = {_id(thread["metadata"]): thread["message_count"] for thread in found}
    act.stage.check(
        f"all {len(wanted)} conversations are found, each with its message count",
        counts == wanted and len(found) == len(wanted),
    )
    longest = max(found, key=lambda thread: thread["message_count"])
    act.stage.say(f"The longest has {longest['message_count']:,} messages: {longest['id']}")
    return str(longest["id"])


async def newest(act: Act, thread_id: str) -> None:
    """Read the newest messages of the longest conversation."""
    page = await act.call("list-messages", thread_id=thread_id, limit=4, lines=9)
    texts = [message["text"] for message in page["messages"]]
    act.stage.check(
        "these are the newest four messages, newest first, verbatim",
        texts == act.cast.texts(act.cast.longest)[:-5:-1],
    )


async def whole(act: Act, thread_id: str) -> None:
    """Read all pages of the longest conversation."""
    pages = [page async for page in act.pages("list-messages", thread_id=thread_id, limit=500)]
    texts = [message["text"] for page in pages for message in structured(page)["messages"]]
    act.stage.asks("list-messages", [f"thread_id={_word(thread_id)}", "limit=500", "cursor=…"])
    for page in (*pages[:2], pages[-1]):
        act.stage.reads(text_of(page).partition("\n")[0], 1)
    sizes = [len(text_of(page)) + len(compact(structured(page))) for page in pages]
    act.stage.say(f"{len(pages)} pages; the largest has {max(sizes):,} characters in total.")
    expected = act.cast.texts(act.cast.longest)[::-1]
    act.stage.check(
        f"no page is larger than {RESULT_CHARS:,} characters", max(sizes) <= RESULT_CHARS
    )
    act.stage.check(
        f"{len(texts):,} of {len(expected):,} messages, each once and verbatim",
        texts == expected,
    )


async def skim(act: Act, thread_id: str) -> None:
    """Read previews of messages, then one message in full."""
    page = await act.call(
        "list-messages", thread_id=thread_id, limit=6, preview_chars=_PREVIEW, lines=7
    )
    expected = act.cast.texts(act.cast.longest)[::-1]
    shown = [message["text"] for message in page["messages"]]
    act.stage.check(
        f"each message shows its first {_PREVIEW} characters",
        shown == [text[:_PREVIEW] for text in expected[:6]],
    )
    clipped = next(index for index, message in enumerate(page["messages"]) if "clipped" in message)
    message_id = page["messages"][clipped]["id"]
    read = await act.call("get-message", thread_id=thread_id, message_id=message_id, lines=3)
    act.stage.check("the message is complete", read["message"]["text"] == expected[clipped])


async def create(act: Act, thread_id: str) -> None:
    """Write a message twice with the same idempotency key, and check that it exists once."""
    written = {
        "thread_id": thread_id,
        "idempotency_key": "only-once",
        "role": "user",
        "content": "Thank you. Please write to me when it is done.",
    }
    first = await act.call("create-message", **written, lines=1)
    again = await act.call("create-message", **written, lines=1)
    page = await act.call("list-messages", thread_id=thread_id, limit=2, lines=5)
    expected = [written["content"], act.cast.texts(act.cast.customer)[-1]]
    act.stage.check(
        "the message was sent twice and exists once",
        first["message"]["id"] == again["message"]["id"] == page["messages"][0]["id"]
        and [message["text"] for message in page["messages"]] == expected,
    )


async def files(act: Act, thread_id: str) -> None:
    """Attach a file to a message, and list it."""
    attachment = {"file_id": _FILE, "tools": [{"type": "file_search"}]}
    created = await act.call(
        "create-message",
        thread_id=thread_id,
        role="user",
        content="The report is attached.",
        attachments=[attachment],
        lines=1,
    )
    page = await act.call(
        "list-message-files", thread_id=thread_id, message_id=created["message"]["id"], lines=2
    )
    act.stage.check("the file is found", [file["id"] for file in page["files"]] == [_FILE])


async def stored(act: Act) -> None:
    """Find the stored chat completions, and read one."""
    expected = completions(act.cast)
    page = await act.call("list-chat-completions", limit=3, lines=4)
    found = [completion["id"] for completion in page["completions"]]
    act.stage.check(
        f"all {len(expected)} stored completions are found", set(found) == set(expected)
    )
    completion_id = found[0]
    read = await act.call("get-chat-messages", completion_id=completion_id, lines=6)
    messages = [
        {"role": message["role"], "content": message["text"]} for message in read["messages"]
    ]
    act.stage.check("its messages and its reply are verbatim", messages == expected[completion_id])


def text_of(result: CallToolResult) -> str:
    """Return the text of a result. Models read the text, not the structured content."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


def structured(result: CallToolResult) -> dict[str, Any]:
    """Return a result's structured content.

    Raises:
        SceneError: the result has no structured content.
    """
    content: dict[str, Any] | None = result.structured_content
    if content is None:
        raise SceneError("a result has no structured content")
    return content


def _id(metadata: Mapping[str, str]) -> str:
    """Return the conversation's id in the dataset or in the invented history, from its metadata."""
    return metadata.get("conversation") or metadata["source_id"]


def _word(value: object) -> str:
    """Return an argument's value as text, shortened so that the call fits on one line."""
    text = value if isinstance(value, str) else compact(value)
    return text if len(text) <= _WORD_CHARS else f"{text[: _WORD_CHARS - 1]}…"
