"""The tools that FastMCP makes of the API's document, in the hands of the same agent."""

import json
from dataclasses import dataclass
from typing import Any, Final

from bench.evaluation.desk import Ask, CallError, Item, Page, Record

_ALL: Final = 100
"""The most that the API gives at a time."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A desk of the API's own operations."""

    record: Record

    async def messages(self, ask: Ask) -> Page:
        """Read a page of messages: to go on, the id of the last one and all arguments again."""
        conversation = ask.thread_id.startswith("conv")
        owner = "conversation_id" if conversation else "thread_id"
        text = await self.record.call(
            "listItems" if conversation else "listMessages",
            **{owner: ask.thread_id},
            limit=ask.limit or _ALL,
            order="" if ask.newest_first else "asc",
            after=ask.onward or ask.after,
            run_id=ask.run_id,
        )
        return _page(text)

    async def message(self, thread_id: str, message_id: str) -> str:
        """Read a message, which comes whole however long it is."""
        text = await self.record.call("getMessage", thread_id=thread_id, message_id=message_id)
        return _item(json.loads(text)).text

    async def files(self, thread_id: str, message_id: str) -> tuple[str, ...]:
        """Read the files of one message."""
        text = await self.record.call("getMessage", thread_id=thread_id, message_id=message_id)
        return _item(json.loads(text)).files

    async def threads(self, onward: str) -> Page:
        """Read a page of threads."""
        return _page(await self.record.call("listThreads", limit=_ALL, after=onward))

    async def completions(self, metadata: dict[str, str]) -> Page:
        """Find stored completions: the filter is spelled `metadata[key]`, which it has no form for.

        So all are listed, and those that fit are picked.
        """
        text = await self.record.call("listChatCompletions", limit=_ALL)
        fits = [
            each
            for each in json.loads(text)["data"]
            if metadata.items() <= each["metadata"].items()
        ]
        return Page(tuple(_item(each) for each in fits), "")

    async def answer(self, completion_id: str) -> tuple[str, ...]:
        """Read a stored completion: its messages are one thing and its answer another."""
        messages = await self.record.call(
            "getChatCompletionMessages", completion_id=completion_id, limit=_ALL, order="asc"
        )
        completion = await self.record.call("getChatCompletion", completion_id=completion_id)
        answer = json.loads(completion)["choices"][0]["message"]["content"]
        return (*(item.text for item in _page(messages).items), answer)

    async def write(self, text: str, thread_id: str = "") -> str:
        """Write a message; after an error look whether it is there, and only then write again."""
        if not thread_id:
            thread_id = json.loads(await self.record.call("createThread"))["id"]
        message = {"role": "assistant", "content": text}
        try:
            await self.record.call("createMessage", thread_id=thread_id, **message)
        except CallError:
            newest = await self.messages(Ask(thread_id=thread_id, limit=3))
            if text not in [item.text for item in newest.items]:
                await self.record.call("createMessage", thread_id=thread_id, **message)
        return thread_id


def _page(text: str) -> Page:
    listed = json.loads(text)
    return Page(
        tuple(_item(each) for each in listed["data"]),
        listed["last_id"] if listed["has_more"] else "",
    )


def _item(raw: dict[str, Any]) -> Item:
    content = raw.get("content") or ""
    parts = [] if isinstance(content, str) else [each.get("text", "") for each in content]
    texts = [part["value"] if isinstance(part, dict) else part for part in parts]
    return Item(
        id=raw["id"],
        text=content if isinstance(content, str) else "".join(texts),
        files=tuple(each["file_id"] for each in raw.get("attachments") or ()),
        last_written=raw.get("last_message_at") or 0,
        topic=json.dumps(raw.get("metadata") or {}),
    )
