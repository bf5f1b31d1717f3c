"""Replaces the secrets of a conversation by `[redacted: kind]`."""

from collections import Counter
from dataclasses import replace
from typing import Any, Final

from backscroll.history.conversation import SourceConversation
from backscroll.history.redaction.detection import secrets_in

_BINARY: Final = "data:"
"""The start of a string that is an image or a file in base64."""

_SHORTEST: Final = 8


def redacted(conversation: SourceConversation) -> tuple[SourceConversation, Counter[str]]:
    """Return the conversation without its secrets, and how many there were of each kind.

    Secrets are replaced in the items, the title and the metadata. The result for a conversation
    that was redacted before is the conversation itself.

    Args:
        conversation: the conversation as it was read. It is not changed.
    """
    kinds: Counter[str] = Counter()
    items = [replace(item, item=_value(item.item, kinds)) for item in conversation.items]
    title = _text(conversation.title, kinds)
    metadata = {name: _text(text, kinds) for name, text in conversation.metadata.items()}
    if not kinds:
        return conversation, kinds
    return replace(conversation, items=items, title=title, metadata=metadata), kinds


def _value(value: Any, kinds: Counter[str]) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return _text(value, kinds)
    if isinstance(value, dict):
        return {name: _value(member, kinds) for name, member in value.items()}
    if isinstance(value, list):
        return [_value(member, kinds) for member in value]
    return value


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
