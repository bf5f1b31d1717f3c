"""Sessions of Gemini CLI: a JSON document in older versions, and a log of changes in newer ones."""

import json
from typing import Any

import pytest

from backscroll.history.conversation import SourceConversation, SourceItem, Unreadable
from backscroll.history.files.sample import Sample
from backscroll.history.formats.gemini_cli import FORMAT
from backscroll.history.formats.gemini_cli.reading import read as read_log

from . import session_logs
from .session_logs import SESSION, lines, log, one, refused
from .sources import keys, said

AT = 1_767_323_045
"""2026-01-02T03:04:05Z"""

META = {
    "sessionId": SESSION,
    "projectHash": "c0ffee",
    "startTime": "2026-01-02T03:04:00Z",
    "lastUpdated": "2026-01-02T03:04:00Z",
}


def message(identifier: str, kind: str, content: object, **other: object) -> dict[str, Any]:
    """Return a message."""
    return {
        "id": identifier,
        "timestamp": "2026-01-02T03:04:05.678Z",
        "type": kind,
        "content": content,
    } | other


USER = message("m1", "user", [{"text": "Which tea\nis this?"}])
CALL = {
    "id": "c1",
    "name": "read_file",
    "args": {"path": "/tin"},
    "result": [{"functionResponse": {"id": "c1", "response": {"output": "Lapsang"}}}],
}
ANSWER = message(
    "m2",
    "gemini",
    "I looked.",
    thoughts=[{"subject": "Smoke", "description": "It smells of it"}],
    toolCalls=[CALL],
    model="gemini-test",
)


def document(*messages: object, **fields: object) -> bytes:
    """Return a session as older versions write it."""
    return json.dumps(META | {"messages": messages} | fields, indent=2).encode()


def test_both_forms_of_a_session_become_the_same_conversation() -> None:
    expected = SourceConversation(
        source="gemini-cli",
        id=SESSION,
        items=(
            SourceItem(
                key="m1-text",
                item={"type": "message", "role": "user", "content": "Which tea\nis this?"},
                created_at=AT,
            ),
            SourceItem(
                key="m2-thought-0",
                item={
                    "type": "reasoning",
                    "summary": [],
                    "content": [{"type": "reasoning_text", "text": "Smoke: It smells of it"}],
                },
                created_at=AT,
            ),
            SourceItem(
                key="m2-text",
                item={"type": "message", "role": "assistant", "content": "I looked."},
                created_at=AT,
            ),
            SourceItem(
                key="m2-call-c1",
                item={
                    "type": "function_call",
                    "call_id": "c1",
                    "name": "read_file",
                    "arguments": '{"path":"/tin"}',
                },
                created_at=AT,
            ),
            SourceItem(
                key="m2-output-c1",
                item={"type": "function_call_output", "call_id": "c1", "output": "Lapsang"},
                created_at=AT,
            ),
        ),
        title="Which tea",
        created_at=AT - 5,
        updated_at=AT,
        model="gemini-test",
        metadata={"project_hash": "c0ffee"},
    )
    name = "tmp/tea/chats/session-2026-01-02T03-04-11111111"
    older = session_logs.read(FORMAT, log(document(USER, ANSWER), f"{name}.json"))
    newer = session_logs.read(FORMAT, log([META, USER, ANSWER], f"{name}.jsonl"))
    assert older == newer == [expected]


def test_a_message_is_replaced_by_a_later_one_with_its_id() -> None:
    first = message("m2", "gemini", "I lo")
    after = message("m3", "user", "Thanks")
    found = one(FORMAT, [META, USER, first, after, ANSWER])
    assert [what for _, what, *_ in said(found)] == [
        *("Which tea\nis this?", "Smoke: It smells of it", "I looked.", "c1", "c1", "Thanks")
    ]


def user(identifier: str) -> dict[str, Any]:
    """Return a prompt with its id as its text."""
    return message(identifier, "user", identifier)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([user("a"), user("b"), user("c"), {"$rewindTo": "b"}], ["a"]),
        ([user("a"), user("b"), {"$rewindTo": "b"}, user("c"), user("b")], ["a", "c", "b"]),
        ([user("a"), {"$rewindTo": "unknown"}, user("b")], ["b"]),
        ([user("a"), {"$set": {"messages": [user("b"), user("c")]}}, user("d")], ["b", "c", "d"]),
        ([user("a"), {"$set": {"messages": []}}, user("b")], ["b"]),
        ([user("a"), {"$set": {"lastUpdated": "2026-01-02T03:05:00Z"}}], ["a"]),
        ([user("a"), {"$set": {"messages": [user("b")]}}, {"$rewindTo": "b"}, user("c")], ["c"]),
    ],
)
def test_changes_of_the_session_are_followed(
    records: list[dict[str, Any]], expected: list[str]
) -> None:
    found = one(FORMAT, [META, *records])
    assert [text for _, text in said(found)] == expected
    (streamed,) = read_log(log([META, *records]), in_memory=0)
    assert isinstance(streamed, SourceConversation)
    assert tuple(streamed.items) == found.items


def test_fields_that_are_set_later_win() -> None:
    changes = {"summary": "About tea", "lastUpdated": "2026-01-02T03:09:05Z", "directories": ["/w"]}
    found = one(FORMAT, [META, USER, {"$set": changes}])
    assert (found.title, found.updated_at, found.project) == ("About tea", AT + 300, "/w")


@pytest.mark.parametrize(
    "notice",
    [
        message("n1", "info", "Update available"),
        message("n1", "error", "No network"),
        message("n1", "warning", "Careful"),
        message("n1", "user", "<session_context>\nToday is Friday\n</session_context>"),
        message("n1", "gemini", ""),
        message("n1", "gemini", None),
        {"id": "n1"},
    ],
)
def test_what_neither_the_user_nor_the_model_said_is_left_out(notice: dict[str, Any]) -> None:
    found = one(FORMAT, [META, notice, USER])
    assert (keys(found), found.title) == (["m1-text"], "Which tea")


def test_the_prompt_is_read_as_the_user_saw_it() -> None:
    row = message(
        "m1", "user", [{"text": "Sum up "}, {"text": "whole file"}], displayContent="Sum up"
    )
    assert said(one(FORMAT, [META, row])) == [("user", "Sum up")]


def test_older_roles_and_forms_of_results_are_read() -> None:
    def call(call_id: object, **fields: object) -> dict[str, Any]:
        return {"id": call_id, "name": "ls", "args": {}} | fields

    calls = [
        call("c1", result="plain"),
        call("c2", result=[{"functionResponse": {"response": {"error": "no such file"}}}]),
        call("c3", result=None, resultDisplay="shown"),
        call(None, result=[{"functionResponse": {"response": {"content": [1]}}}]),
        call("c5"),
    ]
    row = message("m2", "model", [{"text": "Here", "thought": False}, "it is"], toolCalls=calls)
    assert said(one(FORMAT, [META, row])) == [
        ("assistant", "Here\nit is"),
        ("call", "c1", "ls", "{}"),
        ("output", "c1", "plain"),
        ("call", "c2", "ls", "{}"),
        ("output", "c2", "no such file"),
        ("call", "c3", "ls", "{}"),
        ("output", "c3", "shown"),
        ("call", "call-3", "ls", "{}"),
        ("output", "call-3", '{"content":[1]}'),
        ("call", "c5", "ls", "{}"),
    ]


def test_images_are_replaced_by_their_type_and_size() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "iVBO" * 256}}
    file = {"fileData": {"fileUri": "https://example.com/tin.png"}}
    row = message("m1", "user", [{"text": "What?"}, image, file])
    shown = "What?\n[image/png, 768 bytes]\n[file: https://example.com/tin.png]"
    assert said(one(FORMAT, [META, row])) == [("user", shown)]


def test_a_sub_agent_belongs_to_the_session_whose_folder_it_is_in() -> None:
    meta = META | {"sessionId": "agent-7", "kind": "subagent"}
    (found,) = session_logs.read(
        FORMAT, log([meta, USER], f"tmp/tea/chats/{SESSION}/agent-7.jsonl")
    )
    assert isinstance(found, SourceConversation)
    assert (found.id, found.parent) == ("agent-7", SESSION)


def test_a_torn_last_line_is_left_for_the_next_time() -> None:
    content = lines([META, USER])
    assert one(FORMAT, content + lines([ANSWER])[:-9]) == one(FORMAT, content)


def test_what_cannot_be_read_is_named() -> None:
    whole = document(USER)
    assert session_logs.read(FORMAT, log(whole[:-9], "session-1.json")) == [
        Unreadable("the file", "is not a JSON object, and was left out")
    ]
    records = session_logs.read(FORMAT, log(lines([META]) + b"{]\n" + lines([USER])))
    assert refused(records) == [Unreadable("line 2", "is not a JSON object, and was left out")]
    assert said(records[-1]) == [("user", "Which tea\nis this?")]
    assert session_logs.read(FORMAT, log(b"", "session-1.json")) == []
    assert session_logs.read(FORMAT, log([META])) == []


@pytest.mark.parametrize(
    ("sample", "is_one"),
    [
        (Sample("lines", [META]), True),
        (Sample("object", [META | {"messages": []}]), True),
        (Sample("object", [META]), False),
        (Sample("lines", [{"type": "user", "sessionId": SESSION, "message": {}}]), False),
        (Sample("array", [META]), False),
    ],
)
def test_a_session_is_recognised_by_its_fields(sample: Sample, is_one: bool) -> None:
    assert FORMAT.recognises(sample) is is_one
