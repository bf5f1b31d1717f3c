"""Fine-tuning files: chats with tools, preference pairs, and lines that cannot be read."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backscroll.history.conversation import SourceConversation, Unreadable
from backscroll.history.files.sample import Sample
from backscroll.history.formats.fine_tuning import FORMAT
from tests.history.formats.json_values import json_values
from tests.history.formats.sources import conversations, in_archive, json_lines, keys, said

CHAT: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Weather in Bern?"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city": "Bern"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "Rain, 9°"},
        {"role": "assistant", "content": "Take an umbrella.", "weight": 1},
    ],
    "tools": [{"type": "function", "function": {"name": "weather", "parameters": {}}}],
}
OLD_CHAT: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "function_call": {"name": "weather", "arguments": "{}"}},
        {"role": "function", "name": "weather", "content": "Sun"},
    ],
    "functions": [{"name": "weather"}],
}
PAIR: dict[str, Any] = {
    "input": {"messages": [{"role": "user", "content": "Tea?"}], "tools": []},
    "preferred_output": [{"role": "assistant", "content": "Oolong."}],
    "non_preferred_output": [{"role": "assistant", "content": "No."}],
}


def test_a_chat_with_tools_becomes_messages_calls_and_outputs() -> None:
    (record,) = conversations(FORMAT.read(in_archive(json_lines(CHAT))))

    assert said(record) == [
        ("system", "Be brief."),
        ("user", "Weather in Bern?"),
        ("call", "call_1", "weather", '{"city": "Bern"}'),
        ("output", "call_1", "Rain, 9°"),
        ("assistant", "Take an umbrella."),
    ]
    assert (record.source, record.metadata) == ("fine-tuning", {"tools": "weather"})


def test_an_output_of_the_older_form_belongs_to_the_call_before_it() -> None:
    (record,) = conversations(FORMAT.read(in_archive(json_lines(OLD_CHAT))))

    assert said(record) == [
        ("user", "Weather?"),
        ("call", "call_2", "weather", "{}"),
        ("output", "call_2", "Sun"),
    ]


def test_a_preference_pair_is_read_with_the_preferred_answer() -> None:
    (record,) = conversations(FORMAT.read(in_archive(json_lines(PAIR))))

    assert said(record) == [("user", "Tea?"), ("assistant", "Oolong.")]


def test_the_other_answer_of_a_pair_is_a_branch() -> None:
    assert FORMAT.read_branches is not None
    chosen, other = conversations(FORMAT.read_branches(in_archive(json_lines(PAIR))))

    assert said(other) == [("user", "Tea?"), ("assistant", "No.")]
    assert (chosen.branch, other.branch, other.parent) == (0, 1, chosen.id)
    assert other.id != chosen.id


def test_the_same_line_has_the_same_id_and_keys_in_another_file() -> None:
    (first, _) = conversations(FORMAT.read(in_archive(json_lines(CHAT, OLD_CHAT))))
    (_, second) = conversations(FORMAT.read(in_archive(json_lines(PAIR, CHAT))))

    assert first == second
    assert len(set(keys(first))) == 5


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("as_array", [True, False])
def test_one_document_is_read_like_lines(indent: int | None, as_array: bool) -> None:
    content = json.dumps([CHAT, PAIR] if as_array else CHAT, indent=indent).encode()

    records = conversations(FORMAT.read(in_archive(content)))

    lines = json_lines(CHAT, PAIR) if as_array else json_lines(CHAT)
    assert records == conversations(FORMAT.read(in_archive(lines)))


def test_lines_that_cannot_be_read_are_refused_alone() -> None:
    content = b'{"messages": [\n\n[1]\n{"messages": []}\n' + json_lines(OLD_CHAT) + b'{"mess'

    records = list(FORMAT.read(in_archive(content)))

    refused = [record for record in records if isinstance(record, Unreadable)]
    assert [(record.position, record.reason) for record in refused] == [
        ("line 1", "is not valid JSON"),
        ("line 3", "is not a JSON object"),
        ("line 4", "has no messages"),
        ("line 6", "is cut off, because the file ends in the middle of it: export it again"),
    ]
    assert len(records) == 5


def test_characters_that_no_database_stores_are_replaced_and_counted() -> None:
    line = rb'{"messages": [{"role": "user", "content": "a\u0000b\ud800c"}]}'

    (record,) = conversations(FORMAT.read(in_archive(line)))

    assert said(record) == [("user", "a\ufffdb\ufffdc")]
    assert record.replaced == 2


def test_contents_without_text_leave_a_word_for_what_they_are() -> None:
    parts = [
        "see",
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA"}},
        {"type": "file", "file": {"filename": "plan.pdf"}},
    ]
    line = {"messages": [{"role": "user", "content": parts}], "tools": []}

    (record,) = conversations(FORMAT.read(in_archive(json_lines(line))))

    assert said(record) == [("user", "see\n[image]\n[audio]\n[file: plan.pdf]")]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (CHAT, True),
        (OLD_CHAT, True),
        (PAIR, True),
        ({"messages": [{"role": "assistant", "content": None}]}, True),
        ({"messages": [{"role": "user", "content": "Backscroll's own form"}]}, False),
        ({"object": "thread", "messages": []}, False),
        ({"sessionId": "s", "messages": [{"type": "user", "content": "Hi"}]}, False),
        ({"tools": [], "messages": {}}, False),
        ({}, False),
    ],
)
def test_only_lines_that_have_fields_of_fine_tuning_are_recognised(
    record: dict[str, Any], expected: bool
) -> None:
    assert FORMAT.recognises(Sample("lines", [record])) is expected
    assert FORMAT.recognises(Sample("array", [record])) is expected
    assert FORMAT.recognises(Sample("sqlite")) is False


@settings(max_examples=settings().max_examples // 4)
@given(json_values(CHAT, OLD_CHAT, PAIR))
def test_reading_never_fails_and_loses_no_line(value: object) -> None:
    assert FORMAT.read_branches is not None
    records = list(FORMAT.read(in_archive(json_lines(CHAT, value))))

    assert len(records) == 2
    assert isinstance(records[0], SourceConversation)
    assert len(list(FORMAT.read_branches(in_archive(json_lines(CHAT, value))))) >= 2


@settings(max_examples=settings().max_examples // 4)
@given(st.binary(max_size=60))
def test_any_bytes_can_be_read(content: bytes) -> None:
    list(FORMAT.read(in_archive(content)))
