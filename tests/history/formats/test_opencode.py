"""Sessions of OpenCode: its database, its older folder, what was undone, and a running owner."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given, settings

from backscroll.history.conversation import (
    NotNow,
    ReadElsewhere,
    Record,
    SourceConversation,
    Unreadable,
)
from backscroll.history.files.sample import Sample
from backscroll.history.formats.opencode import FORMAT
from backscroll.history.source_file import SourceFile
from tests.history.formats.json_values import json_values
from tests.history.formats.sources import (
    conversations,
    in_archive,
    keys,
    made_database,
    on_disk,
    said,
    times,
)

TABLES = """
CREATE TABLE session (
    id TEXT PRIMARY KEY, project_id TEXT NOT NULL, parent_id TEXT, slug TEXT, directory TEXT,
    title TEXT, version TEXT, revert TEXT, time_created INTEGER, time_updated INTEGER
);
CREATE TABLE message (
    id TEXT PRIMARY KEY, session_id TEXT NOT NULL, time_created INTEGER, time_updated INTEGER,
    data TEXT NOT NULL
);
CREATE TABLE part (
    id TEXT PRIMARY KEY, message_id TEXT NOT NULL, session_id TEXT NOT NULL,
    time_created INTEGER, time_updated INTEGER, data TEXT NOT NULL
);
"""
MESSAGES: dict[str, Any] = {
    "msg_1": {"role": "user", "time": {"created": 1770000000000},
              "model": {"providerID": "anthropic", "modelID": "claude"}},
    "msg_2": {"role": "assistant", "time": {"created": 1770000001000}, "modelID": "claude-5",
              "providerID": "anthropic", "path": {"cwd": "/w"}},
    "msg_3": {"role": "user", "time": {"created": 1770000060000}},
}  # fmt: skip
PARTS: dict[str, list[Any]] = {
    "msg_1": [
        {"type": "text", "text": "List the files"},
        {"type": "text", "text": "Called the Read tool", "synthetic": True},
        {"type": "file", "mime": "image/png", "filename": "a.png", "url": "data:,A"},
    ],
    "msg_2": [
        {"type": "step-start"},
        {"type": "reasoning", "text": "A tool."},
        {"type": "tool", "callID": "call_1", "tool": "bash",
         "state": {"status": "completed", "input": {"command": "ls"}, "output": "a.py",
                   "time": {"start": 1770000002000, "end": 1770000003000}}},
        {"type": "tool", "callID": "call_2", "tool": "read",
         "state": {"status": "error", "input": {"path": "b"}, "error": "No such file"}},
        {"type": "text", "text": "One file."},
        {"type": "step-finish", "tokens": {}},
    ],
    "msg_3": [{"type": "text", "text": "Thanks"}],
}  # fmt: skip
SAID = [
    ("user", "List the files"),
    ("user", "[file: a.png]"),
    ("reasoning", "A tool."),
    ("call", "call_1", "bash", '{"command":"ls"}'),
    ("output", "call_1", "a.py"),
    ("call", "call_2", "read", '{"path":"b"}'),
    ("output", "call_2", "No such file"),
    ("assistant", "One file."),
    ("user", "Thanks"),
]


def add_session(
    connection: sqlite3.Connection,
    session: str = "ses_1",
    *,
    parent: str | None = None,
    revert: object = None,
) -> None:
    """Add a session with the messages and their parts, written in another order than theirs."""
    connection.execute(
        "INSERT INTO session VALUES (?, 'p', ?, 'slug', '/w', 'Files', '1.2.0', ?, ?, ?)",
        [session, parent, json.dumps(revert), 1770000000000, 1770000060000],
    )
    for key in reversed(MESSAGES):
        at = MESSAGES[key]["time"]["created"]
        connection.execute(
            "INSERT INTO message VALUES (?, ?, ?, ?, ?)",
            [f"{session}{key}", session, at, at, json.dumps(MESSAGES[key])],
        )
        for number, part in reversed(list(enumerate(PARTS[key]))):
            connection.execute(
                "INSERT INTO part VALUES (?, ?, ?, ?, ?, ?)",
                [f"{session}{key}p{number}", f"{session}{key}", session, at, at, json.dumps(part)],
            )


def database(path: Path, journal: str = "wal") -> Path:
    """Create a database with one session."""
    with made_database(path, TABLES, journal) as connection:
        add_session(connection)
    return path


def storage() -> dict[str, Any]:
    """Return the files of the older storage, with the same session."""
    files: dict[str, Any] = {
        "session/p/ses_1.json": {
            "id": "ses_1", "projectID": "p", "directory": "/w", "title": "Files",
            "version": "0.9.0", "time": {"created": 1770000000000, "updated": 1770000060000},
        },
        "session_diff/ses_1.json": [],
        "project/p.json": {"id": "p", "worktree": "/w"},
    }  # fmt: skip
    for key, message in MESSAGES.items():
        files[f"message/ses_1/{key}.json"] = {"id": key, "sessionID": "ses_1", **message}
        for number, part in enumerate(PARTS[key]):
            files[f"part/{key}/prt_{number}.json"] = {"messageID": key, **part}
    return files


def read_storage(files: dict[str, Any]) -> list[Record]:
    """Read the files of the older storage."""
    assert FORMAT.read_folder is not None
    content = {
        name: value if isinstance(value, bytes) else json.dumps(value).encode()
        for name, value in files.items()
    }
    return list(
        FORMAT.read_folder({name: in_archive(data, name) for name, data in content.items()})
    )


def test_a_session_is_read_in_order_with_its_tools(tmp_path: Path) -> None:
    (session,) = conversations(FORMAT.read(on_disk(database(tmp_path / "opencode.db"))))

    assert said(session) == SAID
    assert (session.source, session.id, session.title, session.project, session.model) == (
        "opencode", "ses_1", "Files", "/w", "claude-5",
    )  # fmt: skip
    assert (session.created_at, session.updated_at) == (1770000000, 1770000060)
    assert session.metadata == {"version": "1.2.0"}
    assert times(session)[3:6] == [1770000001, 1770000003, 1770000001]
    assert keys(session)[:2] == ["ses_1msg_1p0", "ses_1msg_1p2"]


def test_a_sub_agents_session_belongs_to_its_parent(tmp_path: Path) -> None:
    path = database(tmp_path / "opencode.db")
    with closing(sqlite3.connect(path)) as connection, connection:
        add_session(connection, "ses_2", parent="ses_1")

    _, agent = conversations(FORMAT.read(on_disk(path)))

    assert (agent.id, agent.parent) == ("ses_2", "ses_1")


@pytest.mark.parametrize(
    ("revert", "left"),
    [
        ({"messageID": "ses_1msg_3"}, 8),
        ({"messageID": "ses_1msg_2"}, 2),
        ({"messageID": "ses_1msg_2", "partID": "ses_1msg_2p4"}, 7),
        ({}, 9),
        ("broken", 9),
    ],
)
def test_what_the_user_undid_is_left_out(tmp_path: Path, revert: object, left: int) -> None:
    path = tmp_path / "opencode.db"
    with made_database(path, TABLES) as connection:
        add_session(connection, revert=revert)

    (session,) = conversations(FORMAT.read(on_disk(path)))

    assert said(session) == SAID[:left]


def test_a_running_owner_goes_on_writing_and_its_committed_rows_are_read(tmp_path: Path) -> None:
    path = database(tmp_path / "opencode.db")
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as owner:
        add_session(owner, "ses_2")
        owner.execute("BEGIN IMMEDIATE")
        owner.execute("DELETE FROM part")

        reading = FORMAT.read(on_disk(path))
        first = next(reading)
        owner.execute("COMMIT")
        second = next(reading)

    assert said(first) == SAID
    assert second == Unreadable("ses_2", "has no messages")


def test_only_sessions_that_may_have_changed_since_a_time_are_read_again(tmp_path: Path) -> None:
    path = database(tmp_path / "opencode.db")
    with closing(sqlite3.connect(path)) as connection, connection:
        for session in ("ses_2", "ses_3", "ses_4"):
            add_session(connection, session)
        connection.execute("UPDATE session SET time_updated = NULL WHERE id = 'ses_3'")
        connection.execute(
            "UPDATE message SET time_updated = 1780000000000 WHERE id = 'ses_1msg_2'"
        )
        connection.execute("UPDATE session SET time_updated = 1780000000000 WHERE id = 'ses_4'")
    assert FORMAT.read_since is not None

    found = conversations(FORMAT.read_since(on_disk(path), 1780000000))

    assert [session.id for session in found] == ["ses_1", "ses_3", "ses_4"]
    assert said(found[0]) == SAID
    assert len(conversations(FORMAT.read_since(on_disk(path), 1770000000))) == 4


def test_messages_that_were_deleted_are_no_longer_read(tmp_path: Path) -> None:
    path = database(tmp_path / "opencode.db")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM message WHERE id = 'ses_1msg_2'")

    (session,) = conversations(FORMAT.read(on_disk(path)))

    assert said(session) == [SAID[0], SAID[1], SAID[-1]]


def test_the_older_storage_is_read_to_the_same_items() -> None:
    (session,) = conversations(read_storage(storage()))

    assert said(session) == SAID
    assert (session.id, session.title, session.project, session.model) == (
        "ses_1", "Files", "/w", "claude-5",
    )  # fmt: skip
    assert (session.created_at, session.updated_at) == (1770000000, 1770000060)


def test_sessions_of_the_older_storage_that_the_database_has_are_read_from_there(
    tmp_path: Path,
) -> None:
    for name, content in storage().items():
        path = tmp_path / "storage" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    folder = tmp_path / "storage"
    files = {path.relative_to(folder).as_posix(): on_disk(path) for path in folder.rglob("*.json")}
    assert FORMAT.read_folder is not None
    with made_database(tmp_path / "opencode.db", TABLES) as connection:
        add_session(connection, "ses_2")
    assert len(conversations(FORMAT.read_folder(files))) == 1

    with closing(sqlite3.connect(tmp_path / "opencode.db")) as connection, connection:
        add_session(connection, "ses_1")
    why = "is also in opencode.db, from where it is read"
    assert list(FORMAT.read_folder(files)) == [ReadElsewhere("ses_1", why)]

    with closing(sqlite3.connect(tmp_path / "opencode.db")) as owner:
        owner.execute("BEGIN EXCLUSIVE")
        (refused,) = FORMAT.read_folder(files)
    why = "is locked by the program that writes it: try again, or close that program first"
    assert refused == NotNow("ses_1", f"may also be in opencode.db, which {why}")

    (tmp_path / "opencode.db").write_bytes(b"no database")
    why = "may also be in opencode.db, which is damaged: SQLite cannot read it"
    assert list(FORMAT.read_folder(files)) == [Unreadable("ses_1", why)]


def test_files_of_the_older_storage_that_cannot_be_read_are_refused_alone() -> None:
    files = storage()
    files["part/msg_2/prt_4.json"] = b'{"type": "te'
    files["session/p/ses_2.json"] = b"{"
    files["session/p/ses_3.json"] = {}

    session, *refused = read_storage(files)

    assert said(session) == [item for item in SAID if item != ("assistant", "One file.")]
    assert isinstance(session, SourceConversation)
    assert session.is_partial
    assert [record.position for record in refused if isinstance(record, Unreadable)] == [
        "part/msg_2/prt_4.json", "session/p/ses_2.json", "session/p/ses_3.json",
    ]  # fmt: skip


def test_a_file_of_the_older_storage_that_the_archive_does_not_give_is_refused_alone() -> None:
    def damaged() -> BinaryIO:
        raise OSError("is damaged")

    assert FORMAT.read_folder is not None
    files = {name: in_archive(json.dumps(data).encode(), name) for name, data in storage().items()}
    files["part/msg_3/prt_0.json"] = SourceFile("part/msg_3/prt_0.json", damaged)

    session, refused = FORMAT.read_folder(files)

    assert said(session) == SAID[:-1]
    assert refused == Unreadable("part/msg_3/prt_0.json", "cannot be read: is damaged")


def test_one_file_of_the_older_storage_is_refused_with_the_way_out() -> None:
    (refused,) = FORMAT.read(in_archive(b'{"id": "ses_1", "projectID": "p"}', "ses_1.json"))

    assert refused == Unreadable(
        "ses_1.json", "is a part of OpenCode's storage; import the whole folder named storage"
    )


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (Sample("sqlite", tables=frozenset({"session", "message", "part", "project"})), True),
        (Sample("sqlite", tables=frozenset({"session", "message"})), False),
        (Sample("object", [storage()["session/p/ses_1.json"]]), True),
        (Sample("object", [storage()["message/ses_1/msg_1.json"]]), True),
        (Sample("object", [{"sessionID": "ses_1", "other": 1}]), False),
        (Sample("object", [{"id": 7, "role": "user"}]), False),
        (Sample("object"), False),
        (Sample("array", [{"id": "ses_1", "projectID": "p"}]), False),
    ],
)
def test_files_are_recognised_by_their_content(sample: Sample, expected: bool) -> None:
    assert FORMAT.recognises(sample) is expected


def test_the_older_storage_is_recognised_by_its_folders() -> None:
    assert FORMAT.recognises_folder is not None
    assert FORMAT.recognises_folder(["session", "message", "part", "project"])
    assert not FORMAT.recognises_folder(["session", "message"])


@settings(max_examples=settings().max_examples // 4)
@given(json_values(MESSAGES["msg_2"], *PARTS["msg_2"], {"messageID": "msg_2", "partID": "p"}))
def test_reading_never_fails(value: object) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(TABLES)
        add_session(connection, revert=value)
        connection.execute("UPDATE part SET data = ? WHERE id LIKE '%p2'", [json.dumps(value)])
        connection.execute("UPDATE message SET data = ? WHERE rowid = 1", [json.dumps(value)])
        list(FORMAT.read(in_archive(connection.serialize())))


@settings(max_examples=settings().max_examples // 4)
@given(json_values(storage()))
def test_reading_the_older_storage_never_fails(value: object) -> None:
    files = value if isinstance(value, dict) else {"session/ses_1.json": value}
    read_storage({name: content for name, content in files.items() if isinstance(name, str)})
