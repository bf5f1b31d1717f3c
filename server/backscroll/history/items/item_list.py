"""Collects the items of a branch of a conversation, and the parts of one message."""

from collections.abc import Iterable, Sequence

from backscroll.history.conversation import SourceItem
from backscroll.history.items.keys import bounded_key
from backscroll.history.items.openai_items import (
    Part,
    function_call,
    function_call_output,
    message,
)
from backscroll.store.envelopes import JSON


class ItemList:
    """The items of a branch, oldest first. A message's items have the same keys in each branch.

    Args:
        created_at: when the conversation began, in Unix seconds; None if unknown.

    Attributes:
        last_at: the time of the last item that has one; initially `created_at`.
    """

    def __init__(self, created_at: int | None) -> None:
        self.last_at = created_at
        self._items: dict[str, SourceItem] = {}
        self._calls: dict[str, str] = {}
        self._last_call = ""

    def add(self, key: str, item: JSON | None, created_at: int | None) -> None:
        """Append an item.

        Args:
            key: identifies the item within the conversation.
            item: the item; None appends nothing.
            created_at: in Unix seconds; if None, the item gets the time of the item before it.
        """
        self.last_at = created_at or self.last_at
        if item is None:
            return
        key = bounded_key(key)
        while key in self._items:
            key += "+"
        self._items[key] = SourceItem(key=key, item=item, created_at=self.last_at)

    def add_call(
        self, key: str, name: str, arguments: object, created_at: int | None, call_id: str = ""
    ) -> None:
        """Append a tool call. If `call_id` is empty, `key` is the id of the call."""
        call_id = call_id or key
        self._calls[name] = self._calls[_program(name)] = self._last_call = call_id
        self.add(key, function_call(call_id, name, arguments), created_at)

    def add_output(
        self,
        key: str,
        parts: Sequence[Part],
        created_at: int | None,
        *,
        name: str = "",
        call_id: str = "",
    ) -> None:
        """Append the output of a tool call.

        If `call_id` is empty, the output belongs to the last call of the tool `name`, or else to
        the last call of any tool. If there was no call, `key` becomes the `call_id`.
        """
        if not call_id:
            of_tool = self._calls.get(name) or self._calls.get(_program(name))
            call_id = of_tool or self._last_call or key
        self.add(key, function_call_output(call_id, parts), created_at)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: str) -> bool:
        return key in self._items

    def items(self) -> Sequence[SourceItem]:
        """Return the items, oldest first."""
        return tuple(self._items.values())


class MessageParts:
    """The parts of a message: texts and files, and perhaps tool calls, outputs and reasoning.

    A tool call, an output or reasoning becomes a separate item. The texts before and after it then
    become two messages. The key of an item is the message's key, followed by the number of the
    item's first part unless this number is 0. If `end` adds an item without any such part, and
    another item already has the message's key, the item's key ends with `/end`.

    Args:
        items: the items of the conversation, to which the items of the message are appended.
        key: identifies the message within the conversation.
        role: the message's role.
        created_at: in Unix seconds; None if unknown.

    Attributes:
        has_text: whether a text was added.
    """

    def __init__(self, items: ItemList, key: str, role: str, created_at: int | None) -> None:
        self.has_text = False
        self._items = items
        self._key = key
        self._role = role
        self._created_at = created_at
        self._parts: list[Part] = []
        self._begun_key = ""

    def add(self, number: int, parts: Iterable[Part]) -> None:
        """Add the texts and files of one part. The first part has the number 0."""
        for part in parts:
            if isinstance(part, str):
                if not part.strip():
                    continue
                self.has_text = True
            self._begun_key = self._begun_key or self._key_of(number)
            self._parts.append(part)

    def own_key(self, number: int) -> str:
        """End the message before a part that becomes a separate item. Return that item's key."""
        self._end()
        return self._key_of(number)

    def end(self, text: str, files: Iterable[Part] = ()) -> None:
        """End the message.

        Args:
            text: the text to use if no part has text.
            files: a part for each attached file, and the text of the file if it is known.
        """
        rest = [*((text,) if not self.has_text else ()), *files]
        self._parts += rest
        self._begun_key = self._begun_key or (
            f"{self._key}/end" if self._key in self._items else self._key
        )
        self._end()

    def _end(self) -> None:
        if self._begun_key:
            self._items.add(self._begun_key, message(self._role, self._parts), self._created_at)
        self._parts = []
        self._begun_key = ""

    def _key_of(self, number: int) -> str:
        return f"{self._key}/{number}" if number else self._key


def _program(tool: str) -> str:
    """Return the part of a tool's name before the first period: `browser` for `browser.open`."""
    return tool.partition(".")[0]
