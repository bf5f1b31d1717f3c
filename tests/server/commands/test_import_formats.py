"""A folder with a file of each format is imported whole, and a second time changes nothing."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import zstandard

from backscroll.history.formats.registry import MODULES
from tests.history.archives import zipped
from tests.server.command_line import backscroll, read_lines

TIME: Final = "2026-01-02T03:04:05Z"
SECONDS: Final = 1_767_323_045
HELLO: Final = "Hello"
ANSWER: Final = "Good morning"


def document(value: object) -> bytes:
    return json.dumps(value).encode()


def lines(*values: object) -> bytes:
    return b"".join(document(value) + b"\n" for value in values)


def chatgpt(*later: str) -> dict[str, Any]:
    """Return a conversation, with the texts that the user wrote after the answer."""

    def node(role: str, text: str) -> dict[str, Any]:
        content = {"content_type": "text", "parts": [text]}
        return {"author": {"role": role}, "create_time": SECONDS, "content": content}

    mapping = {
        "r": {"id": "r", "parent": None, "message": None},
        "a": {"id": "a", "parent": "r", "message": {"id": "a", **node("user", HELLO)}},
        "b": {"id": "b", "parent": "a", "message": {"id": "b", **node("assistant", ANSWER)}},
    }
    for number, text in enumerate(later):
        key, parent = f"c{number}", f"c{number - 1}" if number else "b"
        mapping[key] = {"id": key, "parent": parent, "message": {"id": key, **node("user", text)}}
    current = list(mapping)[-1]
    return {"conversation_id": "c1", "title": "Tea", "current_node": current, "mapping": mapping}


def claude_ai() -> dict[str, Any]:
    turns = [("m1", "human", HELLO), ("m2", "assistant", ANSWER)]
    messages = [
        {
            "uuid": key,
            "sender": sender,
            "text": text,
            "content": [{"type": "text", "text": text}],
            "created_at": TIME,
        }
        for key, sender, text in turns
    ]
    return {"uuid": "c2", "name": "Tea", "created_at": TIME, "chat_messages": messages}


def claude_code(session: str = "s3", *later: str) -> bytes:
    """Return the log of a session, with the texts that the user wrote after the answer."""

    def line(key: str, parent: str | None, role: str, content: object) -> dict[str, Any]:
        message = {"role": role, "content": content}
        common = {"type": role, "sessionId": session, "cwd": "/w", "timestamp": TIME}
        return {**common, "uuid": key, "parentUuid": parent, "message": message}

    return lines(
        line("u1", None, "user", HELLO),
        line("u2", "u1", "assistant", [{"type": "text", "text": ANSWER}]),
        *(line(f"{session}-{text}", "u2", "user", text) for text in later),
    )


def codex() -> bytes:
    def item(role: str, kind: str, text: str) -> dict[str, Any]:
        payload = {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
        return {"timestamp": TIME, "type": "response_item", "payload": payload}

    return lines(
        {"timestamp": TIME, "type": "session_meta", "payload": {"id": "s4", "cwd": "/w"}},
        item("user", "input_text", HELLO),
        item("assistant", "output_text", ANSWER),
    )


def gemini_cli() -> dict[str, Any]:
    turns = [("1", "user", HELLO), ("2", "gemini", ANSWER)]
    messages = [
        {"id": key, "timestamp": TIME, "type": kind, "content": text} for key, kind, text in turns
    ]
    return {"sessionId": "s5", "projectHash": "p", "startTime": TIME, "messages": messages}


def librechat() -> dict[str, Any]:
    root = "00000000-0000-0000-0000-000000000000"
    turns = [("m1", root, True, HELLO), ("m2", "m1", False, ANSWER)]
    messages = [
        {"messageId": key, "parentMessageId": parent, "isCreatedByUser": mine, "text": text}
        for key, parent, mine, text in turns
    ]
    return {"conversationId": "c6", "title": "Tea", "messages": messages}


def open_webui() -> dict[str, Any]:
    turns = [("m1", None, "user", HELLO), ("m2", "m1", "assistant", ANSWER)]
    messages = {
        key: {"id": key, "parentId": parent, "role": role, "content": text, "timestamp": SECONDS}
        for key, parent, role, text in turns
    }
    return {
        "id": "c7",
        "title": "Tea",
        "chat": {"history": {"currentId": "m2", "messages": messages}},
    }


def vscode() -> dict[str, Any]:
    request = {
        "requestId": "r1",
        "message": {"text": HELLO},
        "response": [{"value": ANSWER}],
        "timestamp": SECONDS * 1000,
    }
    return {"version": 3, "sessionId": "s8", "creationDate": 1, "requests": [request]}


def sharegpt() -> dict[str, Any]:
    turns = [{"from": "human", "value": HELLO}, {"from": "gpt", "value": ANSWER}]
    return {"id": "c9", "conversations": turns}


def fine_tuning() -> dict[str, Any]:
    messages = [{"role": "user", "content": HELLO}, {"role": "assistant", "content": ANSWER}]
    return {"messages": messages, "tools": []}


def takeout() -> dict[str, Any]:
    answer = [{"html": f"<p>{ANSWER}</p>"}]
    titled = {"header": "Gemini Apps", "title": f"Prompted {HELLO}", "time": TIME}
    return {**titled, "safeHtmlItem": answer}


def slack() -> dict[str, bytes]:
    day = [
        {"type": "message", "user": "U1", "text": HELLO, "ts": f"{SECONDS}.000100"},
        {"type": "message", "user": "U1", "text": ANSWER, "ts": f"{SECONDS}.000200"},
    ]
    return {
        "users.json": document([{"id": "U1", "name": "ann"}]),
        "channels.json": document([{"id": "C1", "name": "general"}]),
        "general/2026-01-02.json": document(day),
    }


def database(path: Path, *tables: str, rows: Sequence[tuple[str, Sequence[object]]]) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for table in tables:
            connection.execute(f"CREATE TABLE {table}")
        for table, values in rows:
            marks = ", ".join("?" * len(values))
            connection.execute(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608 - ours
        connection.commit()


def cursor(path: Path) -> None:
    bubbles = [
        {"bubbleId": "b1", "type": 1, "text": HELLO},
        {"bubbleId": "b2", "type": 2, "text": ANSWER},
    ]
    headers = [{"bubbleId": each["bubbleId"], "type": each["type"]} for each in bubbles]
    chat = {"composerId": "c10", "fullConversationHeadersOnly": headers, "createdAt": 1}
    values = {"composerData:c10": chat} | {
        f"bubbleId:c10:{each['bubbleId']}": each for each in bubbles
    }
    rows = [("cursorDiskKV", (key, json.dumps(value))) for key, value in values.items()]
    database(path, "cursorDiskKV (key TEXT PRIMARY KEY, value BLOB)", rows=rows)


def opencode(path: Path) -> None:
    rows: list[tuple[str, Sequence[object]]] = [
        ("session", ("ses_1", None, "/w", "Tea", SECONDS * 1000, SECONDS * 1000)),
    ]
    for number, (role, text) in enumerate([("user", HELLO), ("assistant", ANSWER)], 1):
        message = {"role": role, "time": {"created": SECONDS * 1000}}
        part = {"type": "text", "text": text}
        at = SECONDS * 1000
        rows += [
            ("message", (f"msg_{number}", "ses_1", at, at, json.dumps(message))),
            ("part", (f"prt_{number}", f"msg_{number}", "ses_1", at, at, json.dumps(part))),
        ]
    database(
        path,
        "session (id, parent_id, directory, title, time_created, time_updated)",
        "message (id, session_id, time_created, time_updated, data)",
        "part (id, message_id, session_id, time_created, time_updated, data)",
        rows=rows,
    )


def llm(path: Path) -> None:
    database(
        path,
        "conversations (id TEXT PRIMARY KEY, name TEXT, model TEXT)",
        (
            "responses (id TEXT PRIMARY KEY, model TEXT, prompt TEXT, response TEXT, "
            "conversation_id TEXT, datetime_utc TEXT)"
        ),
        rows=[
            ("conversations", ("c12", "Tea", "gpt")),
            ("responses", ("r1", "gpt", HELLO, ANSWER, "c12", TIME)),
        ],
    )


def agents_sdk(path: Path) -> None:
    items = [{"role": "user", "content": HELLO}, {"role": "assistant", "content": ANSWER}]
    database(
        path,
        "agent_sessions (session_id TEXT PRIMARY KEY, created_at, updated_at)",
        "agent_messages (id INTEGER PRIMARY KEY, session_id TEXT, message_data TEXT, created_at)",
        rows=[
            ("agent_sessions", ("s13", "2026-01-02 03:04:05", "2026-01-02 03:04:05")),
            *(
                ("agent_messages", (number, "s13", json.dumps(item), "2026-01-02 03:04:05"))
                for number, item in enumerate(items, 1)
            ),
        ],
    )


def write_history(folder: Path) -> None:
    """Write a file of each format, as users have them."""
    folder.mkdir()
    inner = zipped({"conversations-000.json": document([chatgpt()]), "chat.html": b"<html>"})
    (folder / "chatgpt.zip").write_bytes(zipped({"export/inner.zip": inner}))
    (folder / "claude.zip").write_bytes(zipped({"conversations.json": document([claude_ai()])}))
    (folder / "slack.zip").write_bytes(zipped(slack()))
    (folder / "s3.jsonl").write_bytes(claude_code())
    (folder / "rollout-s4.jsonl.zst").write_bytes(zstandard.compress(codex()))
    (folder / "session-s5.json").write_bytes(document(gemini_cli()))
    (folder / "librechat.json").write_bytes(document(librechat()))
    (folder / "open-webui.json").write_bytes(document([open_webui()]))
    (folder / "vscode.json").write_bytes(document(vscode()))
    (folder / "sharegpt.json").write_bytes(document([sharegpt()]))
    (folder / "tuning.jsonl").write_bytes(lines(fine_tuning()))
    (folder / "MyActivity.json").write_bytes(document([takeout()]))
    cursor(folder / "state.vscdb")
    opencode(folder / "opencode.db")
    llm(folder / "logs.db")
    agents_sdk(folder / "agents.db")


def test_every_format_is_imported_and_again_without_a_change(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'store.db'}"
    write_history(tmp_path / "history")

    def imported() -> dict[str, list[str]]:
        """Import the folder, and return the cells of the table by source."""
        result = backscroll(store, "import", str(tmp_path / "history"))
        assert result.exit_code == 0, result.stderr
        rows = [line.split() for line in result.stdout.splitlines()[1:-1]]
        return {source: cells for source, *cells in rows}

    assert imported() == {source: ["1", "1", "0", "0", "0", "0"] for source in MODULES}
    exported = backscroll(store, "export").stdout
    found = read_lines(exported)
    assert {each["metadata"]["source"] for each in found} == set(MODULES)
    for each in found:
        texts = [part["text"] for item in each["items"] for part in item["content"]]
        assert [text.removeprefix("ann: ") for text in texts] == [HELLO, ANSWER], each
    assert imported() == {source: ["1", "0", "0", "1", "0", "0"] for source in MODULES}
    assert backscroll(store, "export").stdout == exported


def test_a_later_export_adds_what_is_new(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'store.db'}"
    for later, expected in (
        ([], ["1", "1", "0", "0", "0", "0"]),
        (["And you?", "Bye"], ["1", "0", "1", "0", "0", "0"]),
        (["And you?", "Goodbye"], ["1", "0", "1", "0", "0", "0"]),
    ):
        (tmp_path / "conversations.json").write_bytes(document([chatgpt(*later)]))
        result = backscroll(store, "import", str(tmp_path / "conversations.json"))
        assert result.stdout.splitlines()[1].split() == ["chatgpt", *expected]

    (found,) = read_lines(backscroll(store, "export").stdout)
    texts = [part["text"] for item in found["items"] for part in item["content"]]
    assert texts == [HELLO, ANSWER, "And you?", "Goodbye"]


def test_what_a_fork_copied_is_stored_once(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'store.db'}"
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "a.jsonl").write_bytes(claude_code("parent"))
    (logs / "b.jsonl").write_bytes(claude_code("fork", "And you?"))
    (logs / "c.jsonl").write_bytes(claude_code("copy"))

    for expected in (["3", "2", "0", "1", "0", "0"], ["3", "0", "0", "3", "0", "0"]):
        result = backscroll(store, "import", str(logs))
        assert result.stdout.splitlines()[1].split() == ["claude-code", *expected]

    found = {
        each["metadata"]["source_id"]: [
            part["text"] for item in each["items"] for part in item["content"]
        ]
        for each in read_lines(backscroll(store, "export").stdout)
    }
    assert found == {"parent": [HELLO, ANSWER], "fork": ["And you?"]}
