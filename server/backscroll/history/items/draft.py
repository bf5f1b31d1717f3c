"""Collects the items of a conversation that is a list of messages."""

import re
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Final

from backscroll.history.conversation import SourceConversation, SourceItem, Unreadable
from backscroll.history.items.keys import bounded_key, digest
from backscroll.history.items.openai_items import (
    function_call,
    message,
    output_item,
    reasoning_item,
    role_of,
)
from backscroll.history.reading.fields import as_text
from backscroll.store.envelopes import JSON

_MAX_NAME: Final = 512
"""The maximum length of a title, project, model or metadata value, in characters.

A longer value is cut.
"""

_MAX_FACTS: Final = 8

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")

NO_MESSAGES: Final = "has no messages"
"""The reason to refuse a conversation without items."""


class Draft:
    """The items of a conversation, in the order in which they are added.

    Formats whose conversations are lists of messages use this class. Formats whose messages form a
    tree use `ItemList`.

    NUL characters and lone surrogates in any text become U+FFFD, because databases cannot store
    them. If an item is added without a key, its key is a hash of this item and of all earlier items
    without keys. If two items have the same key, `~2` is appended to the second key.

    Attributes:
        model: the model that answered last; empty if unknown.
        items: the items that were added.
        replaced: how many characters became U+FFFD so far.
    """

    def __init__(self, source: str) -> None:
        self.model = ""
        self.items: list[SourceItem] = []
        self._source = source
        self.replaced = 0
        self._chain = ""
        self._uses: Counter[str] = Counter()

    def message(self, role: str, text: str, key: str = "", at: int | None = None) -> None:
        """Add a message, unless its text is blank.

        Args:
            role: the program's name for the role, which `role_of` converts.
            key: the item's key. If it is empty, the key is a hash.
            at: the time of the message in Unix seconds; None if unknown.
        """
        if not text.strip():
            return
        text = self.clean(text)
        role = role_of(role)
        item = message(role, (text,))
        if item is not None:
            self._add(item, key or self._hashed(role, text), at)

    def reasoning(self, text: str, key: str = "", at: int | None = None) -> None:
        """Add what a model thought before it answered, unless the text is blank."""
        if not text.strip():
            return
        text = self.clean(text)
        item = reasoning_item((), (text,))
        self._add(item, key or self._hashed("reasoning", text), at)

    def call(
        self, call_id: str, name: str, arguments: object, key: str = "", at: int | None = None
    ) -> None:
        """Add the call of a tool.

        Args:
            call_id: the id that the call's output repeats.
            arguments: as `function_call` takes them.
        """
        item = function_call(self.clean(call_id), self.clean(name) or "unknown", arguments)
        item["arguments"] = self.clean(item["arguments"])
        self._add(item, key or self._hashed(*item.values()), at)

    def output(self, call_id: str, output: object, key: str = "", at: int | None = None) -> None:
        """Add what a tool returned: a text, or any other JSON value."""
        item = output_item(self.clean(call_id), self.clean(as_text(output)))
        self._add(item, key or self._hashed(*item.values()), at)

    def clean(self, text: str) -> str:
        """Return a text that any database can store, and count the characters replaced in it."""
        if _is_storable(text):
            return text
        cleaned, count = _UNSTORABLE.subn("\ufffd", text)
        self.replaced += count
        return cleaned

    def finish(  # noqa: PLR0913 - a conversation's fields
        self,
        conversation_id: str,
        *,
        position: str = "",
        title: str = "",
        created_at: int | None = None,
        updated_at: int | None = None,
        project: str = "",
        parent: str = "",
        metadata: Mapping[str, str] | None = None,
        branch: int = 0,
        is_partial: bool = False,
    ) -> SourceConversation | Unreadable:
        """Return the conversation, or an `Unreadable` if it has no items.

        Args:
            conversation_id: the program's own id. If it is empty, the id is a hash of all items
                that were added without keys.
            position: where the conversation is in its file. Only an `Unreadable` shows it. If it is
                empty, the `Unreadable` shows the id.
            created_at: in Unix seconds. If it is None, it becomes the earliest time of an item.
            updated_at: in Unix seconds. If it is None, it becomes the latest time of an item.
        """
        conversation_id = self._identity(conversation_id or self._chain)
        if not self.items:
            return Unreadable(position or conversation_id or "the conversation", NO_MESSAGES)
        times = [item.created_at for item in self.items if item.created_at is not None]
        facts = ((name, self._name(value)) for name, value in (metadata or {}).items() if value)
        return SourceConversation(
            source=self._source,
            id=conversation_id,
            items=self.items,
            title=self._name(title),
            created_at=created_at if created_at is not None else min(times, default=None),
            updated_at=updated_at if updated_at is not None else max(times, default=None),
            project=self._name(project),
            model=self._name(self.model),
            parent=self._identity(parent),
            metadata=dict(islice(facts, _MAX_FACTS)),
            branch=branch,
            is_partial=is_partial,
            replaced=self.replaced,
        )

    def _hashed(self, *texts: str) -> str:
        self._chain = digest(self._chain, *texts)
        return self._chain

    def _add(self, item: JSON, key: str, at: int | None) -> None:
        key = first = self._identity(key)
        while key in self._uses:
            self._uses[first] += 1
            key = f"{first}~{self._uses[first]}"
        self._uses[key] = 1
        self.items.append(SourceItem(key=key, item=item, created_at=at))

    def _identity(self, written: str) -> str:
        return bounded_key(_UNSTORABLE.sub("\ufffd", written))

    def _name(self, written: str) -> str:
        return self.clean(" ".join(written.split()))[:_MAX_NAME]


def _is_storable(text: str) -> bool:
    """Return whether a text has neither NUL characters nor lone surrogates."""
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
