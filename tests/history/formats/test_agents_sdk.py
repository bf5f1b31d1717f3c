"""Sessions of the OpenAI Agents SDK: items, branches, and a database that is in use."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from backscroll.history.conversation import SourceConversation, Unreadable
from backscroll.history.files.sample import Sample
from backscroll.history.formats.agents_sdk import FORMAT
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
CREATE TABLE agent_sessions (
    session_id TEXT PRIMARY KEY,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE agent_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL,
    message_data TEXT NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
"""
STRUCTURE = """
CREATE TABLE message_structure (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL,
    message_id INTEGER NOT NULL,
    branch_id TEXT NOT NULL DEFAULT 'main',
    message_type TEXT NOT NULL,
    sequence_number INTEGER NOT NULL,
    user_turn_number INTEGER,
    branch_turn_number INTEGER,
    tool_name TEXT,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
"""
ITEMS: list[Any] = [
    {"role": "user", "content": "Weather in Bern?"},
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "A tool."}],
     "encrypted_content": "AAAA"},
    {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}", "id": "fc_1"},
    {"type": "function_call_output", "call_id": "c1",
     "output": [{"type": "input_text", "text": "Rain"}, {"type": "input_image"}]},
    {"type": "web_search_call", "id": "ws_1", "action": {"type": "search", "query": "umbrella"}},
    {"type": "message", "role": "assistant",
     "content": [{"type": "output_text", "text": "Rain.", "annotations": []}]},
]  # fmt: skip
SAID = [
    ("user", "Weather in Bern?"),
    ("reasoning", "A tool."),
    ("call", "c1", "weather", "{}"),
    ("output", "c1", "Rain\n[image]"),
    ("call", "ws_1", "web_search", '{"type":"search","query":"umbrella"}'),
    ("assistant", "Rain."),
]


def add_session(connection: sqlite3.Connection, session: str, *items: object) -> None:
    """Add a session with items, a minute apart."""
    connection.execute(
        "INSERT INTO agent_sessions VALUES (?, '2026-01-02 03:00:00', '2026-01-02 04:00:00')",
        [session],
    )
    for minute, item in enumerate(items):
        connection.execute(
            "INSERT INTO agent_messages (session_id, message_data, created_at) VALUES (?, ?, ?)",
            [session, json.dumps(item), f"2026-01-02 03:{minute:02}:00"],
        )


def test_each_session_is_read_with_its_items_in_order(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with made_database(path, TABLES) as connection:
        add_session(connection, "s1", *ITEMS)
        add_session(connection, "s2", {"role": "user", "content": "Hi"})

    first, second = conversations(FORMAT.read(on_disk(path)))

    assert said(first) == SAID
    assert (first.source, first.id, first.created_at, first.updated_at) == (
        "agents-sdk", "s1", 1767322800, 1767326400,
    )  # fmt: skip
    assert keys(first) == ["1", "2", "3", "4", "5", "6"]
    assert times(first)[:2] == [1767322800, 1767322860]
    assert said(second) == [("user", "Hi")]


def test_the_branch_that_was_written_last_is_read_and_the_others_on_request(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with made_database(path, TABLES + STRUCTURE) as connection:
        asked, answer, other = (
            {"role": "user", "content": "Tea?"},
            {"role": "assistant", "content": "Green."},
            {"role": "assistant", "content": "Black."},
        )
        add_session(connection, "s1", asked, answer, other)
        connection.executemany(
            "INSERT INTO message_structure"
            " (session_id, message_id, branch_id, message_type, sequence_number)"
            " VALUES ('s1', ?, ?, 'x', ?)",
            [(1, "main", 1), (2, "main", 2), (3, "b2", 2), (1, "b2", 1)],
        )

    (current,) = conversations(FORMAT.read(on_disk(path)))
    assert FORMAT.read_branches is not None
    again, main = conversations(FORMAT.read_branches(on_disk(path)))

    assert said(current) == [("user", "Tea?"), ("assistant", "Black.")]
    assert again == current
    assert said(main) == [("user", "Tea?"), ("assistant", "Green.")]
    assert (main.id, main.parent, main.branch) == ("s1/main", "s1", 1)


def test_a_database_in_an_archive_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with made_database(path, TABLES) as connection:
        add_session(connection, "s1", *ITEMS)

    (session,) = conversations(FORMAT.read(in_archive(path.read_bytes())))

    assert said(session) == SAID


def test_older_tables_empty_sessions_and_damaged_items_are_read(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    tables = """
        CREATE TABLE agent_sessions (session_id TEXT);
        CREATE TABLE agent_messages (id INTEGER, session_id TEXT, message_data TEXT);
        INSERT INTO agent_sessions VALUES ('s1'), ('s2'), (NULL);
        INSERT INTO agent_messages VALUES
            (1, 's1', '{"role'), (2, 's1', '[]'), (3, 's1', '{"role": "user", "content": "Hi"}');
    """
    with made_database(path, tables):
        pass

    session, *refused = FORMAT.read(on_disk(path))

    assert said(session) == [("user", "Hi")]
    assert isinstance(session, SourceConversation)
    assert session.is_partial
    assert times(session) == [None]
    assert refused == [
        Unreadable("s2", "has no messages"),
        Unreadable("a session without an id", "has no messages"),
    ]


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({"agent_sessions", "agent_messages", "sqlite_sequence"}, True),
        ({"agent_sessions", "agent_messages", "message_structure", "turn_usage"}, True),
        ({"agent_messages"}, False),
        (set(), False),
    ],
)
def test_a_database_is_recognised_by_its_tables(tables: set[str], expected: bool) -> None:
    assert FORMAT.recognises(Sample("sqlite", tables=frozenset(tables))) is expected


@settings(max_examples=settings().max_examples // 4)
@given(json_values(*ITEMS))
def test_reading_never_fails(value: object) -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(TABLES)
    add_session(connection, "s1", value, ITEMS[0])

    (session,) = conversations(FORMAT.read(in_archive(connection.serialize())))

    connection.close()
    assert said(session)[-1] == SAID[0]
