"""Session logs as files, and short forms of what is read from them."""

import json
from collections.abc import Iterable
from io import BytesIO
from typing import Any

from backscroll.history.conversation import Record, SourceConversation, Unreadable
from backscroll.history.formats.format import Format
from backscroll.history.source_file import SourceFile

SESSION = "11111111-1111-4111-8111-111111111111"
OTHER_SESSION = "22222222-2222-4222-8222-222222222222"


def log(content: bytes | Iterable[object], name: str = f"{SESSION}.jsonl") -> SourceFile:
    """Return a log with these bytes, or with a line for each of these values."""
    raw = content if isinstance(content, bytes) else lines(content)
    return SourceFile(name, lambda: BytesIO(raw), size=len(raw))


def lines(values: Iterable[object]) -> bytes:
    """Return values as JSON Lines."""
    return b"".join(json.dumps(value, separators=(",", ":")).encode() + b"\n" for value in values)


def read(format_: Format, file: SourceFile) -> list[Record]:
    """Return all records of a log."""
    return list(format_.read(file))


def one(format_: Format, content: bytes | Iterable[object]) -> SourceConversation:
    """Return the only record of a log, which is a conversation."""
    (record,) = read(format_, log(content))
    assert isinstance(record, SourceConversation), record
    return record


def said(record: Record) -> list[tuple[str, ...]]:
    """Return each item of a conversation as its role or kind, and its texts."""
    assert isinstance(record, SourceConversation), record
    return [_plain(item.item) for item in record.items]


def keys(record: Record) -> list[str]:
    """Return the keys of a conversation's items."""
    assert isinstance(record, SourceConversation), record
    return [item.key for item in record.items]


def all_keys(records: Iterable[Record]) -> dict[str, list[str]]:
    """Return the keys of all conversations, by the conversations' ids."""
    return {record.id: keys(record) for record in records if isinstance(record, SourceConversation)}


def refused(records: Iterable[Record]) -> list[Unreadable]:
    """Return the records that are not conversations."""
    return [record for record in records if isinstance(record, Unreadable)]


def _plain(item: dict[str, Any]) -> tuple[str, ...]:
    match item:
        case {"type": "message", "role": role, "content": str(text)}:
            return (role, text)
        case {"type": "function_call", "call_id": call, "name": name, "arguments": arguments}:
            return ("call", call, name, arguments)
        case {"type": "function_call_output", "call_id": call, "output": output}:
            return ("output", call, output)
        case {"type": "reasoning", "summary": [], "content": [{"text": text}]}:
            return ("reasoning", text)
    raise AssertionError(item)
