"""Files to read, and short forms of what is read from them."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from backscroll.history.conversation import Record, SourceConversation, Unreadable
from backscroll.history.source_file import SourceFile


def in_archive(content: bytes, name: str = "export.zip/file") -> SourceFile:
    """Return a file that is not on disk."""
    return SourceFile(name, lambda: BytesIO(content), size=len(content))


def on_disk(path: Path) -> SourceFile:
    """Return a file on disk."""
    info = path.stat()
    return SourceFile(
        str(path),
        lambda: path.open("rb"),
        path=path,
        size=info.st_size,
        modified_at=int(info.st_mtime),
    )


def json_lines(*values: object) -> bytes:
    """Return values as JSON Lines."""
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def plain(item: dict[str, Any]) -> tuple[str, ...]:
    """Return an item as its kind or role, and its texts."""
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


def said(record: Record) -> list[tuple[str, ...]]:
    """Return the items of a conversation in short."""
    assert isinstance(record, SourceConversation), record
    return [plain(item.item) for item in record.items]


def conversations(records: Iterable[Record]) -> list[SourceConversation]:
    """Return the conversations of a file, all of whose records can be read."""
    found = list(records)
    assert [record for record in found if isinstance(record, Unreadable)] == []
    return [record for record in found if isinstance(record, SourceConversation)]


def keys(record: Record) -> list[str]:
    """Return the keys of a conversation's items."""
    assert isinstance(record, SourceConversation), record
    return [item.key for item in record.items]


def times(record: Record) -> list[int | None]:
    """Return the times of a conversation's items."""
    assert isinstance(record, SourceConversation), record
    return [item.created_at for item in record.items]


@contextmanager
def made_database(path: Path, tables: str, journal: str = "delete") -> Iterator[sqlite3.Connection]:
    """Create a database, and yield its owner's connection, which commits at the end.

    Args:
        tables: the statements that create the tables.
        journal: the journal mode: `delete` or `wal`.
    """
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.executescript(tables)
        with connection:
            yield connection
