"""A walk passes content of any size and shows everything around it.

`make test` walks small content under small limits; `make soak PARTS=large` walks up to 64 MB.
"""

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backscroll.store.app import Store, open_store
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedThread,
)
from backscroll.store.conversation_object import MAX_ITEM_TEXT
from backscroll_tools import registry
from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import COMPATIBLE, EMBEDDED, STORE, Upstream
from backscroll_tools.models import JSON
from backscroll_tools.tool import Bounds, Call

TOOLS: Final = {tool.name: tool for tool in registry.TOOLS}
THREAD, CONVERSATION, COMPLETION = "thread_large", "conv_large", "chatcmpl-large"
FULL: Final = settings.get_current_profile_name() == "long"
"""Whether to walk content of up to 64 MB."""

UPSTREAMS: Final = {
    "in process": EMBEDDED,
    "a store elsewhere": Upstream(STORE, "http://elsewhere.example/v1"),
    "another server": Upstream(COMPATIBLE, "http://other.example/v1"),
}


@dataclass(frozen=True)
class Scale:
    """The limits of a walk.

    Attributes:
        largest: the most characters of a message.
        result_chars: the most characters of a page.
        reply_bytes: the most bytes of a reply over a network.
    """

    largest: int
    result_chars: int
    reply_bytes: int


SMALL: Final = Scale(60_000, 2_000, 20_000)
LARGE: Final = Scale(64_000_000, 200_000, 8 * 1024 * 1024)


@dataclass(frozen=True)
class Content:
    """Something that a message can hold.

    Attributes:
        kind: `text`, `image`, `audio`, `file` or `tool output`.
        size: the characters of its text or base64.
    """

    kind: str
    size: int

    @property
    def is_text(self) -> bool:
        return self.kind == "text"

    @property
    def text(self) -> str:
        return ("word " * (self.size // 5 + 1))[: self.size]

    @property
    def base64(self) -> str:
        return "iVBORw0KGgo" + "A" * self.size

    def of_a_thread(self) -> ImportedMessage:
        content: str | list[JSON] = self.text
        if not self.is_text:
            url = f"data:image/png;base64,{self.base64}"
            content = [{"type": "image_url", "image_url": {"url": url}}]
        return ImportedMessage(role="user", content=content, created_at=1)

    def item(self) -> JSON:
        if self.is_text:
            return {"role": "user", "content": self.text}
        if self.kind == "tool output":
            return {"type": "function_call_output", "call_id": "call_1", "output": self.text}
        parts: dict[str, JSON] = {
            "image": {"type": "input_image", "image_url": f"data:image/png;base64,{self.base64}"},
            "audio": {
                "type": "input_audio",
                "input_audio": {"data": self.base64, "format": "wav"},
            },
            "file": {"type": "input_file", "filename": "a.pdf", "file_data": self.base64},
        }
        return {"role": "user", "content": [parts[self.kind]]}

    def chat_message(self) -> JSON:
        if self.kind == "tool output":
            return {"role": "tool", "tool_call_id": "call_1", "content": self.text}
        return self.item()


def contents(scale: Scale) -> st.SearchStrategy[list[Content]]:
    edges = [0, 255, 300, scale.result_chars, scale.reply_bytes - 500, scale.largest]
    kinds = st.sampled_from(["text", "image", "audio", "file", "tool output"])
    sizes = st.sampled_from([size for size in edges if size <= scale.largest])
    return st.lists(st.builds(_content, kinds, sizes), min_size=1, max_size=5)


def _content(kind: str, size: int) -> Content:
    return Content(kind, min(size, MAX_ITEM_TEXT) if kind == "text" else size)


@asynccontextmanager
async def store_of(held: list[Content]) -> AsyncIterator[Store]:
    async with open_store("sqlite://") as store:
        await store.import_thread(
            ImportedThread(
                key="t", id=THREAD, created_at=1, messages=[each.of_a_thread() for each in held]
            )
        )
        await store.import_conversation(
            ImportedConversation(
                key="c",
                id=CONVERSATION,
                created_at=1,
                items=[ImportedItem(each.item()) for each in held],
            )
        )
        messages = [each.chat_message() for each in held]
        reply = {**messages[-1], "role": "assistant"}
        choices = [{"index": 0, "finish_reason": "stop", "message": reply}]
        await store.import_completion(
            ImportedCompletion(
                key="m",
                id=COMPLETION,
                created_at=1,
                model="m",
                messages=messages[:-1],
                choices=choices,
            )
        )
        yield store


@asynccontextmanager
async def client_of(store: Store, upstream: Upstream, reply_bytes: float) -> AsyncIterator[Client]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(store.app)) as http:
        yield Client(http, upstream, reply_bytes=None if upstream is EMBEDDED else reply_bytes)


async def walk(
    client: Client, tool_name: str, arguments: JSON, bounds: Bounds, most: int
) -> list[JSON]:
    """Return every page of a list, in at most `most` calls."""
    tool = TOOLS[tool_name]
    pages: list[JSON] = []
    for _ in range(most):
        result = await tool.run(Call.begin(client, bounds), validated(tool, arguments))
        pages.append(result.structured)
        page = pages[-1]["page"]
        assert "failed" not in page.get("warning", "")
        if page["next_cursor"] is None:
            assert page["has_more"] is False
            return pages
        arguments = {**arguments, "cursor": page["next_cursor"]}
    pytest.fail(f"the walk takes more than {most} calls")


def joined(pages: list[JSON], order: str) -> list[JSON]:
    """Return the messages of a walk, oldest first, each with the pages that it took."""
    found: dict[str, JSON] = {}
    for page in pages:
        for message in page["messages"]:
            seen = found.setdefault(message["id"], {**message, "text": "", "pages": 0})
            seen["text"] += message["text"]
            seen["pages"] += 1
    messages = list(found.values())
    return messages if order == "asc" else messages[::-1]


@dataclass(frozen=True)
class Walked:
    """How a list is walked."""

    order: str
    limit: int
    preview_chars: int

    @property
    def arguments(self) -> JSON:
        preview = {"preview_chars": self.preview_chars} if self.preview_chars else {}
        return {"order": self.order, "limit": self.limit, **preview}


WALKED = st.builds(
    Walked,
    st.sampled_from(["asc", "desc"]),
    st.sampled_from([1, 2, 20, 500]),
    st.sampled_from([0, 1, 300, 2_000]),
)


def check(seen: JSON, expected: Content, walked: Walked, scale: Scale, *, limited: bool) -> None:
    """Check what a walk showed of one message."""
    text = expected.text if expected.kind in {"text", "tool output"} else ""
    whole = seen["text"] == text and "omitted" not in seen
    if not whole:
        assert seen["pages"] <= 3
    omitted = seen.get("omitted", "")
    if omitted.startswith("the content ("):
        assert limited
        assert expected.size > scale.reply_bytes // 2
        assert "more than BACKSCROLL_REPLY_BYTES" in omitted
    elif walked.preview_chars:
        assert text.startswith(seen["text"])
        clipped = seen.get("clipped", {"total": len(text)})
        assert clipped["total"] == len(text)
    else:
        assert seen["text"] == text
        if not text and expected.size > 256:
            assert omitted == "binary content"
            assert f"[{'image/png'}, " in str(seen["content"])


HOMES: Final[list[tuple[str, JSON, Callable[[Content], bool]]]] = [
    ("list-messages", {"thread_id": THREAD}, lambda _: True),
    ("list-messages", {"thread_id": CONVERSATION}, lambda each: each.kind != "tool output"),
    ("get-chat-messages", {"completion_id": COMPLETION}, lambda _: True),
]


@pytest.mark.parametrize("home", range(len(HOMES)))
@pytest.mark.parametrize("where", UPSTREAMS)
@given(held=contents(LARGE if FULL else SMALL), walked=WALKED)
@settings(max_examples=30 if FULL else 6)
async def test_a_walk_passes_content_of_any_size_and_shows_the_rest(
    where: str, home: int, held: list[Content], walked: Walked
) -> None:
    scale = LARGE if FULL else SMALL
    tool_name, arguments, is_shown = HOMES[home]
    upstream = UPSTREAMS[where]
    bounds = Bounds(result_chars=scale.result_chars)
    async with store_of(held) as store, client_of(store, upstream, scale.reply_bytes) as client:
        expected = [each for each in held if is_shown(each)]
        if home == 0:  # a message of a thread holds text or an image
            expected = [replace(each, kind="text" if each.is_text else "image") for each in held]
        texts = sum(len(each.text) for each in expected if each.kind in {"text", "tool output"})
        most = 3 * (len(held) + 1) + (0 if walked.preview_chars else math.ceil(texts / 300))
        pages = await walk(client, tool_name, {**arguments, **walked.arguments}, bounds, most)
    messages = joined(pages, walked.order)
    assert len(messages) == len(expected)
    for seen, each in zip(messages, expected, strict=True):
        check(seen, each, walked, scale, limited=upstream is not EMBEDDED)
