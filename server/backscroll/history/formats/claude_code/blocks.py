"""Merges the lines of a Claude Code log that belong to the same message.

The model writes a message block by block. Each line of the message has one new block, or all blocks
that the model has written so far.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from backscroll.history.conversation import SourceItem
from backscroll.history.items.log_items import item_key
from backscroll.store.envelopes import JSON

_REMEMBERED: Final = 64


class Blocks:
    """Collects the blocks of messages, and drops repeated blocks."""

    def __init__(self) -> None:
        """Start without blocks."""
        self._message = ""
        self._pending: list[SourceItem] = []
        self._places: dict[tuple[str, str], int] = {}
        self._seen: dict[str, set[int]] = {}

    def add(
        self, uuid: str, message: str, bodies: Iterable[JSON], created_at: int | None
    ) -> Iterator[SourceItem]:
        """Take the blocks of a line, and yield those items that no later line can change.

        Args:
            uuid: the line's id, from which the keys of its items are made.
            message: the id of the message; empty if the line is a whole message.
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
        """Yield the items that `add` has not yielded yet."""
        yield from self._pending
        self._pending, self._places = [], {}

    def _is_new(self, message: str, body: JSON) -> bool:
        seen = self._seen.get(message)
        if seen is None:
            seen = self._seen[message] = set()
            if len(self._seen) > _REMEMBERED:
                del self._seen[next(iter(self._seen))]
        content = hash((body["type"], body.get("call_id"), _text(body)))
        if content in seen:
            return False
        seen.add(content)
        return True

    def _replaces(self, body: JSON) -> bool:
        """Replace a pending item by a newer state of it. Return whether there was such an item.

        A newer state is a call with the same id, or a text that begins with the pending text.
        """
        what = (body["type"], body.get("call_id", ""))
        at = self._places.get(what)
        if at is not None:
            old = self._pending[at]
            if "call_id" in body or _text(body).startswith(_text(old.item)):
                self._pending[at] = replace(old, item=body)
                return True
        self._places[what] = len(self._pending)
        return False


def _text(body: JSON) -> str:
    content = body.get("content")
    if content is None:
        return str(body.get("arguments", ""))
    return content if isinstance(content, str) else str(content[0]["text"])
