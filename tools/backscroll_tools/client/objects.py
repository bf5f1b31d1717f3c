"""Converts an upstream's objects to the typed objects that tools return.

The formats are known from OpenAI's published documents and from running servers
(docs/upstreams.md). Empty fields are left out. Unknown fields, and known fields whose value has an
unexpected type, are kept unchanged in `other`.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, TypeGuard, cast

from backscroll_tools.client.abridging import CHARS, OMITTED
from backscroll_tools.client.requests import ID
from backscroll_tools.client.times import seconds
from backscroll_tools.models import JSON, Completion, Message, MessageFile, Thread
from backscroll_tools.search.titles import own_title

COMPLETION_PREVIEW: Final = 160
"""The maximum length of the reply that a list shows for each completion, in characters."""

ROLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
"""The format of a role: one word, so that it cannot imitate other parts of the header line that
`render` writes for an item."""

TEXTS: Final = frozenset({"text", "input_text", "output_text", "summary_text", "reasoning_text"})
"""The types of content parts that contain text, in threads, chats and conversations."""

SESSION: Final = "backscroll_session"
"""The field of an item that contains an object of an agent framework (`sessions.kept`)."""

SESSION_JSON: Final = "backscroll_json."
"""How keys of metadata begin whose values are for an agent framework (`sessions.metadata_json`)."""

REDUNDANT: Final = frozenset(
    {"id", "object", "type", "thread_id", "completed_at", "incomplete_at", SESSION}
)
"""Fields that are left out, because the call or the message already contains the information."""

_CONTENT_CHARS: Final = f"content{CHARS}"
_TEXT_CHARS: Final = f"text{CHARS}"
_VALUE_CHARS: Final = f"value{CHARS}"
"""The names of the fields that contain the full length of a text, if the store has cut the text.
`_CONTENT_CHARS` is for the content of a chat message, `_TEXT_CHARS` for a part of a message's
content, and `_VALUE_CHARS` for a text in a thread's message."""


def message(raw: JSON) -> Message:
    """Return the typed message for a raw message of a thread, a conversation or a completion."""
    remaining = {
        name: value
        for name, value in raw.items()
        if (value or value == 0) and name not in REDUNDANT  # 0 and False are not empty
    }
    content = remaining.get("content")
    parts = _parts(remaining["content_parts"]) if "content_parts" in remaining else []
    parts = parts or _parts(content)
    if parts:
        remaining.pop("content_parts", None)
        remaining.pop("content", None)
        if isinstance(content, str) and isinstance(chars := remaining.get(_CONTENT_CHARS), int):
            parts[0][_TEXT_CHARS] = chars
            del remaining[_CONTENT_CHARS]
    texts, others, annotations, total = _sorted(parts)
    item = Message(id=raw["id"], role="unknown", text="\n".join(texts))
    if total > len(item["text"]):
        item["clipped"] = {"shown": len(item["text"]), "total": total}
    if _is_role(role := remaining.get("role")):
        item["role"] = role
        del remaining["role"]
    if (created_at := seconds(remaining.get("created_at"))) is not None:
        item["created_at"] = created_at
        del remaining["created_at"]
    if remaining.get("status") == "completed":
        del remaining["status"]
    if others:
        item["content"] = others
    if annotations:
        item["annotations"] = annotations
    if remaining:
        _assign(cast("JSON", item), remaining)
    return item


def _assign(item: JSON, remaining: JSON) -> None:
    """Move each field in `remaining` to the typed field for it in `item`, or to `other`."""
    for name, (target, is_valid) in TYPED_FIELDS.items():
        if remaining.get(name) and target not in item and is_valid(remaining[name]):
            item[target] = remaining.pop(name)
    if remaining:
        item["other"] = remaining


def message_file(raw: JSON, message_id: str) -> MessageFile:
    """Return the typed file for a raw `thread.message.file`."""
    file = MessageFile(id=raw["id"], message_id=message_id)
    if (created_at := seconds(raw.get("created_at"))) is not None:
        file["created_at"] = created_at
    return file


def derived_files(raw: JSON) -> list[str]:
    """Return the valid ids of the files that a message refers to, without duplicates.

    The ids are in `file_ids`, in `attachments`, in the image parts, file parts and annotations of
    `content`, and in the outputs of tools. The message may be one of a thread or of a conversation
    (docs/upstreams.md).
    """
    own = raw.get("file_ids")
    ids = dict.fromkeys(own) if _are_texts(own) else {}
    for field in ("attachments", "content", "output"):
        ids |= dict.fromkeys(_file_ids(raw.get(field)))
    return [file_id for file_id in ids if ID.fullmatch(file_id)]


def _file_ids(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for inner in cast("list[object]", value):
            yield from _file_ids(inner)
    elif isinstance(value, dict):
        part = cast("JSON", value)
        if isinstance(file_id := part.get("file_id"), str):
            yield file_id
        for name in ("text", "annotations", "image_file", "file_citation", "file_path"):
            yield from _file_ids(part.get(name))


def thread(raw: JSON) -> Thread:
    """Return the typed thread for a raw `thread` or `conversation`.

    The field `text` contains the first words of the thread, if the upstream sends them and the
    thread has no title.
    """
    item = Thread(id=raw["id"])
    if (created_at := seconds(raw.get("created_at"))) is not None:
        item["created_at"] = created_at
    if isinstance(count := raw.get("message_count"), int):
        item["message_count"] = int(count)
    if (last := seconds(raw.get("last_message_at", raw.get("last_active_at")))) is not None:
        item["last_message_at"] = last
    metadata = raw.get("metadata")
    if _is_object(metadata):
        shown = {name: metadata[name] for name in metadata if not name.startswith(SESSION_JSON)}
        if isinstance(title := metadata.get("title"), str) and title:
            item["title"] = title
            del shown["title"]
        if shown:
            item["metadata"] = shown
    if "title" not in item and (own := own_title(raw)):
        item["title"] = own
    if "title" not in item and isinstance(words := raw.get("first_words"), str) and words:
        item["text"] = words
    return item


def completion(raw: JSON) -> Completion:
    """Return the typed completion for a raw `chat.completion`."""
    item = Completion(id=raw["id"])
    if (created_at := seconds(raw.get("created"))) is not None:
        item["created_at"] = created_at
    if isinstance(model := raw.get("model"), str):
        item["model"] = model
    text, total = _answer(raw)
    if text:
        item["text"] = text[:COMPLETION_PREVIEW]
        if total > COMPLETION_PREVIEW:
            item["clipped"] = {"shown": COMPLETION_PREVIEW, "total": total}
    elif "choices" not in raw and isinstance(omitted := raw.get(OMITTED), str):
        item["omitted"] = omitted
    if _is_object(metadata := raw.get("metadata")):
        item["metadata"] = metadata
    return item


_SHOWN_OF_COMPLETION: Final = frozenset(
    {"id", "object", "created", "model", "metadata", "choices", "input_messages"}
)
"""The fields of a raw completion that `whole_completion` does not keep in `other`."""


def whole_completion(raw: JSON) -> Completion:
    """Return what `completion` returns, and the untyped fields in `other`.

    `other` contains `usage`, for example, and the finish reasons of the choices, but no messages.
    """
    item = completion(raw)
    other = {
        name: value
        for name, value in raw.items()
        if name not in _SHOWN_OF_COMPLETION and value not in (None, [], {}, "")
    }
    reasons = _finish_reasons(raw.get("choices"))
    if reasons:
        other["finish_reasons"] = reasons
    if other:
        item["other"] = other
    return item


def _finish_reasons(choices: object) -> list[str]:
    rows = cast("list[object]", choices) if isinstance(choices, list) else []
    reasons = [row.get("finish_reason") for row in rows if isinstance(row, dict)]
    return [reason for reason in reasons if isinstance(reason, str)]


def _sorted(parts: list[JSON]) -> tuple[list[str], list[JSON], list[JSON], int]:
    """Separate the text parts of a message's content from its other parts.

    Returns:
        The texts, the other parts, the annotations of the texts, and the full length of the texts.
        The full length is the number of characters that the texts had before the store cut them,
        if they are joined by line ends. It is -1 if there are no texts.
    """
    total = -1
    texts: list[str] = []
    others: list[JSON] = []
    annotations: list[JSON] = []
    for part in parts:
        text, notes = part.get("text"), part.get("annotations")
        chars = part.get(_TEXT_CHARS)
        if isinstance(text, dict):
            inner = cast("JSON", text)
            notes, text = inner.get("annotations"), inner.get("value")
            chars = inner.get(_VALUE_CHARS)
        kind = part.get("type")
        if not isinstance(kind, str) or kind not in TEXTS or not isinstance(text, str):
            others.append(part)
            continue
        texts.append(text)
        total += 1 + (chars if isinstance(chars, int) else len(text))
        if notes and _are_objects(notes):
            annotations += notes
    return texts, others, annotations, total


def _parts(content: object) -> list[JSON]:
    """Return a message's content as a list of parts. A plain string becomes one text part."""
    if isinstance(content, str) and content:
        return [{"type": "text", "text": content}]
    if isinstance(content, list):
        return [
            part if isinstance(part, dict) else {"type": "unknown", "value": part}
            for part in cast("list[object]", content)
        ]
    return []


def _answer(raw: JSON) -> tuple[str, int]:
    """Return the text of a completion's first choice, and its full length before it was cut."""
    match raw.get("choices"):
        case [{"message": {"content": str() as content, **others}}, *_]:
            chars = others.get(f"content{CHARS}")
            return content, chars if isinstance(chars, int) else len(content)
        case _:
            return "", 0


def _is_role(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and ROLE.fullmatch(value) is not None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_object(value: object) -> TypeGuard[JSON]:
    return isinstance(value, dict) and bool(value)


def _are_objects(value: object) -> TypeGuard[list[JSON]]:
    return isinstance(value, list) and all(map(_is_object, value))


def _are_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(map(_is_text, value))


TYPED_FIELDS: Final[dict[str, tuple[str, Callable[[object], bool]]]] = {
    "file_ids": ("files", _are_texts),
    "attachments": ("attachments", _are_objects),
    "annotations": ("annotations", _are_objects),
    "tool_calls": ("tool_calls", _are_objects),
    "run_id": ("run_id", _is_text),
    "assistant_id": ("assistant_id", _is_text),
    "status": ("status", _is_text),
    "metadata": ("metadata", _is_object),
    OMITTED: ("omitted", _is_text),
    "metadata_": ("metadata", _is_object),  # open-assistant-api
}
"""The typed field for each field of an upstream's message, and the check for the field's value."""
