"""ShareGPT files: arrays and lines, tools, ids that repeat in other files, and damage."""

import json
from typing import Any

import pytest
from hypothesis import given, settings

from backscroll.history.conversation import SourceConversation, Unreadable
from backscroll.history.files.sample import Sample, SampleKind
from backscroll.history.formats.sharegpt import FORMAT
from tests.history.formats.json_values import json_values
from tests.history.formats.sources import conversations, in_archive, json_lines, keys, said

TEA: dict[str, Any] = {
    "id": "identity_0",
    "conversations": [
        {"from": "system", "value": "Be brief."},
        {"from": "human", "value": "Oolong?"},
        {"from": "gpt", "value": "3 min."},
    ],
}
TOOLS: dict[str, Any] = {
    "system": "Use tools.",
    "conversations": [
        {"from": "human", "value": "Weather?"},
        {"from": "function_call", "value": '{"name": "weather", "arguments": {"city": "Bern"}}'},
        {"from": "observation", "value": "Rain"},
        {"from": "gpt", "value": "Take an umbrella."},
    ],
}
TEA_ITEMS = [("system", "Be brief."), ("user", "Oolong?"), ("assistant", "3 min.")]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([TEA, TOOLS], indent=1).encode(),
        json_lines(TEA, TOOLS),
        b" \n\n" + json_lines(TEA, TOOLS),
        b"\xef\xbb\xbf" + json_lines(TEA, TOOLS),
    ],
)
def test_arrays_and_lines_are_read_to_the_same_conversations(content: bytes) -> None:
    tea, tools = conversations(FORMAT.read(in_archive(content)))

    assert said(tea) == TEA_ITEMS
    assert said(tools) == [
        ("system", "Use tools."),
        ("user", "Weather?"),
        ("call", "call_3", "weather", '{"city":"Bern"}'),
        ("output", "call_3", "Rain"),
        ("assistant", "Take an umbrella."),
    ]


def test_the_same_id_in_another_file_is_another_conversation() -> None:
    other = {"id": "identity_0", "conversations": [{"from": "human", "value": "Coffee?"}]}

    (first, second) = conversations(FORMAT.read(in_archive(json_lines(TEA, other))))

    assert first.id.startswith("identity_0-")
    assert first.id != second.id


def test_a_grown_conversation_keeps_its_id_and_keys() -> None:
    grown = {**TEA, "conversations": [*TEA["conversations"], {"from": "human", "value": "Ta!"}]}

    (before, after) = conversations(FORMAT.read(in_archive(json_lines(TEA, grown))))

    assert after.id == before.id
    assert keys(after)[:3] == keys(before)


def test_roles_and_contents_of_other_programs_are_read() -> None:
    line = {
        "conversation": [
            {"role": "user", "content": "Hi"},
            {"from": "bing", "value": [{"type": "text", "text": "Hello"}]},
            {"from": "narrator", "value": "They meet."},
            {"from": "tool_call", "value": "not JSON"},
            {"from": "gpt", "value": None},
        ],
        "model": "m1",
        "title": "Greeting",
    }

    (record,) = conversations(FORMAT.read(in_archive(json_lines(line))))

    assert said(record) == [
        ("user", "Hi"),
        ("assistant", "Hello"),
        ("unknown", "They meet."),
        ("call", "call_4", "unknown", '{"input":"not JSON"}'),
    ]
    assert (record.model, record.title) == ("m1", "Greeting")


def test_records_that_cannot_be_read_are_refused_alone() -> None:
    array = b'[{"conversations": []}, 7, ' + json.dumps(TEA).encode() + b', {"conv'

    empty, number, tea, rest = FORMAT.read(in_archive(array))

    assert empty == Unreadable("conversation 1", "has no messages")
    assert isinstance(number, Unreadable)
    assert number.position == "conversation 2"
    assert said(tea) == TEA_ITEMS
    assert isinstance(rest, Unreadable)
    assert rest.position == "conversation 4"


@pytest.mark.parametrize(
    ("kind", "records", "expected"),
    [
        ("array", [TEA], True),
        ("lines", [{"conversations": []}, TOOLS], True),
        ("object", [TEA], True),
        ("object", [{"conversations": [{"mapping": {}}]}], False),
        ("array", [{"conversations": "x"}], False),
        ("sqlite", [], False),
    ],
)
def test_only_conversations_with_from_and_value_are_recognised(
    kind: SampleKind, records: list[dict[str, Any]], expected: bool
) -> None:
    assert FORMAT.recognises(Sample(kind, records)) is expected


@settings(max_examples=settings().max_examples // 4)
@given(json_values(TEA, TOOLS))
def test_reading_never_fails_and_loses_no_record(value: object) -> None:
    records = list(FORMAT.read(in_archive(json.dumps([value, TEA]).encode())))

    assert len(records) == 2
    assert isinstance(records[1], SourceConversation)
