"""Upstream objects as the tools return them: each field in its typed place, empty ones left out.

Shapes: OpenAI's published documents, and what running servers send (docs/upstreams). Lenient:
whatever has no typed place is kept as it came, in `other`.
"""

from typing import Final, cast

from backscroll_tools.models import JSON, Completion, Message, MessageFile, Thread

_PREVIEW: Final = 160
"""How many characters of a completion's answer a list of completions shows."""

_MILLISECONDS: Final = 100_000_000_000
"""A time above this many seconds lies in the year 5138: it is in milliseconds (DashScope)."""

_MESSAGE: Final = frozenset({"id", "object", "created_at", "role", "content"})
_THREAD_MESSAGE: Final = _MESSAGE | {
    "thread_id",
    "assistant_id",
    "run_id",
    "attachments",
    "file_ids",
    "metadata",
    "status",
    "completed_at",
    "incomplete_at",
    "incomplete_details",
}
_CHAT_MESSAGE: Final = _MESSAGE | {"content_parts", "tool_calls", "annotations"}


def thread_message(raw: JSON) -> Message:
    """Return a `thread.message` as a message."""
    message = _message(raw, _parts(raw.get("content")))
    if raw.get("status") != "completed":
        _keep(message, "status", raw.get("status"))
    _keep(message, "files", raw.get("file_ids"))
    _keep(message, "attachments", raw.get("attachments"))
    _keep(message, "run_id", raw.get("run_id"))
    _keep(message, "assistant_id", raw.get("assistant_id"))
    _keep(message, "metadata", raw.get("metadata"))
    other = {key: raw[key] for key in raw if key not in _THREAD_MESSAGE}
    if raw.get("incomplete_details"):
        other["incomplete_details"] = raw["incomplete_details"]
    _keep(message, "other", _present(other))
    return message


def chat_message(raw: JSON) -> Message:
    """Return a message of a stored chat completion as a message."""
    message = _message(raw, _parts(raw.get("content_parts") or raw.get("content")))
    if annotations := raw.get("annotations"):
        message["annotations"] = annotations
    _keep(message, "tool_calls", raw.get("tool_calls"))
    _keep(message, "other", _present({key: raw[key] for key in raw if key not in _CHAT_MESSAGE}))
    return message


def message_file(raw: JSON, message_id: str) -> MessageFile:
    """Return a `thread.message.file` as a file of the message."""
    file = MessageFile(id=raw["id"], message_id=message_id)
    if (created_at := seconds(raw.get("created_at"))) is not None:
        file["created_at"] = created_at
    return file


def thread(raw: JSON) -> Thread:
    """Return a `thread` as a list of threads shows it."""
    item = Thread(id=raw["id"])
    if (created_at := seconds(raw.get("created_at"))) is not None:
        item["created_at"] = created_at
    if isinstance(count := raw.get("message_count"), int):
        item["message_count"] = count
    if (last := seconds(raw.get("last_message_at"))) is not None:
        item["last_message_at"] = last
    if metadata := raw.get("metadata"):
        item["metadata"] = metadata
    return item


def completion(raw: JSON) -> Completion:
    """Return a `chat.completion` as a list of completions shows it."""
    item = Completion(id=raw["id"])
    if (created_at := seconds(raw.get("created"))) is not None:
        item["created_at"] = created_at
    if isinstance(model := raw.get("model"), str):
        item["model"] = model
    if text := _answer(raw):
        item["text"] = text[:_PREVIEW]
        if len(text) > _PREVIEW:
            item["clipped"] = {"shown": _PREVIEW, "total": len(text)}
    if metadata := raw.get("metadata"):
        item["metadata"] = metadata
    return item


def seconds(value: object) -> int | None:
    """Return a time as Unix seconds, from an integer, a float or milliseconds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value / 1000) if value > _MILLISECONDS else int(value)


def _message(raw: JSON, parts: list[JSON]) -> Message:
    """Return the fields that every kind of message has."""
    role = raw.get("role")
    message = Message(id=raw["id"], role=role if isinstance(role, str) else "unknown", text="")
    if (created_at := seconds(raw.get("created_at"))) is not None:
        message["created_at"] = created_at
    texts: list[str] = []
    others: list[JSON] = []
    annotations: list[JSON] = []
    for part in parts:
        text = part.get("text")
        if isinstance(text, dict):
            annotations += cast("JSON", text).get("annotations") or []
            text = cast("JSON", text).get("value")
        if part.get("type") == "text" and isinstance(text, str):
            texts.append(text)
        else:
            others.append(part)
    message["text"] = "\n".join(texts)
    if others:
        message["content"] = others
    if annotations:
        message["annotations"] = annotations
    return message


def _parts(content: object) -> list[JSON]:
    """Return content as a list of parts, a plain string as one text part."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if isinstance(content, list):
        parts = cast("list[object]", content)
        return [
            cast("JSON", part) if isinstance(part, dict) else {"type": "unknown", "value": part}
            for part in parts
        ]
    return []


def _answer(raw: JSON) -> str:
    choices = raw.get("choices")
    first: object = choices[0] if isinstance(choices, list) and choices else None
    message = cast("JSON", first).get("message") if isinstance(first, dict) else None
    content = cast("JSON", message).get("content") if isinstance(message, dict) else None
    return content if isinstance(content, str) else ""


def _keep(message: Message, field: str, value: object) -> None:
    if value:
        cast("JSON", message)[field] = value


def _present(fields: JSON) -> JSON:
    return {key: value for key, value in fields.items() if value not in (None, [], {})}
