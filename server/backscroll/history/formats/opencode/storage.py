"""The folder in which OpenCode kept its sessions before version 1.2.

It has the files `session/<project>/<id>.json`, `message/<session>/<id>.json` and
`part/<message>/<id>.json`.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from backscroll.history.conversation import ReadElsewhere, Record, SourceConversation, Unreadable
from backscroll.history.files.disk_files import disk_file
from backscroll.history.formats.opencode.sessions import Message, Session, conversation
from backscroll.history.reading.fields import as_text, mapping, string
from backscroll.history.reading.json_streams import JsonRecord, json_document
from backscroll.history.reading.sqlite_source import DatabaseError, open_database
from backscroll.history.reading.times import unix_seconds
from backscroll.history.source_file import SourceFile, why

FOLDERS: Final = ("session", "message", "part")
PART_OF_FOLDER: Final = "is a part of OpenCode's storage; import the whole folder named storage"
_MIGRATED: Final = "is also in opencode.db, from where it is read"
_MAYBE_MIGRATED: Final = "may also be in opencode.db, which "


def is_part(record: Mapping[str, Any]) -> bool:
    """Return whether a JSON file of OpenCode's storage has a session, a message or a part."""
    is_named = any(string(record.get(name)).startswith("ses_") for name in ("id", "sessionID"))
    return is_named and any(name in record for name in ("projectID", "role", "messageID"))


def read_folder(files: Mapping[str, SourceFile]) -> Iterator[Record]:
    """Yield each session in the folder."""
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
            path: its path within the folder.
        """
        self._ids: frozenset[str] = frozenset()
        self._problem: DatabaseError | None = None
        if file.path is None:
            return
        place = file.path.parents[path.count("/") + 1] / "opencode.db"
        if not place.is_file():
            return
        try:
            with open_database(disk_file(place)) as found:
                rows = found.select("session", ("id",))
        except DatabaseError as error:
            self._problem = error
        else:
            self._ids = frozenset(as_text(key) for (key,) in rows)

    def elsewhere(self, session_id: str) -> Unreadable | None:
        """Return why a session is not read from the folder; None if it is read."""
        if self._problem is not None:
            return self._problem.record(session_id, _MAYBE_MIGRATED)
        return ReadElsewhere(session_id, _MIGRATED) if session_id in self._ids else None


def _folder_session(
    files: Mapping[str, SourceFile], folders: Mapping[str, list[str]], path: str
) -> Iterator[Record]:
    problems: list[Unreadable] = []
    found = _document(files[path], problems)
    session_id = string(found.get("id"))
    if session_id:
        time = mapping(found.get("time"))
        session = Session(
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
        yield conversation(session, messages, is_partial=bool(problems))
    elif not problems:
        problems.append(Unreadable(files[path].name, "is not a session: it has no id"))
    yield from problems


def _folder_messages(
    files: Mapping[str, SourceFile],
    folders: Mapping[str, list[str]],
    session_id: str,
    problems: list[Unreadable],
) -> Iterator[Message]:
    for path in sorted(folders.get(f"message/{session_id}", ())):
        data = _document(files[path], problems)
        key = string(data.get("id")) or _stem(path)
        created = mapping(data.get("time")).get("created")
        paths = sorted(folders.get(f"part/{key}", ()))
        parts = [(_stem(each), _document(files[each], problems)) for each in paths]
        yield Message(key, data, unix_seconds(created), parts)


def _document(file: SourceFile, problems: list[Unreadable]) -> Mapping[str, Any]:
    try:
        with file.open() as stream:
            record = json_document(stream)
    except OSError as error:
        problems.append(Unreadable(file.name, why(error)))
        return {}
    if isinstance(record, JsonRecord):
        return record.value
    problems.append(Unreadable(file.name, record.reason))
    return {}


def _stem(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".json")
