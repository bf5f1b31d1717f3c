"""Chats of Cursor: its database in current and older versions, and agents' transcripts."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from backscroll.history.conversation import ReadElsewhere, SourceConversation, Unreadable
from backscroll.history.files.sample import Sample
from backscroll.history.formats.cursor import FORMAT
from tests.history.formats.json_values import json_values
from tests.history.formats.sources import (
    conversations,
    in_archive,
    json_lines,
    keys,
    made_database,
    on_disk,
    said,
    times,
)

TABLES = """
CREATE TABLE ItemTable (key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB);
CREATE TABLE cursorDiskKV (key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB);
INSERT INTO ItemTable VALUES ('cursorAuth/accessToken', 'invented-token');
INSERT INTO cursorDiskKV VALUES
    ('agentKv:blob:1', 'invented-token'), ('composerDatb:c1', '{}'), ('bubbleIe:c1:b9', '{}');
"""
ENDLESS = (
    "CREATE VIEW {} AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)"
    " SELECT {} FROM c"
)
CHAT: dict[str, Any] = {
    "_v": 3,
    "composerId": "c1",
    "name": "Retry",
    "createdAt": 1770000000000,
    "lastUpdatedAt": 1770000100000,
    "unifiedMode": "agent",
    "modelConfig": {"modelName": "model-1"},
    "workspaceIdentifier": {"id": "w", "uri": {"fsPath": "/home/ada/app", "scheme": "file"}},
    "blobEncryptionKey": "invented-token",
    "fullConversationHeadersOnly": [
        {"bubbleId": "b1", "type": 1},
        {"bubbleId": "b3", "type": 2},
        {"bubbleId": "gone", "type": 2},
        {"bubbleId": "b2", "type": 2},
    ],
}
BUBBLES: dict[str, Any] = {
    "b1": {"type": 1, "bubbleId": "b1", "createdAt": "2026-02-02T02:40:00.000Z", "images": [{}],
           "text": "<context>files</context>\n<user_query>\nFix the retry\n</user_query>"},
    "b2": {"type": 2, "bubbleId": "b2", "text": "Done.",
           "timingInfo": {"clientStartTime": 12345.6, "clientRpcSendTime": 1770000050000}},
    "b3": {"type": 2, "bubbleId": "b3", "text": "I look.", "thinking": {"text": "A file."},
           "modelInfo": {"modelName": "model-2"}, "createdAt": 17.5,
           "toolFormerData": {"tool": 5, "name": "read_file", "toolCallId": "t1",
                              "rawArgs": '{"path":"retry.py"}', "status": "completed",
                              "result": '{"contents":"def retry(): ..."}'}},
    "undone": {"type": 1, "bubbleId": "undone", "text": "An edited prompt"},
}  # fmt: skip
SAID = [
    ("user", "Fix the retry\n[image]"),
    ("reasoning", "A file."),
    ("assistant", "I look."),
    ("call", "t1", "read_file", '{"path":"retry.py"}'),
    ("output", "t1", '{"contents":"def retry(): ..."}'),
    ("assistant", "Done."),
]
TRANSCRIPT: list[Any] = [
    {"role": "user", "message": {"content": [
        {"type": "text", "text": "<user_query>\nList files\n</user_query>"}]}},
    {"role": "assistant", "message": {"content": [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "name": "list_dir", "input": {"path": "."}}]}},
    {"role": "user", "message": {"content": [
        {"type": "tool_result", "content": [{"type": "text", "text": "a.py"}]}]}},
    {"type": "turn_ended"},
    {"role": "assistant", "message": {"content": "One file."}},
]  # fmt: skip
TRANSCRIPT_SAID = [
    ("user", "List files"),
    ("assistant", "I look."),
    ("call", "call_3", "list_dir", '{"path":"."}'),
    ("output", "call_3", "a.py"),
    ("assistant", "One file."),
]


def add_chat(
    connection: sqlite3.Connection, chat: str, content: object, bubbles: dict[str, Any]
) -> None:
    """Add a chat with its messages, as Cursor writes them: in an order that is not theirs."""
    connection.execute(
        "INSERT INTO cursorDiskKV VALUES (?, ?)", [f"composerData:{chat}", json.dumps(content)]
    )
    for key in sorted(bubbles, reverse=True):
        connection.execute(
            "INSERT INTO cursorDiskKV VALUES (?, ?)",
            [f"bubbleId:{chat}:{key}", json.dumps(bubbles[key]).encode()],
        )


def read_chat(path: Path, content: object, bubbles: dict[str, Any]) -> SourceConversation:
    """Write one chat to a new database, and read it."""
    with made_database(path, TABLES) as connection:
        add_chat(connection, "c1", content, bubbles)
    (chat,) = conversations(FORMAT.read(on_disk(path)))
    return chat


def transcript(folder: Path, name: str, *lines: object) -> Path:
    """Write a transcript below a folder."""
    path = folder / name
    path.parent.mkdir(parents=True)
    path.write_bytes(json_lines(*lines))
    return path


def test_a_chat_is_read_in_the_order_of_its_headers(tmp_path: Path) -> None:
    chat = read_chat(tmp_path / "state.vscdb", CHAT, BUBBLES)

    assert said(chat) == SAID
    assert (chat.source, chat.id, chat.title, chat.project, chat.model) == (
        "cursor", "c1", "Retry", "/home/ada/app", "model-2",
    )  # fmt: skip
    assert (chat.created_at, chat.updated_at) == (1770000000, 1770000100)
    assert times(chat) == [1770000000, None, None, None, None, 1770000050]
    assert keys(chat) == ["b1", "b3/reasoning", "b3", "b3/call", "b3/output", "b2"]
    assert chat.metadata == {"mode": "agent"}
    assert chat.is_partial  # one message that it lists is gone


def test_nothing_but_chats_and_their_messages_is_kept(tmp_path: Path) -> None:
    assert "invented-token" not in repr(read_chat(tmp_path / "state.vscdb", CHAT, BUBBLES))


@pytest.mark.parametrize(
    "chat",
    [
        {"conversation": [BUBBLES["b1"], BUBBLES["b3"], BUBBLES["b2"]]},
        {"conversation": json.dumps([BUBBLES["b1"], BUBBLES["b3"], BUBBLES["b2"]])},
        {"fullConversationHeadersOnly": json.dumps(CHAT["fullConversationHeadersOnly"])},
        json.dumps(CHAT),
    ],
)
def test_older_versions_of_a_chat_are_read_to_the_same_items(tmp_path: Path, chat: object) -> None:
    assert said(read_chat(tmp_path / "state.vscdb", chat, BUBBLES)) == SAID


def test_a_message_that_is_listed_twice_is_read_once(tmp_path: Path) -> None:
    headers = CHAT["fullConversationHeadersOnly"]
    chat = {**CHAT, "fullConversationHeadersOnly": [*headers, headers[0]]}

    assert said(read_chat(tmp_path / "state.vscdb", chat, BUBBLES)) == SAID


def test_a_view_in_place_of_the_table_is_not_asked(tmp_path: Path) -> None:
    path = tmp_path / "state.vscdb"
    with made_database(
        path, ENDLESS.format("cursorDiskKV", "'composerData:' || n AS key, n AS value")
    ):
        pass

    assert list(FORMAT.read(on_disk(path))) == []


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("<user_query>\nA\n</user_query> b <user_query>C</user_query>", "A\nC"),
        ("no marks", "no marks"),
        ("<user_query>open", "<user_query>open"),
        ("<user_query> </user_query>only context", "<user_query> </user_query>only context"),
        ("<user_query>" * 200_000, "<user_query>" * 200_000),
    ],
    ids=["two", "none", "open", "blank", "many"],
)
def test_what_the_user_typed_is_read_without_its_context(text: str, typed: str) -> None:
    (chat,) = conversations(
        FORMAT.read(in_archive(json_lines({"role": "user", "message": {"content": text}})))
    )

    assert said(chat) == [("user", typed)]


def test_a_chat_without_headers_has_its_messages_by_time(tmp_path: Path) -> None:
    bubbles = {
        "b1": {"type": 2, "text": "Second", "createdAt": 1770000002000},
        "b2": {"type": 1, "text": "First", "createdAt": 1770000001000},
        "b3": {"type": 1, "richText": json.dumps(
            {"root": {"children": [{"children": [{"text": "Th"}, {"text": "ird"}]}]}}),
            "createdAt": 1770000003000, "workspaceUris": ["file:///home/ada/my%20app"]},
    }  # fmt: skip

    chat = read_chat(tmp_path / "state.vscdb", {}, bubbles)

    assert said(chat) == [("user", "First"), ("assistant", "Second"), ("user", "Third")]
    assert chat.project == "/home/ada/my app"


def test_the_project_of_a_chat_without_a_workspace_is_the_folder_of_its_messages(
    tmp_path: Path,
) -> None:
    bubble = {"type": 1, "text": "Tea?", "workspaceUris": ["file:///c%3A/Users/ada/app"]}

    chat = read_chat(tmp_path / "state.vscdb", {}, {"b1": bubble})

    assert chat.project == "c:/Users/ada/app"


def test_a_sub_agents_chat_belongs_to_its_parent(tmp_path: Path) -> None:
    content = {**CHAT, "subagentInfo": {"parentComposerId": "c0"}}

    assert read_chat(tmp_path / "state.vscdb", content, BUBBLES).parent == "c0"


def test_unused_tabs_are_skipped_and_chats_without_their_messages_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.vscdb"
    with made_database(path, TABLES) as connection:
        add_chat(connection, "c0", {**CHAT, "fullConversationHeadersOnly": []}, {})
        add_chat(connection, "c1", CHAT, {})
        add_chat(connection, "c2", None, {})
        connection.execute("INSERT INTO cursorDiskKV VALUES ('composerData:c3', NULL)")

    assert list(FORMAT.read(on_disk(path))) == [Unreadable("c1", "has no messages")]


def test_only_chats_that_may_have_changed_since_a_time_are_read_again(tmp_path: Path) -> None:
    path = tmp_path / "state.vscdb"
    with made_database(path, TABLES) as connection:
        add_chat(connection, "old", {**CHAT, "lastUpdatedAt": 1760000000000}, BUBBLES)
        add_chat(connection, "new", CHAT, BUBBLES)
        add_chat(connection, "unknown", {**CHAT, "lastUpdatedAt": None}, BUBBLES)
    assert FORMAT.read_since is not None

    found = conversations(FORMAT.read_since(on_disk(path), 1770000000))

    assert [chat.id for chat in found] == ["new", "unknown"]


def test_a_running_cursor_goes_on_writing(tmp_path: Path) -> None:
    path = tmp_path / "state.vscdb"
    with made_database(path, TABLES, "wal") as connection:
        add_chat(connection, "c1", CHAT, BUBBLES)
        add_chat(connection, "c2", CHAT, BUBBLES)
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as owner:
        owner.execute("BEGIN IMMEDIATE")
        owner.execute("DELETE FROM cursorDiskKV WHERE key LIKE 'bubbleId:c2:%'")
        reading = FORMAT.read(on_disk(path))
        first = next(reading)
        owner.execute("COMMIT")

        assert said(first) == SAID
        assert list(reading) == [Unreadable("c2", "has no messages")]


def test_a_transcript_is_read_with_its_folder_and_time(tmp_path: Path) -> None:
    name = ".cursor/projects/home-ada-app/agent-transcripts/a1/a1.jsonl"
    file = on_disk(transcript(tmp_path, name, *TRANSCRIPT))

    (chat,) = conversations(FORMAT.read(file))

    assert said(chat) == TRANSCRIPT_SAID
    assert (chat.source, chat.id, chat.project) == ("cursor", "a1", "home-ada-app")
    assert (chat.created_at, chat.updated_at) == (None, file.modified_at)
    assert not chat.is_partial
    assert times(chat) == [None] * 5


def test_many_outputs_without_calls_are_read_in_one_pass() -> None:
    content = [{"type": "tool_result", "content": "x"}] * 30_000

    (chat,) = conversations(
        FORMAT.read(in_archive(json_lines({"role": "user", "message": {"content": content}})))
    )

    assert len(chat.items) == 30_000


def test_a_sub_agents_transcript_belongs_to_its_parent(tmp_path: Path) -> None:
    name = ".cursor/projects/app/agent-transcripts/a1/subagents/a2.jsonl"

    (chat,) = conversations(FORMAT.read(on_disk(transcript(tmp_path, name, *TRANSCRIPT))))

    assert (chat.id, chat.parent, chat.project) == ("a2", "a1", "app")


def test_a_grown_transcript_keeps_its_keys_and_a_torn_line_waits() -> None:
    before = json_lines(*TRANSCRIPT[:2])
    after = json_lines(*TRANSCRIPT)

    (early,) = conversations(FORMAT.read(in_archive(before + b'{"role": "us', "a1.jsonl")))
    (late,) = conversations(FORMAT.read(in_archive(after, "a1.jsonl")))

    assert said(early) == TRANSCRIPT_SAID[:3]
    assert keys(late)[:3] == keys(early)


@pytest.mark.parametrize("folder", [".config", "Library/Application Support", "AppData/Roaming"])
def test_a_transcript_of_a_chat_in_the_database_is_read_from_there(
    tmp_path: Path, folder: str
) -> None:
    name = ".cursor/projects/app/agent-transcripts/c1.jsonl"
    path = transcript(tmp_path, name, *TRANSCRIPT)
    database = tmp_path / folder / "Cursor" / "User" / "globalStorage" / "state.vscdb"
    database.parent.mkdir(parents=True)
    with made_database(database, TABLES) as connection:
        add_chat(connection, "c2", CHAT, BUBBLES)
    assert len(conversations(FORMAT.read(on_disk(path)))) == 1

    with closing(sqlite3.connect(database)) as connection, connection:
        add_chat(connection, "c1", CHAT, BUBBLES)
    assert list(FORMAT.read(on_disk(path))) == [
        ReadElsewhere("c1", "is also in Cursor's database, from where it is read")
    ]

    database.write_bytes(b"no database")
    assert list(FORMAT.read(on_disk(path))) == [
        Unreadable(
            "c1", "may also be in Cursor's database, which is damaged: SQLite cannot read it"
        )
    ]


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (Sample("sqlite", tables=frozenset({"ItemTable", "cursorDiskKV"})), True),
        (Sample("sqlite", tables=frozenset({"ItemTable"})), False),
        (Sample("lines", TRANSCRIPT), True),
        (Sample("object", TRANSCRIPT[:1]), True),
        (Sample("lines", [{"type": "user", "role": "user", "message": {}}]), False),
        (Sample("lines", [{"role": "user", "content": "Hi"}]), False),
        (Sample("array", TRANSCRIPT), False),
    ],
)
def test_files_are_recognised_by_their_content(sample: Sample, expected: bool) -> None:
    assert FORMAT.recognises(sample) is expected


@settings(max_examples=settings().max_examples // 4)
@given(json_values(CHAT, *BUBBLES.values(), {"conversation": [BUBBLES["b3"]]}))
def test_reading_never_fails(value: object) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(TABLES)
        add_chat(connection, "c1", value, {})
        add_chat(connection, "c2", CHAT, {**BUBBLES, "b2": value})
        list(FORMAT.read(in_archive(connection.serialize())))


@settings(max_examples=settings().max_examples // 4)
@given(json_values(*TRANSCRIPT))
def test_reading_a_transcript_never_fails(value: object) -> None:
    list(FORMAT.read(in_archive(json_lines(TRANSCRIPT[0], value))))
