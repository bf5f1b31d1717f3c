"""No two of these formats recognise the same file, and none recognises files of other programs."""

from typing import Any

import pytest
from hypothesis import given, settings

from backscroll.history.files.sample import Sample, SampleKind
from backscroll.history.formats import (
    agents_sdk,
    cursor,
    fine_tuning,
    llm,
    opencode,
    sharegpt,
    slack,
    vscode_copilot,
)
from tests.history.formats import (
    test_cursor,
    test_fine_tuning,
    test_opencode,
    test_sharegpt,
    test_slack,
    test_vscode_copilot,
)
from tests.history.formats.json_values import json_values

FORMATS = tuple(
    module.FORMAT
    for module in (agents_sdk, cursor, fine_tuning, llm, opencode, sharegpt, slack, vscode_copilot)
)
CHAT = {"role": "user", "content": "Hi"}


def sample(kind: SampleKind, *records: Any) -> Sample:  # noqa: ANN401 - JSON
    """Return the sample of a file with these records."""
    return Sample(kind, records)


def database(*tables: str) -> Sample:
    """Return the sample of a database with these tables."""
    return Sample("sqlite", tables=frozenset(tables))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("agents-sdk", database("agent_sessions", "agent_messages")),
        ("cursor", database("ItemTable", "cursorDiskKV", "composerHeaders")),
        ("cursor", sample("lines", *test_cursor.TRANSCRIPT)),
        ("fine-tuning", sample("lines", test_fine_tuning.CHAT)),
        ("fine-tuning", sample("lines", test_fine_tuning.PAIR)),
        ("llm", database("conversations", "responses", "messages", "parts", "threads", "turns")),
        ("opencode", database("session", "message", "part", "project", "account")),
        ("opencode", sample("object", test_opencode.storage()["message/ses_1/msg_1.json"])),
        ("sharegpt", sample("array", test_sharegpt.TEA)),
        ("slack", sample("array", *test_slack.FIRST_DAY[:3])),
        ("vscode-copilot", sample("object", test_vscode_copilot.SESSION)),
        ("vscode-copilot", sample("lines", *test_vscode_copilot.TRANSCRIPT)),
        (
            "vscode-copilot",
            sample("lines", {"kind": 0, "v": {"sessionId": "s", "requests": []}}),
        ),
    ],
)
def test_a_file_has_one_format(name: str, found: Sample) -> None:
    assert [each.name for each in FORMATS if each.recognises(found)] == [name]


@pytest.mark.parametrize(
    "other",
    [
        sample("array", {"mapping": {}, "title": "Tea"}),
        sample("object", {"conversations": [{"mapping": {}}]}),
        sample("array", {"uuid": "c1", "chat_messages": [{"sender": "human", "text": "Hi"}]}),
        sample("lines", {"type": "user", "sessionId": "s", "message": CHAT, "uuid": "u1"}),
        sample("lines", {"type": "session_meta", "payload": {"id": "s"}}),
        sample("lines", {"sessionId": "s", "projectHash": "p"}, {"id": "1", "type": "user"}),
        sample("object", {"sessionId": "s", "projectHash": "p", "messages": [{"type": "user"}]}),
        sample("array", {"header": "Gemini Apps", "title": "Prompted", "time": "2026"}),
        sample("object", {"conversationId": "c", "messages": [{"messageId": "m", "text": "Hi"}]}),
        sample("array", {"id": "c", "chat": {"history": {"messages": {}}}}),
        sample("lines", {"messages": [CHAT]}),
        sample("lines", {"object": "thread", "id": "thread_1", "messages": [CHAT]}),
        sample("lines", {"object": "conversation", "items": [{"type": "message", **CHAT}]}),
        sample("lines", {"choices": [], "messages": [{**CHAT, "name": "ada"}], "tools": []}),
        sample("object", {"name": "a package", "version": "1.0.0"}),
        database("moz_places"),
        Sample("text", start=b"<html>"),
        Sample("other"),
    ],
)
def test_files_of_other_programs_are_not_recognised(other: Sample) -> None:
    assert [each.name for each in FORMATS if each.recognises(other)] == []


@settings(max_examples=settings().max_examples // 2)
@given(
    json_values(
        test_cursor.TRANSCRIPT[0],
        test_fine_tuning.CHAT,
        test_fine_tuning.PAIR,
        test_opencode.storage()["session/p/ses_1.json"],
        test_sharegpt.TEA,
        test_slack.FIRST_DAY[1],
        {"kind": 0, "v": {"requests": [], "sessionId": "s"}},
        *test_vscode_copilot.TRANSCRIPT[:2],
    ).filter(lambda value: isinstance(value, dict))
)
def test_recognising_never_fails(value: dict[str, Any]) -> None:
    for each in FORMATS:
        for kind in ("array", "object", "lines"):
            assert each.recognises(Sample(kind, [value])) in {True, False}
