"""Chats of VS Code: whole files, logs of changes, and Copilot's own transcripts."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from backscroll.history.conversation import NotNow, ReadElsewhere, SourceConversation, Unreadable
from backscroll.history.files.sample import Sample, SampleKind
from backscroll.history.formats.vscode_copilot import FORMAT
from tests.history.formats.json_values import json_values
from tests.history.formats.sources import (
    conversations,
    in_archive,
    json_lines,
    keys,
    on_disk,
    said,
    times,
)

FIRST: dict[str, Any] = {
    "requestId": "r1",
    "message": {"text": "Fix the retry", "parts": [{"text": "Fix the retry", "kind": "text"}]},
    "timestamp": 1763727101000,
    "modelId": "copilot/gpt-5",
    "response": [
        {"kind": "mcpServersStarting", "didStartServerIds": []},
        {"kind": "thinking", "value": "It sleeps too long.", "id": "th1"},
        {"value": "Look at "},
        {"kind": "inlineReference", "inlineReference": {"path": "/w/retry.py", "scheme": "file"}},
        {"value": " first.", "supportThemeIcons": False},
        {
            "kind": "toolInvocationSerialized",
            "toolId": "copilot_readFile",
            "toolCallId": "call_1",
            "invocationMessage": {"value": "Reading retry.py"},
            "pastTenseMessage": {"value": "Read retry.py"},
            "isComplete": True,
        },
        {
            "kind": "toolInvocationSerialized",
            "toolId": "run_in_terminal",
            "toolCallId": "call_2",
            "invocationMessage": "Running",
            "toolSpecificData": {
                "kind": "terminal",
                "commandLine": {"original": "pytest"},
                "terminalCommandOutput": {"text": "1 passed"},
            },
        },
        {"kind": "undoStop", "id": "u1"},
        {"kind": "markdownContent", "content": {"value": "Done."}},
    ],
    "result": {
        "metadata": {
            "toolCallRounds": [
                {
                    "toolCalls": [
                        {
                            "id": "call_1__vscode-17",
                            "name": "read_file",
                            "arguments": '{"path":"retry.py"}',
                        }
                    ]
                }
            ],
            "toolCallResults": {"call_1__vscode-17": {"content": [{"value": "def retry(): ..."}]}},
        }
    },
}
SECOND: dict[str, Any] = {
    "requestId": "r2",
    "message": {"text": "Thanks"},
    "timestamp": 1763727200000,
    "response": [{"value": "You're welcome."}],
}
SESSION: dict[str, Any] = {
    "version": 3,
    "sessionId": "s1",
    "creationDate": 1763727100000,
    "lastMessageDate": 1763727400000,
    "responderUsername": "GitHub Copilot",
    "customTitle": "Retry",
    "requests": [FIRST, SECOND],
}
ITEMS = [
    ("user", "Fix the retry"),
    ("reasoning", "It sleeps too long."),
    ("assistant", "Look at `retry.py` first."),
    ("call", "call_1", "copilot_readFile", '{"path":"retry.py"}'),
    ("output", "call_1", "def retry(): ..."),
    ("call", "call_2", "run_in_terminal", '{"command":"pytest"}'),
    ("output", "call_2", "1 passed"),
    ("assistant", "Done."),
    ("user", "Thanks"),
    ("assistant", "You're welcome."),
]
TRANSCRIPT: list[Any] = [
    {
        "type": "session.start",
        "id": "e0",
        "timestamp": "2026-09-17T10:00:00.000Z",
        "data": {"sessionId": "s2", "startTime": "2026-09-17T10:00:00.000Z"},
    },
    {
        "type": "user.message",
        "id": "e1",
        "timestamp": "2026-09-17T10:00:01.000Z",
        "data": {"content": "List the files", "attachments": []},
    },
    {
        "type": "assistant.message",
        "id": "e2",
        "timestamp": "2026-09-17T10:00:02.000Z",
        "data": {
            "content": "I look.",
            "reasoningText": "Use a tool.",
            "toolRequests": [{"toolCallId": "t1", "name": "list_dir", "arguments": '{"path":"."}'}],
        },
    },
    {"type": "tool.execution_start", "id": "e3", "data": {"toolCallId": "t1", "toolName": "x"}},
    {
        "type": "assistant.message",
        "id": "e4",
        "timestamp": "2026-09-17T10:00:03.000Z",
        "data": {"content": "Inside the sub-agent.", "parentToolCallId": "t1"},
    },
    {
        "type": "tool.execution_complete",
        "id": "e5",
        "timestamp": "2026-09-17T10:00:04.000Z",
        "data": {"toolCallId": "t1", "success": True, "result": {"content": "a.py"}},
    },
]
ENTRIES: list[Any] = [
    {"kind": 1, "k": ["requests", 0, "message"], "v": {"text": "Changed"}},
    {"kind": 2, "k": ["requests", 0, "response"], "v": [{"value": "More"}], "i": 1},
    {"kind": 3, "k": ["requests", 0]},
]


def log(*entries: object) -> bytes:
    """Return a log of changes that begins with a session without requests."""
    start = {"kind": 0, "v": {**SESSION, "requests": []}}
    return json_lines(start, *entries)


def test_a_chat_becomes_messages_reasoning_calls_and_outputs() -> None:
    (chat,) = conversations(FORMAT.read(in_archive(json.dumps(SESSION, indent=2).encode())))

    assert said(chat) == ITEMS
    assert (chat.source, chat.id, chat.title, chat.model) == (
        "vscode-copilot", "s1", "Retry", "copilot/gpt-5",
    )  # fmt: skip
    assert (chat.created_at, chat.updated_at) == (1763727100, 1763727400)
    assert times(chat) == [1763727101] * 8 + [1763727200] * 2
    assert len(set(keys(chat))) == len(ITEMS)


def test_a_log_of_changes_is_read_to_the_same_chat_as_a_whole_file() -> None:
    started = {**FIRST, "response": [{"value": "Loo"}]}
    content = log(
        {"kind": 2, "k": ["requests"], "v": [started]},
        {"kind": 2, "k": ["requests", 0, "response"], "v": FIRST["response"], "i": 0},
        {"kind": 1, "k": ["customTitle"], "v": "Old title"},
        {"kind": 2, "k": ["requests"], "v": [SECOND, {**SECOND, "requestId": "r3"}]},
        {"kind": 2, "k": ["requests"], "i": 2},
        {"kind": 1, "k": ["customTitle"], "v": "Retry"},
        {"kind": 3, "k": ["inputState"]},
        {"kind": 1, "k": ["requests", 7, "modelId"], "v": "beyond the end"},
        {"kind": 9, "k": ["requests"], "v": []},
    )

    whole = conversations(FORMAT.read(in_archive(json.dumps(SESSION).encode())))

    assert conversations(FORMAT.read(in_archive(content))) == whole


def test_a_retry_that_cuts_the_log_replaces_the_later_requests() -> None:
    other = {**SECOND, "requestId": "r9", "message": {"text": "Try again"}}
    content = log(
        {"kind": 2, "k": ["requests"], "v": [FIRST, SECOND]},
        {"kind": 2, "k": ["requests"], "v": [other], "i": 0},
    )

    (chat,) = conversations(FORMAT.read(in_archive(content)))

    assert said(chat) == [("user", "Try again"), ("assistant", "You're welcome.")]


def test_a_grown_chat_keeps_the_keys_of_its_items() -> None:
    earlier = {**SESSION, "requests": [FIRST]}

    (before,) = conversations(FORMAT.read(in_archive(json.dumps(earlier).encode())))
    (after,) = conversations(FORMAT.read(in_archive(json.dumps(SESSION).encode())))

    assert keys(after)[: len(keys(before))] == keys(before)


def test_a_line_that_is_being_written_is_left_for_the_next_time() -> None:
    content = log({"kind": 2, "k": ["requests"], "v": [SECOND]})

    assert conversations(FORMAT.read(in_archive(content + b'{"kind": 2, "k": ["requ'))) == (
        conversations(FORMAT.read(in_archive(content)))
    )


@pytest.mark.parametrize("content", [b"", b'{"kind": 0, "v": {"vers', b'{"requests": ['])
def test_a_file_whose_start_is_being_written_is_refused_until_then(content: bytes) -> None:
    why = "is cut off: VS Code may be writing it now, so try again"
    assert list(FORMAT.read(in_archive(content))) == [NotNow("the file", why)]


def test_a_damaged_line_is_refused_and_the_others_are_read() -> None:
    content = (
        log().rstrip() + b'\n{"kind"}\n' + json_lines({"kind": 2, "k": ["requests"], "v": [SECOND]})
    )

    chat, refused = FORMAT.read(in_archive(content))

    assert said(chat) == [("user", "Thanks"), ("assistant", "You're welcome.")]
    assert isinstance(chat, SourceConversation)
    assert chat.is_partial
    assert isinstance(refused, Unreadable)
    assert (refused.position, refused.reason) == ("line 2", "is not valid JSON")


def test_bytes_of_a_log_that_are_not_utf_8_are_counted() -> None:
    changes = log({"kind": 2, "k": ["requests"], "v": [SECOND]}).replace(b"Thanks", b"Thank\xff")
    events = json_lines(*TRANSCRIPT).replace(b"Inside", b"Insid\xff")

    (chat,) = conversations(FORMAT.read(in_archive(changes)))
    main, agent = conversations(FORMAT.read(in_archive(events)))

    assert (chat.replaced, main.replaced, agent.replaced) == (1, 0, 1)


def test_requests_that_the_user_went_back_before_are_left_out() -> None:
    undone = {**SECOND, "shouldBeRemovedOnSend": {"requestId": "r2"}}
    hidden = {**SECOND, "isHidden": True}

    (chat,) = conversations(
        FORMAT.read(
            in_archive(json.dumps({**SESSION, "requests": [FIRST, undone, hidden]}).encode())
        )
    )

    assert said(chat) == ITEMS[:-2]


def test_an_older_chat_without_ids_or_times_is_read() -> None:
    old = {
        "requesterUsername": "ada",
        "requests": [{"message": "Hi", "response": [{"value": "Hello", "kind": "markdownContent"}]},
                     {"message": {"parts": [{"text": "Bye"}]}, "response": "Goodbye"}],
    }  # fmt: skip

    (chat,) = conversations(FORMAT.read(in_archive(json.dumps(old).encode(), "x/chat-7.json")))

    assert said(chat) == [
        ("user", "Hi"), ("assistant", "Hello"), ("user", "Bye"), ("assistant", "Goodbye"),
    ]  # fmt: skip
    assert chat.id == "chat-7"
    assert len(set(keys(chat))) == 4


def test_an_older_file_of_a_chat_is_left_to_the_log_that_replaced_it(tmp_path: Path) -> None:
    older = tmp_path / "s1.json"
    older.write_text(json.dumps(SESSION))
    assert len(conversations(FORMAT.read(on_disk(older)))) == 1

    (tmp_path / "s1.jsonl").write_bytes(log())
    assert len(conversations(FORMAT.read(on_disk(older)))) == 1

    newer = {"kind": 2, "k": ["requests"], "v": [FIRST, SECOND, SECOND]}
    (tmp_path / "s1.jsonl").write_bytes(log(newer))
    why = "is an older .json file of a chat, which is read from its newer .jsonl file instead"
    assert list(FORMAT.read(on_disk(older))) == [ReadElsewhere("s1", why)]
    assert len(conversations(FORMAT.read(on_disk(tmp_path / "s1.jsonl")))) == 1


def test_a_chat_without_requests_is_refused() -> None:
    assert list(FORMAT.read(in_archive(log()))) == [Unreadable("s1", "has no messages")]


@pytest.mark.parametrize(
    ("workspace", "project"),
    [
        ({"folder": "file:///home/ada/my%20app"}, "/home/ada/my app"),
        ({"folder": "file:///c%3A/Users/ada"}, "c:/Users/ada"),
        ({"workspace": "vscode-remote://ssh-remote%2Bbox/srv/app.code-workspace"},
         "/srv/app.code-workspace"),
        ({"folder": "file://[broken"}, ""),
        ({"folder": 7}, ""),
        ([], ""),
    ],
)  # fmt: skip
def test_the_project_is_the_folder_of_the_workspace(
    tmp_path: Path, workspace: object, project: str
) -> None:
    (tmp_path / "chatSessions").mkdir()
    (tmp_path / "workspace.json").write_text(json.dumps(workspace))
    path = tmp_path / "chatSessions" / "s1.json"
    path.write_text(json.dumps(SESSION))

    (chat,) = conversations(FORMAT.read(on_disk(path)))

    assert chat.project == project


def test_a_transcript_is_read_with_its_sub_agents_apart() -> None:
    chat, agent = conversations(FORMAT.read(in_archive(json_lines(*TRANSCRIPT))))

    assert said(chat) == [
        ("user", "List the files"),
        ("reasoning", "Use a tool."),
        ("assistant", "I look."),
        ("call", "t1", "list_dir", '{"path":"."}'),
        ("output", "t1", "a.py"),
    ]
    assert (chat.id, chat.created_at, chat.updated_at) == ("s2", 1789639200, 1789639204)
    assert keys(chat) == ["e1", "e2/reasoning", "e2", "t1/call", "t1/output"]
    assert (agent.id, agent.parent) == ("s2/t1", "s2")
    assert said(agent) == [("assistant", "Inside the sub-agent.")]


def test_a_transcript_of_a_chat_that_vs_code_keeps_too_is_read_from_there(tmp_path: Path) -> None:
    transcripts = tmp_path / "GitHub.copilot-chat" / "transcripts"
    transcripts.mkdir(parents=True)
    path = transcripts / "s2.jsonl"
    path.write_bytes(json_lines(*TRANSCRIPT))
    sessions = tmp_path / "chatSessions"
    sessions.mkdir()

    (sessions / "s2.jsonl").write_bytes(log())
    assert len(conversations(FORMAT.read(on_disk(path)))) == 2

    (sessions / "s2.json").write_text(json.dumps(SESSION))
    assert list(FORMAT.read(on_disk(path))) == [
        ReadElsewhere(
            "s2", "is a log of a chat that is also in chatSessions, from where it is read"
        )
    ]


@pytest.mark.parametrize(
    ("kind", "records", "expected"),
    [
        ("object", [SESSION], True),
        ("lines", [{"kind": 0, "v": SESSION}], True),
        ("object", [{"kind": 0, "v": SESSION}], True),
        ("lines", TRANSCRIPT, True),
        ("object", [{"requests": []}], False),
        ("lines", [{"kind": 1, "k": ["a"], "v": SESSION}], False),
        ("lines", [{"type": "user", "message": {}}], False),
        ("array", [SESSION], False),
        ("sqlite", [], False),
    ],
)
def test_a_chat_is_recognised_by_its_content(
    kind: SampleKind, records: list[Any], expected: bool
) -> None:
    assert FORMAT.recognises(Sample(kind, records)) is expected


@settings(max_examples=settings().max_examples // 4)
@given(json_values(SESSION, *ENTRIES))
def test_reading_never_fails(value: object) -> None:
    list(FORMAT.read(in_archive(json_lines(value))))
    added = {"kind": 2, "k": ["requests"], "v": [FIRST]}
    list(FORMAT.read(in_archive(log(added, value))))


@settings(max_examples=settings().max_examples // 4)
@given(json_values(*TRANSCRIPT))
def test_reading_a_transcript_never_fails(value: object) -> None:
    list(FORMAT.read(in_archive(json_lines(*TRANSCRIPT[:2], value, *TRANSCRIPT[3:]))))
