"""Secrets in Backscroll's own formats are replaced if the user asks for it, and counted."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.server.command_line import backscroll, read_lines

SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
PASSWORD = "Earl-Grey-4711"
TEXT = f"deploy with {SECRET}"
CALL = {
    "type": "function_call",
    "call_id": "call_1",
    "name": "login",
    "arguments": json.dumps({"user": "ada", "password": PASSWORD}),
}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": f"PASSWORD={PASSWORD}"}
THREAD: dict[str, Any] = {
    "object": "thread",
    "id": "thread_1",
    "created_at": 5,
    "title": TEXT,
    "metadata": {"api_key": "k7Qx2mVw9Lr4Tz8B"},
    "messages": [
        {"role": "user", "content": TEXT, "id": "msg_1", "metadata": {"note": TEXT}},
        {"role": "assistant", "content": [{"type": "text", "text": TEXT}]},
    ],
}
CONVERSATION = {
    "object": "conversation",
    "id": "conv_1",
    "created_at": 5,
    "metadata": {"title": TEXT},
    "items": [{"type": "message", "role": "user", "content": TEXT}, CALL, OUTPUT],
}
COMPLETION = {
    "object": "chat.completion",
    "id": "chatcmpl-1",
    "created": 5,
    "model": "gpt",
    "metadata": {"title": TEXT},
    "messages": [{"role": "user", "content": TEXT}],
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "login", "arguments": CALL["arguments"]},
                    }
                ],
            },
        }
    ],
}
RESPONSE = {
    "object": "response",
    "id": "resp_1",
    "created_at": 5,
    "model": "gpt",
    "instructions": TEXT,
    "metadata": {"title": TEXT},
    "input_items": [{"type": "message", "role": "user", "content": TEXT}, OUTPUT],
    "output": [CALL],
}


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'x.db'}"


def imported(database: str, path: Path, *flags: str) -> list[str]:
    result = backscroll(database, "import", str(path), *flags)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.splitlines()


def test_secrets_of_every_kind_of_line_are_replaced_on_request(
    database: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.jsonl"
    lines = [THREAD, CONVERSATION, COMPLETION, RESPONSE]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    assert imported(database, path, "--redact") == [
        "4 imported, 0 already there, 0 refused",
        "17 secrets replaced: github token (11), password (5), key (1)",
    ]
    assert imported(database, path, "--redact") == ["0 imported, 4 already there, 0 refused"]
    exported = backscroll(database, "export").stdout
    assert SECRET not in exported
    assert PASSWORD not in exported
    thread, conversation, completion, response = read_lines(exported)
    redacted = "deploy with [redacted: github token]"
    arguments = '{"user": "ada", "password": "[redacted: password]"}'
    assert thread["metadata"] == {"api_key": "[redacted: key]", "title": redacted}
    assert thread["messages"][0]["metadata"] == {"note": redacted}
    assert [message["content"] for message in thread["messages"]] == [redacted, redacted]
    assert conversation["items"][1]["arguments"] == arguments
    assert conversation["items"][2]["output"] == "PASSWORD=[redacted: password]"
    assert completion["messages"][0]["content"] == redacted
    [call] = completion["choices"][0]["message"]["tool_calls"]
    assert call["function"] == {"name": "login", "arguments": arguments}
    assert response["instructions"] == redacted
    assert response["output"][0]["arguments"] == arguments


def test_only_the_secrets_of_new_and_changed_messages_are_counted(
    database: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(THREAD))
    imported(database, path, "--redact")
    more = [*THREAD["messages"], {"role": "user", "content": TEXT, "id": "msg_3"}]
    path.write_text(json.dumps({**THREAD, "messages": more}))

    assert imported(database, path, "--redact") == [
        "0 imported, 1 updated, 0 already there, 0 refused",
        "1 secret replaced: github token (1)",
    ]


def test_a_line_with_unknown_fields_is_redacted_too(database: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"messages": [{"role": "user", "content": TEXT, "weight": 1}]}))

    result = backscroll(database, "import", str(path), "--format", "jsonl", "--redact")

    assert result.stdout.splitlines()[-1] == "1 secret replaced: github token (1)"
    assert SECRET not in backscroll(database, "export").stdout


def test_secrets_of_a_chitchat_dataset_are_replaced_on_request(
    database: str, tmp_path: Path
) -> None:
    said = {"text": TEXT, "timestamp": "2018-12-20T22:21:39.000Z", "sender": "a"}
    dataset = {"0" * 36: {"messages": [[said]], "start": said["timestamp"], "prompt": TEXT}}
    path = tmp_path / "dataset.json"
    path.write_text(json.dumps(dataset))

    assert imported(database, path, "--format", "chitchat", "--redact") == [
        "1 imported, 0 already there, 0 refused",
        "2 secrets replaced: github token (2)",
    ]
    assert SECRET not in backscroll(database, "export").stdout


@pytest.mark.parametrize("flags", [(), ("--no-redact",)])
def test_what_backscroll_exported_is_imported_unchanged_by_default(
    database: str, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(CONVERSATION))

    assert imported(database, path, *flags) == ["1 imported, 0 already there, 0 refused"]
    [conversation] = read_lines(backscroll(database, "export").stdout)
    assert conversation["items"][0]["content"][0]["text"] == TEXT
    assert conversation["items"][2]["output"] == OUTPUT["output"]
