"""Replaces the secrets of a conversation by `[redacted: kind]`."""

import operator
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from backscroll.history.conversation import SourceConversation, SourceItem
from backscroll.history.redaction.detection import secrets_in
from backscroll.history.streamed_items import StreamedItems

_BINARY: Final = "data:"
"""The start of a string that is an image or a file in base64."""

_SHORTEST: Final = 8
"""The minimum length of a text that is searched, in characters."""


_LONGEST_NAMED: Final = 512
"""The maximum length of a text that can be a secret because of its field's name, in characters."""

_SECRET_NAME: Final = re.compile(r"pass|pwd|secret|token|credential|key", re.IGNORECASE)
"""Matches names of fields whose whole value can be a secret."""

_NAMES: Final = frozenset({"call_id", "id", "name", "role", "status", "type"})
"""Fields that programs fill, and that never contain a secret."""


def redacted(
    conversation: SourceConversation, by_item: dict[str, Counter[str]] | None = None
) -> tuple[SourceConversation, Counter[str]]:
    """Return the conversation without its secrets, and how many there were of each kind.

    Secrets are replaced in the items, the title and the metadata. Nothing changes in a conversation
    that was redacted before.

    Args:
        conversation: the conversation as it was read. If its items are read from their file as they
            are used, so are the items of the result, and their secrets are counted then.
        by_item: gets how many secrets of each kind each item with secrets had, by the item's key.
    """
    kinds: Counter[str] = Counter()
    by_item = {} if by_item is None else by_item
    if isinstance(conversation.items, StreamedItems):
        return _streamed(conversation, conversation.items, kinds, by_item), kinds
    items = [_item(item, kinds, by_item) for item in conversation.items]
    return replace(_without_items(conversation, kinds), items=items), kinds


def _streamed(
    conversation: SourceConversation,
    items: StreamedItems,
    kinds: Counter[str],
    by_item: dict[str, Counter[str]],
) -> SourceConversation:
    counted = False

    def read() -> Iterator[SourceItem]:
        nonlocal counted
        into, counted = (Counter() if counted else kinds), True
        return (_item(item, into, by_item) for item in items)

    return replace(_without_items(conversation, kinds), items=StreamedItems(read))


def _without_items(conversation: SourceConversation, kinds: Counter[str]) -> SourceConversation:
    return replace(
        conversation,
        title=_text(conversation.title, kinds),
        metadata={name: _named(name, text, kinds) for name, text in conversation.metadata.items()},
    )


def _item(item: SourceItem, kinds: Counter[str], by_item: dict[str, Counter[str]]) -> SourceItem:
    own: Counter[str] = Counter()
    value = _value(item.item, own)
    if value is item.item:
        return item
    kinds.update(own)
    by_item[item.key] = own
    return replace(item, item=value)


def _value(value: Any, kinds: Counter[str]) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value without its secrets: the same object if it has none."""
    if isinstance(value, str):
        return _text(value, kinds)
    if isinstance(value, list):
        members = [_value(member, kinds) for member in value]
        return value if all(map(operator.is_, members, value)) else members
    if isinstance(value, Mapping):
        changes = {
            name: changed
            for name, member in value.items()
            if name not in _NAMES and (changed := _member(name, member, kinds)) is not member
        }
        return {**value, **changes} if changes else value
    return value


def _member(name: str, member: Any, kinds: Counter[str]) -> Any:  # noqa: ANN401 - any JSON value
    return _named(name, member, kinds) if isinstance(member, str) else _value(member, kinds)


def _named(name: str, text: str, kinds: Counter[str]) -> str:
    """Return the value of a field without its secrets, such as the value of `password`."""
    if len(text) > _LONGEST_NAMED or not _SECRET_NAME.search(name):
        return _text(text, kinds)
    before = f'{name}="'
    changed = _text(f'{before}{text}"', kinds)
    whole = changed.removeprefix(before)[:-1]
    return text if whole == text else whole


def _text(text: str, kinds: Counter[str]) -> str:
    if len(text) < _SHORTEST or (text.startswith(_BINARY) and ";base64," in text[:128]):
        return text
    spans = secrets_in(text)
    if not spans:
        return text
    parts: list[str] = []
    done = 0
    for start, end, kind in spans:
        kinds[kind] += 1
        parts += (text[done:start], f"[redacted: {kind}]")
        done = end
    return "".join((*parts, text[done:]))
