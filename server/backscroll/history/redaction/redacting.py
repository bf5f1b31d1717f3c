"""Replaces the secrets of a conversation by `[redacted: kind]`."""

import operator
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

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
    conversation: SourceConversation,
) -> tuple[SourceConversation, dict[str, Counter[str]]]:
    """Return the conversation without its secrets, and the number of secrets in its items.

    Secrets are replaced in the items, the title and the metadata. Nothing changes in a conversation
    that was redacted before.

    Args:
        conversation: the conversation as it was read. If its items are `StreamedItems`, the items
            of the result are too, and secrets are counted only when these are read.

    Returns:
        The conversation, and the number of secrets by kind, for the key of each item with secrets.
    """
    by_item: dict[str, Counter[str]] = {}
    items = conversation.items
    own: Sequence[SourceItem]
    if isinstance(items, StreamedItems):
        own = StreamedItems(lambda: (_item(item, by_item) for item in items))
    else:
        own = [_item(item, by_item) for item in items]
    uncounted = Counter[str]()  # a title usually repeats an item, so it is not counted
    redacted_conversation = replace(
        conversation,
        items=own,
        title=_text(conversation.title, uncounted),
        metadata=redacted_metadata(conversation.metadata, uncounted),
    )
    return redacted_conversation, by_item


def redacted_metadata(metadata: Mapping[str, str], kinds: Counter[str]) -> dict[str, str]:
    """Return metadata without the secrets in its values.

    Args:
        metadata: texts by their names. A name such as `password` can make its whole text secret.
        kinds: counts the replaced secrets by their kind.
    """
    return {name: _named(name, text, kinds) for name, text in metadata.items()}


def _item(item: SourceItem, by_item: dict[str, Counter[str]]) -> SourceItem:
    own: Counter[str] = Counter()
    value = redacted_value(item.item, own)
    if value is item.item:
        return item
    by_item[item.key] = own
    return replace(item, item=value)


def redacted_value(value: Any, kinds: Counter[str]) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value without its secrets: the same object if it has none.

    Args:
        value: any JSON value, which is not changed.
        kinds: counts the replaced secrets by their kind.
    """
    if isinstance(value, str):
        return _text(value, kinds)
    if isinstance(value, list):
        members = [redacted_value(member, kinds) for member in value]
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
    return _named(name, member, kinds) if isinstance(member, str) else redacted_value(member, kinds)


def _named(name: str, text: str, kinds: Counter[str]) -> str:
    """Return a field's text without secrets. A name such as `password` can make it all secret."""
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
