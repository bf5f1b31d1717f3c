"""Sessions of OpenCode: `opencode.db` from 1.2 on, and the folder `storage` of older versions.

Source: OpenCode's `session.sql.ts` (tables `session`, `message` and `part`, each with JSON in
`data`) and its older storage: `session/<project>/<id>.json`, `message/<session>/<id>.json` and
`part/<message>/<id>.json`. Ids sort by time. The types of parts are those of `message-v2.ts`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from backscroll.history.conversation import ReadElsewhere, SourceConversation, Unreadable
from backscroll.history.draft import Draft
from backscroll.history.fields import (
    as_text,
    identifier,
    mapping,
    parsed,
    string,
    unix_seconds,
)
from backscroll.history.formats.format import Format, Record
from backscroll.history.json_streams import JsonRecord, json_document
from backscroll.history.records import unreadable_file
from backscroll.history.sample import Sample
from backscroll.history.source_file import SourceFile
from backscroll.history.sqlite_source import (
    Database,
    DatabaseError,
    Row,
    open_database,
    read_database,
)

_NAME: Final = "opencode"
_TABLES: Final = frozenset({"session", "message", "part"})
_COLUMNS: Final = (
    *("id", "parent_id", "directory", "title", "version", "revert"),
    *("time_created", "time_updated"),
)
_MIGRATED: Final = "is also in opencode.db, from where it is read"
_MARGIN_S: Final = 24 * 60 * 60
_PART_OF_FOLDER: Final = "is a part of OpenCode's storage; import the whole folder named storage"


@dataclass(frozen=True, slots=True)
class _Session:
    """What a session is called, in both forms of storage."""

    id: str
    parent: str
    directory: str
    title: str
    version: str
    revert: Mapping[str, Any]
    created_at: int | None
    updated_at: int | None


@dataclass(frozen=True, slots=True)
class _Message:
    """A message with its parts in order, each with its id."""

    id: str
    data: Mapping[str, Any]
    created_at: int | None
    parts: Iterable[tuple[str, Mapping[str, Any]]]


def recognises(sample: Sample) -> bool:
    """Return whether a file is OpenCode's database, or one file of its older storage."""
    if sample.kind == "sqlite":
        return sample.tables >= _TABLES
    if sample.kind != "object" or not sample.records:
        return False
    record = sample.records[0]
    starts = (("id", "ses_"), ("sessionID", "ses_"))
    is_named = any(string(record.get(name)).startswith(start) for name, start in starts)
    return is_named and any(name in record for name in ("projectID", "role", "messageID"))


def read(file: SourceFile) -> Iterator[Record]:
    """Yield each session of a database, oldest first."""
    with file.open() as stream:
        is_database = stream.read(16).startswith(b"SQLite format 3")
    if is_database:
        return read_database(file, _sessions, _records)
    return iter([Unreadable(file.name, _PART_OF_FOLDER)])


def read_since(file: SourceFile, since_s: int) -> Iterator[Record]:
    """Yield each session of a database that changed in the day before a time, or later.

    OpenCode writes the time of a message when it is complete, so its parts may be a while older.
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


def recognises_folder(names: Collection[str]) -> bool:
    """Return whether a folder is the older storage."""
    return all(name in names for name in ("session", "message", "part"))


def read_folder(files: Mapping[str, SourceFile]) -> Iterator[Record]:
    """Yield each session of the older storage."""
    folders: dict[str, list[str]] = defaultdict(list)
    for path in files:
        folders[path.rpartition("/")[0]].append(path)
    paths = [
        path
        for folder in sorted(folders)
        if folder == "session" or folder.startswith("session/")
        for path in sorted(folders[folder])
    ]
    migrated = _Migrated(files[paths[0]], paths[0]) if paths else None
    for path in paths:
        for record in _folder_session(files, folders, path):
            if migrated is not None and isinstance(record, SourceConversation):
                yield migrated.elsewhere(record.id) or record
            else:
                yield record


class _Migrated:
    """The sessions that OpenCode copied from the folder to the database beside it."""

    def __init__(self, file: SourceFile, path: str) -> None:
        """Read the ids of the sessions in the database.

        Args:
            file: a file of the folder.
            path: its path from the folder.
        """
        self._ids: frozenset[str] = frozenset()
        self._problem = ""
        if file.path is None:
            return
        place = file.path.parents[path.count("/") + 1] / "opencode.db"
        if not place.is_file():
            return
        try:
            with open_database(SourceFile(str(place), partial(place.open, "rb"), place)) as found:
                rows = found.select("session", ("id",))
        except DatabaseError as error:
            self._problem = f"may also be in opencode.db, which {error.reason}"
        else:
            self._ids = frozenset(as_text(key) for (key,) in rows)

    def elsewhere(self, session_id: str) -> Unreadable | None:
        """Return why a session is not read from the folder; None if it is."""
        if self._problem:
            return Unreadable(session_id, self._problem)
        return ReadElsewhere(session_id, _MIGRATED) if session_id in self._ids else None


def _sessions(database: Database) -> list[Row]:
    return database.select("session", _COLUMNS, "ORDER BY time_created, id")


def _records(database: Database, row: Row) -> Iterable[Record]:
    values = dict(zip(_COLUMNS, row, strict=True))
    session = _Session(
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
        _Message(as_text(key), mapping(parsed(data)), unix_seconds(at), parts[key])
        for key, data, at in rows
    )
    yield _conversation(session, messages)


def _folder_session(
    files: Mapping[str, SourceFile], folders: Mapping[str, list[str]], path: str
) -> Iterator[Record]:
    problems: list[Unreadable] = []
    found = _document(files[path], problems)
    session_id = string(found.get("id"))
    if session_id:
        time = mapping(found.get("time"))
        session = _Session(
            id=session_id,
            parent=string(found.get("parentID")),
            directory=string(found.get("directory")),
            title=string(found.get("title")),
            version=string(found.get("version")),
            revert=mapping(found.get("revert")),
            created_at=unix_seconds(time.get("created")),
            updated_at=unix_seconds(time.get("updated")),
        )
        messages = list(_folder_messages(files, folders, session_id, problems))
        yield _conversation(session, messages, is_partial=bool(problems))
    elif not problems:
        problems.append(Unreadable(files[path].name, "is not a session: it has no id"))
    yield from problems


def _folder_messages(
    files: Mapping[str, SourceFile],
    folders: Mapping[str, list[str]],
    session_id: str,
    problems: list[Unreadable],
) -> Iterator[_Message]:
    for path in sorted(folders.get(f"message/{session_id}", ())):
        data = _document(files[path], problems)
        key = string(data.get("id")) or _stem(path)
        created = mapping(data.get("time")).get("created")
        paths = sorted(folders.get(f"part/{key}", ()))
        parts = [(_stem(each), _document(files[each], problems)) for each in paths]
        yield _Message(key, data, unix_seconds(created), parts)


def _document(file: SourceFile, problems: list[Unreadable]) -> Mapping[str, Any]:
    try:
        with file.open() as stream:
            record = json_document(stream)
    except OSError as error:
        problems.append(unreadable_file(file, error))
        return {}
    if isinstance(record, JsonRecord):
        return record.value
    problems.append(Unreadable(file.name, record.reason))
    return {}


def _stem(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".json")


def _conversation(
    session: _Session, messages: Iterable[_Message], *, is_partial: bool = False
) -> Record:
    draft = Draft(_NAME)
    end = string(session.revert.get("messageID"))
    last_part = string(session.revert.get("partID"))
    for message in messages:
        if end and message.id >= end and not (last_part and message.id == end):
            break  # the user went back to before this message
        parts = list(message.parts)
        if end and message.id == end:
            parts = [part for part in parts if part[0] < last_part]
        _add_message(draft, message, parts)
    return draft.finish(
        session.id,
        title=session.title,
        created_at=session.created_at,
        updated_at=session.updated_at,
        project=session.directory,
        parent=session.parent,
        metadata={"version": session.version},
        is_partial=is_partial,
    )


def _add_message(
    draft: Draft, message: _Message, parts: Iterable[tuple[str, Mapping[str, Any]]]
) -> None:
    data = message.data
    role = string(data.get("role"))
    at = unix_seconds(mapping(data.get("time")).get("created")) or message.created_at
    if role == "assistant":
        draft.model = string(data.get("modelID")) or draft.model
    for part_id, part in parts:
        text = string(part.get("text"))
        match part.get("type"):
            case "text" if part.get("synthetic") is not True:
                draft.message(role, text, part_id, at)
            case "reasoning":
                draft.reasoning(text, part_id, at)
            case "file" if part.get("filename"):
                draft.message(role, f"[file: {string(part.get('filename'))}]", part_id, at)
            case "tool":
                _add_tool(draft, part_id, part, at)


def _add_tool(draft: Draft, part_id: str, part: Mapping[str, Any], at: int | None) -> None:
    state = mapping(part.get("state"))
    call_id = identifier(part.get("callID")) or part_id
    draft.call(call_id, string(part.get("tool")), state.get("input"), part_id, at)
    output = as_text(state.get("output")) or as_text(state.get("error"))
    if output or state.get("status") in {"completed", "error"}:
        ended = unix_seconds(mapping(state.get("time")).get("end"))
        draft.output(call_id, output, f"{part_id}/output", ended or at)


FORMAT: Final = Format(
    name=_NAME,
    words="a database of OpenCode",
    recognises=recognises,
    read=read,
    read_since=read_since,
    recognises_folder=recognises_folder,
    read_folder=read_folder,
)
