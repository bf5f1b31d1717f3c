"""The same agent with the tools that FastMCP generates from the API's OpenAPI document."""

import json
from dataclasses import dataclass, replace
from typing import Any, Final

from bench.evaluation.desk import (
    Ask,
    CallError,
    Find,
    Item,
    Page,
    Record,
    walk,
    walk_threads,
)

_ALL: Final = 100
"""The maximum number of items that the API returns at a time."""


@dataclass(frozen=True, slots=True)
class Peer:
    """An agent's actions with the API's own operations."""

    record: Record

    async def messages(self, ask: Ask) -> Page:
        """Read a page of messages. The next page needs the last message's id and all arguments."""
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

    async def find(self, find: Find) -> tuple[Item, ...]:
        """Read messages until the answer is found; thread by thread, if its thread is unknown."""
        owners = [find.thread_id] if find.thread_id else []
        if not owners:
            owners = [item.id async for item in walk_threads(self)]
        found: list[Item] = []
        for owner in owners:
            read: list[Item] = []
            places: list[int] = []
            async for item in walk(self, Ask(thread_id=owner)):
                if find.sign in item.text and find.role in {"", item.role}:
                    places.append(len(read))
                read.append(replace(item, thread_id=owner))
                enough = len(found) + len(places) >= find.limit
                if enough and len(read) > places[-1] + find.context:
                    break
            for place in places:
                near = read[max(place - find.context, 0) : place + find.context + 1]
                found += reversed(near)
            if len(found) >= find.limit:
                break
        return tuple(found)

    async def around(self, found: Item, limit: int) -> tuple[Item, ...]:
        """Read the messages before one, and those after it."""
        before = await self.messages(
            Ask(thread_id=found.thread_id, limit=limit // 2, after=found.id)
        )
        after = await self.messages(
            Ask(
                thread_id=found.thread_id,
                limit=(limit - 1) // 2,
                newest_first=False,
                after=found.id,
            )
        )
        return (*before.items[::-1], found, *after.items)

    async def message(self, thread_id: str, message_id: str) -> str:
        """Read a message. The API returns its whole text, even if it is long."""
        text = await self.record.call("getMessage", thread_id=thread_id, message_id=message_id)
        return _item(json.loads(text)).text

    async def ending(self, thread_id: str, message_id: str, chars: int) -> str:  # noqa: ARG002 - the API has no such argument
        """Read the whole message, because the API cannot return only its end."""
        return await self.message(thread_id, message_id)

    async def files(self, thread_id: str, message_id: str) -> tuple[str, ...]:
        """Read the files of one message."""
        text = await self.record.call("getMessage", thread_id=thread_id, message_id=message_id)
        return _item(json.loads(text)).files

    async def threads(self, onward: str) -> Page:
        """Read a page of threads."""
        return _page(await self.record.call("listThreads", limit=_ALL, after=onward))

    async def latest(self) -> str:
        """Read all threads, because the API's document does not describe their order."""
        found = [item async for item in walk_threads(self)]
        return max(found, key=lambda item: item.last_written).id

    async def thread_on(self, topic: str) -> str:
        """Read threads until one is on the topic."""
        async for item in walk_threads(self):
            if f'"{topic}"' in item.topic:
                return item.id
        return ""

    async def completions(self, metadata: dict[str, str]) -> Page:
        """List all stored completions, and compare their metadata here.

        The API's filter is named `metadata[key]`, which the generated tool does not support.
        """
        text = await self.record.call("listChatCompletions", limit=_ALL)
        fits = [
            each
            for each in json.loads(text)["data"]
            if metadata.items() <= each["metadata"].items()
        ]
        return Page(tuple(_item(each) for each in fits), "")

    async def answer(self, completion_id: str) -> tuple[str, ...]:
        """Read a stored completion. Its messages and its reply need separate requests."""
        messages = await self.record.call(
            "getChatCompletionMessages", completion_id=completion_id, limit=_ALL, order="asc"
        )
        completion = await self.record.call("getChatCompletion", completion_id=completion_id)
        answer = json.loads(completion)["choices"][0]["message"]["content"]
        return (*(item.text for item in _page(messages).items), answer)

    async def write(self, text: str, thread_id: str = "") -> str:
        """Write a message. After an error, write it again only if it was not stored."""
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
        role=raw.get("role") or "",
    )
