"""An agent that uses Backscroll's tools. It reads only the text of their results."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from bench.evaluation.desk import Ask, CallError, Find, Item, Page, Record
from bench.evaluation.hits import read_hits
from tests.tools.transcript import ReadMessage, read

_CREATED: Final = re.compile(r"Created \w+ message \S+ in thread ([\w.=-]+)\.")
_ALL: Final = 500


@dataclass(frozen=True, slots=True)
class Ours:
    """An agent's actions with Backscroll's tools."""

    record: Record

    async def messages(self, ask: Ask) -> Page:
        """Read a page of messages. A cursor contains order and filters, so it is passed alone."""
        if ask.onward:
            again = {"cursor": ask.onward, "preview_chars": ask.preview, "limit": ask.limit or _ALL}
            text = await self.record.call("list-messages", thread_id=ask.thread_id, **again)
        else:
            text = await self.record.call(
                "list-messages",
                thread_id=ask.thread_id,
                limit=ask.limit or _ALL,
                order="" if ask.newest_first else "asc",
                after=ask.after,
                run_id=ask.run_id,
                preview_chars=ask.preview,
            )
        return _page(text)

    async def find(self, find: Find) -> tuple[Item, ...]:
        """Search: one call."""
        text = await self.record.call(
            "search-messages",
            query=find.query,
            thread_id=find.thread_id,
            role=find.role,
            since=find.month,
            until=find.month,
            order="newest" if find.newest_first else "",
            context=find.context,
            limit=find.limit,
        )
        return read_hits(text, find.thread_id)

    async def around(self, found: Item, limit: int) -> tuple[Item, ...]:
        """Read a page around a message."""
        text = await self.record.call(
            "list-messages", thread_id=found.thread_id, around=found.id, limit=limit
        )
        return _page(text).items

    async def message(self, thread_id: str, message_id: str) -> str:
        """Read a message, in as many parts as the tool returns."""
        whole, cursor = "", ""
        while True:
            text = await self.record.call(
                "get-message", thread_id=thread_id, message_id=message_id, cursor=cursor
            )
            page = _page(text)
            whole += "".join(item.text for item in page.items)
            cursor = page.onward
            if not cursor:
                return whole

    async def ending(self, thread_id: str, message_id: str, chars: int) -> str:
        """Read only the last characters of a message: one call."""
        text = await self.record.call(
            "get-message", thread_id=thread_id, message_id=message_id, last_chars=chars
        )
        return _page(text).items[0].text

    async def files(self, thread_id: str, message_id: str) -> tuple[str, ...]:
        """Read the files of one message."""
        text = await self.record.call(
            "list-message-files", thread_id=thread_id, message_id=message_id
        )
        return tuple(item.id for item in _page(text).items)

    async def threads(self, onward: str) -> Page:
        """Read a page of threads."""
        return _page(await self.record.call("list-threads", limit=_ALL, cursor=onward))

    async def latest(self) -> str:
        """Read the first thread, because threads are listed by their last activity."""
        return _page(await self.record.call("list-threads", limit=1)).items[0].id

    async def thread_on(self, topic: str) -> str:
        """Search for the topic, because titles are searched too, and hits contain them."""
        found = await self.find(Find(query=topic, sign=topic, limit=1))
        return next((item.thread_id for item in found if item.topic == topic), "")

    async def completions(self, metadata: dict[str, str]) -> Page:
        """Find stored completions."""
        return _page(await self.record.call("list-chat-completions", metadata=metadata))

    async def answer(self, completion_id: str) -> tuple[str, ...]:
        """Read a stored completion: its answer is among its messages."""
        text = await self.record.call("get-chat-messages", completion_id=completion_id)
        return tuple(item.text for item in _page(text).items)

    async def write(self, text: str, thread_id: str = "") -> str:
        """Write a message. The server ensures that it is stored only once.

        Raises:
            CallError: the result does not name the message's thread.
        """
        said = await self.record.call(
            "create-message", thread_id=thread_id, role="assistant", content=text
        )
        created = _CREATED.match(said)
        if created is None:
            raise CallError(said)
        return created[1]


def _page(text: str) -> Page:
    items, cursor = read(text)
    return Page(tuple(_item(item) for item in items), cursor or "")


def _item(shown: ReadMessage) -> Item:
    fields: dict[str, Any] = shown.fields
    attached = [each["file_id"] for each in fields.get("attachments", ())]
    return Item(
        id=shown.id,
        text=shown.text,
        files=tuple(attached),
        last_written=fields.get("last_message_at", 0),
        topic=json.dumps(fields.get("metadata", {})),
    )
