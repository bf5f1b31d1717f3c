"""Merges the lines of one message: a Claude Code log has a line for each block of it.

A line adds a block, or repeats the message as far as it was known by then.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from backscroll.history.conversation import SourceItem
from backscroll.history.log_items import item_key
from backscroll.store.envelopes import JSON

_REMEMBERED: Final = 64


class Blocks:
    """The blocks of messages, each of them once."""

    def __init__(self) -> None:
        """Start without blocks."""
        self._message = ""
        self._pending: list[SourceItem] = []
        self._seen: dict[str, set[tuple[str, str]]] = {}

    def add(
        self, uuid: str, message: str, bodies: Iterable[JSON], created_at: int | None
    ) -> Iterator[SourceItem]:
        """Take the blocks of a line, and yield those items that no later line can change.

        Args:
            uuid: the line's id, from which the keys of its items are made.
            message: the id of the message; empty if the line is a message of its own.
            bodies: the blocks as items.
            created_at: in Unix seconds; None if unknown.
        """
        if not message or message != self._message:
            yield from self.rest()
        self._message = message
        for number, body in enumerate(bodies):
            item = SourceItem(key=item_key(uuid, number), item=body, created_at=created_at)
            if not message:
                yield item
            elif self._is_new(message, body) and not self._replaces(body):
                self._pending.append(item)

    def rest(self) -> Iterator[SourceItem]:
        """Yield the remaining items."""
        yield from self._pending
        self._pending = []

    def _is_new(self, message: str, body: JSON) -> bool:
        seen = self._seen.get(message)
        if seen is None:
            seen = self._seen[message] = set()
            if len(self._seen) > _REMEMBERED:
                del self._seen[next(iter(self._seen))]
        if _content(body) in seen:
            return False
        seen.add(_content(body))
        return True

    def _replaces(self, body: JSON) -> bool:
        """Return whether a block is a pending one that has grown, which it replaces then."""
        kind, text = body["type"], _text(body)
        for at, item in enumerate(self._pending):
            old = item.item
            if old["type"] != kind:
                continue
            is_same_call = kind == "function_call" and old["call_id"] == body["call_id"]
            if is_same_call or (kind != "function_call" and text.startswith(_text(old))):
                self._pending[at] = SourceItem(key=item.key, item=body, created_at=item.created_at)
                return True
        return False


def _content(body: JSON) -> tuple[str, str]:
    return body["type"], body.get("call_id", "") + _text(body)


def _text(body: JSON) -> str:
    content = body.get("content")
    if content is None:
        return str(body.get("arguments", ""))
    return content if isinstance(content, str) else str(content[0]["text"])
