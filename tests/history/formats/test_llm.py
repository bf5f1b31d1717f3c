"""Logs of `llm`: both generations of its tables, alone and in one database."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings

from backscroll.history.conversation import Unreadable
from backscroll.history.files.sample import Sample
from backscroll.history.formats.llm import FORMAT
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

FIRST_VERSIONS = """
CREATE TABLE conversations (id TEXT PRIMARY KEY, name TEXT, model TEXT);
CREATE TABLE responses (
    id TEXT PRIMARY KEY, model TEXT, prompt TEXT, system TEXT, prompt_json TEXT,
    options_json TEXT, response TEXT, response_json TEXT, conversation_id TEXT,
    duration_ms INTEGER, datetime_utc TEXT
);
"""
OLD = """
CREATE TABLE conversations (id TEXT PRIMARY KEY, name TEXT, model TEXT);
CREATE TABLE responses (
    id TEXT PRIMARY KEY, model TEXT, prompt TEXT, system TEXT, response TEXT,
    conversation_id TEXT, datetime_utc TEXT, resolved_model TEXT, reasoning TEXT
);
CREATE TABLE fragments (id INTEGER PRIMARY KEY, hash TEXT, content TEXT);
CREATE TABLE prompt_fragments (response_id TEXT, fragment_id INTEGER, "order" INTEGER);
CREATE TABLE system_fragments (response_id TEXT, fragment_id INTEGER, "order" INTEGER);
CREATE TABLE tool_calls (
    id INTEGER PRIMARY KEY, response_id TEXT, tool_id INTEGER, name TEXT, arguments TEXT,
    tool_call_id TEXT
);
CREATE TABLE tool_results (
    id INTEGER PRIMARY KEY, response_id TEXT, tool_id INTEGER, name TEXT, output TEXT,
    tool_call_id TEXT
);
"""
NEW = """
CREATE TABLE messages (hash TEXT PRIMARY KEY, parent_hash TEXT, role TEXT, provider_metadata TEXT);
CREATE TABLE parts (
    id INTEGER PRIMARY KEY, message_hash TEXT, position INTEGER, type TEXT, tool_name TEXT,
    text TEXT, payload TEXT
);
CREATE TABLE threads (
    id TEXT PRIMARY KEY, name TEXT, tip_message_hash TEXT, forked_from TEXT, datetime_utc TEXT
);
CREATE TABLE turns (
    id TEXT PRIMARY KEY, thread_id TEXT, parent_message_hash TEXT, tip_message_hash TEXT,
    model TEXT, resolved_model TEXT, datetime_utc TEXT
);
"""
OLD_ROWS = """
INSERT INTO conversations VALUES ('c1', 'Pelicans', 'm1');
INSERT INTO fragments VALUES (1, 'f1', 'A novel.');
INSERT INTO responses VALUES
    ('r1', 'm1', 'Weather?', 'Be brief.', '', 'c1', '2026-01-02T03:04:05.123456+00:00', 'm1-big',
     'A tool.'),
    ('r2', 'm1', '', 'Be brief.', 'Rain.', 'c1', '2026-01-02T03:04:09', NULL, NULL),
    ('r3', 'm2', 'And this?', NULL, 'Good.', NULL, '2026-01-03T00:00:00', NULL, NULL);
INSERT INTO prompt_fragments VALUES ('r3', 1, 0);
INSERT INTO tool_calls VALUES (1, 'r1', 1, 'weather', '{"city": "Bern"}', 't1');
INSERT INTO tool_results VALUES (1, 'r2', 1, 'weather', 'rain', 't1');
"""
OLD_SAID = [
    ("system", "Be brief."),
    ("user", "Weather?"),
    ("reasoning", "A tool."),
    ("call", "t1", "weather", '{"city": "Bern"}'),
    ("output", "t1", "rain"),
    ("assistant", "Rain."),
]


def add_thread(connection: sqlite3.Connection, thread: str, *messages: object) -> None:
    """Add a thread of messages `(role, parts)`, each of which points to the one before it."""
    parent = None
    for number, message in enumerate(messages):
        assert isinstance(message, tuple)
        role, parts = message
        key = f"b2:{thread}{number}"
        connection.execute("INSERT INTO messages VALUES (?, ?, ?, NULL)", [key, parent, role])
        for position, (kind, text, payload) in reversed(list(enumerate(parts))):
            connection.execute(
                "INSERT INTO parts (message_hash, position, type, text, payload)"
                " VALUES (?, ?, ?, ?, ?)",
                [key, position, kind, text, payload and json.dumps(payload)],
            )
        if role == "assistant":
            connection.execute(
                "INSERT INTO turns VALUES (?, ?, ?, ?, 'm3', NULL, ?)",
                [key, thread, parent, key, f"2026-02-03T04:05:{number:02}+00:00"],
            )
        parent = key
    connection.execute(
        "INSERT INTO threads VALUES (?, 'Walrus', ?, 't0', '2026-02-03T04:05:00')",
        [thread, parent],
    )


def text(value: str) -> list[object]:
    """Return the parts of a message that is one text."""
    return [("text", value, None)]


THREAD = (
    ("system", text("Be kind.")),
    ("user", [("text", None, {"text_ref": [{"fragment": 1}, {"literal": " Name it."}]}),
              ("attachment", None, {"id": "abc"})]),
    ("assistant", [("reasoning", "Think.", None), ("text", "Percy.", None),
                   ("tool_call", None,
                    {"name": "check", "arguments": {"name": "Percy"}, "tool_call_id": "t9"})]),
    ("user", [("tool_result", None, {"name": "check", "output": "free", "tool_call_id": "t9"})]),
    ("assistant", text("Percy is free.")),
)  # fmt: skip
THREAD_SAID = [
    ("system", "Be kind."),
    ("user", "A novel. Name it."),
    ("user", "[attachment]"),
    ("reasoning", "Think."),
    ("assistant", "Percy."),
    ("call", "t9", "check", '{"name":"Percy"}'),
    ("output", "t9", "free"),
    ("assistant", "Percy is free."),
]


def test_conversations_of_the_older_tables_are_read(tmp_path: Path) -> None:
    path = tmp_path / "logs.db"
    with made_database(path, OLD + OLD_ROWS):
        pass

    first, alone = conversations(FORMAT.read(on_disk(path)))

    assert said(first) == OLD_SAID
    assert (first.source, first.id, first.title, first.model) == ("llm", "c1", "Pelicans", "m1")
    assert times(first) == [1767323045] * 4 + [1767323049] * 2
    assert keys(first) == [
        "r1/system", "r1/prompt", "r1/reasoning", "r1/call0", "r2/result0", "r2/response",
    ]  # fmt: skip
    assert said(alone) == [("user", "A novel.\nAnd this?"), ("assistant", "Good.")]
    assert (alone.id, alone.model) == ("r3", "m2")


def test_threads_of_the_newer_tables_are_read_from_their_last_message(tmp_path: Path) -> None:
    path = tmp_path / "logs.db"
    with made_database(path, OLD + NEW) as connection:
        connection.execute("INSERT INTO fragments VALUES (1, 'f1', 'A novel.')")
        add_thread(connection, "t1", *THREAD)
        connection.execute("INSERT INTO messages VALUES ('b2:x', 'b2:t11', 'assistant', NULL)")

    (thread,) = conversations(FORMAT.read(on_disk(path)))

    assert said(thread) == THREAD_SAID
    assert (thread.id, thread.title, thread.parent, thread.model) == ("t1", "Walrus", "t0", "m3")
    assert times(thread) == [None] + [1770091502] * 5 + [1770091504] * 2
    assert keys(thread)[:3] == ["b2:t10/0", "b2:t11/0", "b2:t11/1"]


def test_a_conversation_of_both_generations_is_one_and_nothing_is_twice(tmp_path: Path) -> None:
    path = tmp_path / "logs.db"
    with made_database(path, OLD + NEW + OLD_ROWS):
        pass
    before = conversations(FORMAT.read(on_disk(path)))
    with closing(sqlite3.connect(path)) as connection, connection:
        history = [("user", text("Weather?")), ("assistant", text("Rain."))]
        later = [("user", text("Tomorrow?")), ("assistant", text("Sun."))]
        add_thread(connection, "c1", *history, *later)
        add_thread(connection, "r3", *later)

    both, alone = conversations(FORMAT.read(on_disk(path)))

    assert said(both) == [*OLD_SAID, ("user", "Tomorrow?"), ("assistant", "Sun.")]
    assert keys(both)[:6] == keys(before[0])
    assert said(alone) == [*said(before[1]), ("user", "Tomorrow?"), ("assistant", "Sun.")]


def test_first_versions_with_fewer_columns_are_read(tmp_path: Path) -> None:
    path = tmp_path / "logs.db"
    with made_database(path, FIRST_VERSIONS) as connection:
        connection.execute("INSERT INTO conversations VALUES ('c1', NULL, 'm1'), ('c2', '', '')")
        connection.execute(
            "INSERT INTO responses (id, prompt, response, conversation_id)"
            " VALUES ('r1', 'Hi', 'Hello', 'c1')"
        )

    first, second = FORMAT.read(on_disk(path))

    assert said(first) == [("user", "Hi"), ("assistant", "Hello")]
    assert second == Unreadable("c2", "has no messages")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE messages SET parent_hash = 'b2:t14' WHERE hash = 'b2:t14'",
        "UPDATE messages SET parent_hash = 'gone' WHERE hash = 'b2:t14'",
    ],
)
def test_a_chain_that_is_broken_or_goes_in_a_circle_is_read_as_far_as_it_goes(
    tmp_path: Path, change: str
) -> None:
    path = tmp_path / "logs.db"
    with made_database(path, NEW) as connection:
        add_thread(connection, "t1", *THREAD)
        connection.execute(change)

    (thread,) = conversations(FORMAT.read(on_disk(path)))

    assert said(thread) == THREAD_SAID[-1:]


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({"conversations", "responses"}, True),
        ({"threads", "turns", "messages", "parts"}, True),
        ({"threads", "messages", "parts"}, False),
        ({"responses"}, False),
    ],
)
def test_a_database_is_recognised_by_its_tables(tables: set[str], expected: bool) -> None:
    assert FORMAT.recognises(Sample("sqlite", tables=frozenset(tables))) is expected


@settings(max_examples=settings().max_examples // 4)
@given(json_values(THREAD[1][1][0][2], THREAD[2][1][2][2], {"text_ref": [{"fragment": 2**70}]}))
def test_reading_never_fails(value: object) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(NEW)
        add_thread(connection, "t1", *THREAD[1:3])
        connection.execute("UPDATE parts SET payload = ?", [json.dumps(value)])
        list(FORMAT.read(in_archive(connection.serialize())))


def test_a_response_that_repeats_an_older_one_is_not_taken_for_it(tmp_path: Path) -> None:
    path = tmp_path / "logs.db"
    with made_database(path, OLD + NEW) as connection:
        connection.execute("INSERT INTO conversations VALUES ('c1', '', '')")
        connection.executemany(
            "INSERT INTO responses (id, prompt, response, conversation_id) VALUES (?, ?, ?, 'c1')",
            [("r1", "Tea?", "Yes."), ("r2", "Milk?", "Yes.")],
        )
        asked = [(("user", text(word)), ("assistant", text("Yes."))) for word in
                 ("Tea?", "Milk?", "Sugar?")]  # fmt: skip
        add_thread(connection, "c1", *(message for turn in asked for message in turn))

    (conversation,) = conversations(FORMAT.read(on_disk(path)))

    assert said(conversation) == [
        ("user", "Tea?"), ("assistant", "Yes."), ("user", "Milk?"), ("assistant", "Yes."),
        ("user", "Sugar?"), ("assistant", "Yes."),
    ]  # fmt: skip
