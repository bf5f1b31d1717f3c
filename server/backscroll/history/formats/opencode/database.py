"""OpenCode's database, from version 1.2 on.

Source: `session.sql.ts` of OpenCode: the tables `session`, `message` and `part`. The column `data`
of `message` and `part` has JSON.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from backscroll.history.conversation import Record
from backscroll.history.formats.opencode.sessions import Message, Session, conversation
from backscroll.history.reading.fields import as_text, mapping, parsed, string
from backscroll.history.reading.sqlite_source import Database, Row, read_database
from backscroll.history.reading.times import unix_seconds
from backscroll.history.source_file import SourceFile

TABLES: Final = frozenset({"session", "message", "part"})
_COLUMNS: Final = (
    *("id", "parent_id", "directory", "title", "version", "revert"),
    *("time_created", "time_updated"),
)
_MARGIN_S: Final = 24 * 60 * 60


def read(file: SourceFile) -> Iterator[Record]:
    """Yield each session, oldest first."""
    return read_database(file, _sessions, _records)


def read_since(file: SourceFile, since_s: int) -> Iterator[Record]:
    """Yield each session that changed since a day before `since_s`, or whose time is unknown.

    The day is a margin: OpenCode updates the time of a message only when the message is complete,
    so a message can have changed after this time.
    """

    def changed(database: Database) -> list[Row]:
        since_ms = (since_s - _MARGIN_S) * 1000
        rows = database.select("message", ("session_id",), "WHERE time_updated >= ?", since_ms)
        active = {session_id for (session_id,) in rows}
        updated = _COLUMNS.index("time_updated")
        return [
            row
            for row in _sessions(database)
            if row[0] in active or not isinstance(row[updated], int) or row[updated] >= since_ms
        ]

    return read_database(file, changed, _records)


def _sessions(database: Database) -> list[Row]:
    return database.select("session", _COLUMNS, "ORDER BY time_created, id")


def _records(database: Database, row: Row) -> Iterable[Record]:
    values = dict(zip(_COLUMNS, row, strict=True))
    session = Session(
        id=as_text(values["id"]),
        parent=string(values["parent_id"]),
        directory=string(values["directory"]),
        title=string(values["title"]),
        version=string(values["version"]),
        revert=mapping(parsed(values["revert"])),
        created_at=unix_seconds(values["time_created"]),
        updated_at=unix_seconds(values["time_updated"]),
    )
    parts: dict[object, list[tuple[str, Mapping[str, Any]]]] = defaultdict(list)
    for part_id, message_id, data in database.select(
        "part", ("id", "message_id", "data"), "WHERE session_id = ? ORDER BY id", values["id"]
    ):
        parts[message_id].append((as_text(part_id), mapping(parsed(data))))
    rows = database.select(
        "message",
        ("id", "data", "time_created"),
        "WHERE session_id = ? ORDER BY time_created, id",
        values["id"],
    )
    messages = (
        Message(as_text(key), mapping(parsed(data)), unix_seconds(at), parts[key])
        for key, data, at in rows
    )
    yield conversation(session, messages)
