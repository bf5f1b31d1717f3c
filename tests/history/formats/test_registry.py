"""A file of each format is recognised as what it is, and as nothing else."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest

from backscroll.history.files.sampling import samples
from backscroll.history.formats.registry import (
    MODULES,
    format_named,
    formats,
    recognised,
    recognised_folder,
)
from backscroll.history.source_file import SourceFile

TIME = "2026-01-15T10:00:00.000Z"
PADDING = "x" * 300_000
"""Longer than the first part of a file that is read."""

DOCUMENTS: Mapping[str, list[object]] = {
    "chatgpt": [
        [{"title": PADDING, "mapping": {}, "current_node": "n"}],
        {"conversations": [{"conversation_id": "c", "mapping": {"r": {"id": "r"}}}]},
    ],
    "claude-ai": [[{"uuid": "c", "name": "Tea", "chat_messages": []}]],
    "gemini-cli": [{"sessionId": "s", "projectHash": "p", "startTime": TIME, "messages": []}],
    "gemini-apps": [[{"header": "Gemini Apps", "title": "Prompted Hi", "time": TIME}]],
    "vscode-copilot": [
        {"version": 3, "responderUsername": "GitHub Copilot", "sessionId": "s", "requests": []}
    ],
    "librechat": [{"conversationId": "c", "title": "Tea", "messages": []}],
    "open-webui": [[{"id": "c", "title": "Tea", "chat": {"history": {"messages": {}}}}]],
    "sharegpt": [[{"id": "1", "conversations": [{"from": "human", "value": "Hi"}]}]],
}
LINES: Mapping[str, list[list[object]]] = {
    "claude-code": [
        [
            {"type": "file-history-snapshot", "messageId": "m", "snapshot": {}},
            {"type": "user", "sessionId": "s", "message": {"role": "user", "content": "Hi"}},
        ],
        [{"type": "summary", "summary": "Tea", "leafUuid": "u"}],
    ],
    "codex": [
        [{"timestamp": TIME, "type": "session_meta", "payload": {"id": "s", "cwd": "/w"}}],
        [{"id": "s", "timestamp": TIME, "instructions": None}],
    ],
    "gemini-cli": [[{"sessionId": "s", "projectHash": "p", "startTime": TIME}]],
    "vscode-copilot": [
        [{"kind": 0, "v": {"version": 3, "sessionId": "s", "requests": [], "creationDate": 1}}]
    ],
    "cursor": [[{"role": "user", "message": {"content": [{"type": "text", "text": "Hi"}]}}]],
    "sharegpt": [[{"conversations": [{"from": "human", "value": "Hi"}]}]],
    "fine-tuning": [
        [{"messages": [{"role": "user", "content": "Hi"}], "tools": []}],
        [{"input": {"messages": []}, "preferred_output": [], "non_preferred_output": []}],
    ],
}
TABLES = {
    "cursor": ["ItemTable", "cursorDiskKV"],
    "opencode": ["project", "session", "message", "part"],
    "llm": ["conversations", "responses"],
    "agents-sdk": ["agent_sessions", "agent_messages"],
}
FOLDERS = {
    "slack": {"users.json", "channels.json", "general"},
    "opencode": {"session", "message", "part", "project"},
}
OWN = [
    {"object": "thread", "messages": [{"role": "user", "content": "Hi"}]},
    {"id": "conv_1", "items": [{"role": "user", "content": "Hi"}]},
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]},
]


def name_of(content: bytes, name: str) -> str | None:
    """Return the name of a file's format, which no other format recognises too."""
    looked = list(samples(SourceFile(f"a.zip/{name}", lambda: BytesIO(content))))
    found = recognised(looked)
    for sample in looked:
        assert {each.name for each in formats() if each.recognises(sample)} <= {
            found and found.name
        }
    return None if found is None else found.name


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_are_recognised(name: str) -> None:
    for value in DOCUMENTS[name]:
        assert name_of(json.dumps(value).encode(), "x.json") == name
        assert name_of(json.dumps(value, indent=2).encode(), "x.json") == name
        assert name_of(json.dumps(value).encode(), "x") == name


@pytest.mark.parametrize("name", LINES)
def test_lines_are_recognised_also_after_a_damaged_one_and_before_a_torn_one(name: str) -> None:
    for values in LINES[name]:
        lines = b"".join(json.dumps(value).encode() + b"\n" for value in values)
        assert name_of(lines, "x.jsonl") == name
        assert name_of(lines * 3 + b'{"torn": "', "x.jsonl") == name


@pytest.mark.parametrize("name", TABLES)
def test_databases_are_recognised(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as database:
        for table in TABLES[name]:
            database.execute(f"CREATE TABLE {table} (id)")
        database.commit()

    found = recognised(samples(SourceFile(str(path), lambda: path.open("rb"), path)))

    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("name", FOLDERS)
def test_folders_whose_files_belong_together_are_recognised(name: str) -> None:
    found = recognised_folder(FOLDERS[name])

    assert found is not None
    assert found.name == name
    assert recognised_folder({"users.json", "conversations.json", "projects.json"}) is None


def test_backscrolls_own_format_is_no_other() -> None:
    for value in OWN:
        assert name_of(json.dumps(value).encode() + b"\n", "x.jsonl") is None
        assert name_of(json.dumps([value]).encode(), "x.json") is None


def test_every_format_has_a_name_and_an_example_here() -> None:
    assert [each.name for each in formats()] == list(MODULES)
    assert {*DOCUMENTS, *LINES, *TABLES, *FOLDERS} == set(MODULES)
    assert format_named("chatgpt").read_branches is not None
