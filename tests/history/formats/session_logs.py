"""Session logs as files, and short forms of what is read from them."""

import json
from collections.abc import Iterable

from backscroll.history.conversation import Record, SourceConversation, Unreadable
from backscroll.history.formats.format import Format
from backscroll.history.source_file import SourceFile
from tests.history.formats.sources import in_archive, keys

SESSION = "11111111-1111-4111-8111-111111111111"
OTHER_SESSION = "22222222-2222-4222-8222-222222222222"


def log(content: bytes | Iterable[object], name: str = f"{SESSION}.jsonl") -> SourceFile:
    """Return a log with these bytes, or with a line for each of these values."""
    raw = content if isinstance(content, bytes) else lines(content)
    return in_archive(raw, name)


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


def all_keys(records: Iterable[Record]) -> dict[str, list[str]]:
    """Return the keys of all conversations, by the conversations' ids."""
    return {record.id: keys(record) for record in records if isinstance(record, SourceConversation)}


def refused(records: Iterable[Record]) -> list[Unreadable]:
    """Return the records that are not conversations."""
    return [record for record in records if isinstance(record, Unreadable)]
