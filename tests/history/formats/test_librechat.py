"""A conversation that LibreChat exported, flat and nested."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backscroll.history.conversation import SourceConversation, Unreadable
from backscroll.history.formats.librechat import FORMAT
from backscroll.store.envelopes import JSON
from tests.history.formats.reading import (
    conversation_in,
    function_call,
    lines_of,
    read_all,
    read_branches,
    reasoning,
    sample_of,
    tea,
    unreadable_in,
)

ROOT = "00000000-0000-0000-0000-000000000000"
NOON = 1768478400


def message(key: str, parent: str, text: str, second: int | None = 0, **fields: object) -> JSON:
    """Return a message of a user, unless a field says otherwise."""
    time = {} if second is None else {"createdAt": f"2026-01-15T12:00:{second:02}.000Z"}
    return {
        "messageId": key,
        "parentMessageId": parent,
        "text": text,
        "isCreatedByUser": True,
        **time,
        **fields,
    }


def answer(key: str, parent: str, text: str, second: int | None = 0, **fields: object) -> JSON:
    return message(key, parent, text, second, isCreatedByUser=False, **fields)


def chat(*messages: JSON, **fields: object) -> JSON:
    return {"conversationId": "c1", "title": "Tea", "messages": list(messages), **fields}


def test_a_conversation_keeps_its_facts_and_the_ids_and_times_of_its_messages() -> None:
    found = chat(
        message("m1", ROOT, "Oolong?", 1, sender="User"),
        answer("m2", "m1", "3 min.", 2, sender="GPT", model="gpt-5"),
        endpoint="openAI",
        exportAt="12:00:00 GMT+0000",
        branches=True,
        recursive=False,
        options={"model": "gpt-4"},
    )

    assert FORMAT.recognises(sample_of(found))
    assert read_all(FORMAT, found) == [
        tea(
            "librechat",
            {"m1": NOON + 1, "m2": NOON + 2},
            created_at=NOON + 1,
            updated_at=NOON + 2,
            model="gpt-5",
            metadata={"endpoint": "openAI"},
        )
    ]


@pytest.mark.parametrize(
    "content",
    [[], {}, {"messages": [{"role": "user"}]}, {"conversationId": "c1"}, [{"mapping": {}}]],
)
def test_another_file_is_not_recognised(content: object) -> None:
    assert not FORMAT.recognises(sample_of(content))


def test_the_branch_of_the_newest_message_is_the_current_one() -> None:
    found = chat(
        answer("new", "m1", "3 min.", 9),
        answer("old", "m1", "An hour.", 2),
        message("m1", ROOT, "Oolong?", 1),
        message("m0", ROOT, "Green tea?", 0),
    )

    current, *abandoned = read_branches(FORMAT, found)

    assert [current] == read_all(FORMAT, found)
    assert [
        (record.id, record.parent, record.branch, lines_of(record.items))
        for record in (current, *abandoned)
        if isinstance(record, SourceConversation)
    ] == [
        ("c1", "", 0, ["user: Oolong?", "assistant: 3 min."]),
        ("c1/old", "c1", 1, ["user: Oolong?", "assistant: An hour."]),
        ("c1/m0", "c1", 2, ["user: Green tea?"]),
    ]


def test_nested_messages_are_children_of_the_message_around_them() -> None:
    leaf = answer("m3", "wrong", "3 min.", 9)
    other = answer("m2", "wrong", "An hour.", 2, children=[])
    tree = [message("m1", ROOT, "Oolong?", 1, children=[other, leaf])]
    found = {"conversationId": "c1", "recursive": True, "messagesTree": tree, "messages": []}

    assert FORMAT.recognises(sample_of(found))
    assert lines_of(conversation_in(FORMAT, found).items) == [
        "user: Oolong?",
        "assistant: 3 min.",
    ]
    assert lines_of(conversation_in(FORMAT, chat(*tree)).items) == [
        "user: Oolong?",
        "assistant: 3 min.",
    ]


def test_a_tree_that_is_deeper_than_the_stack_is_read() -> None:
    depth = 4_000
    text = "".join(
        f'{{"messageId":"m{n}","isCreatedByUser":true,"text":"Tea","children":['
        for n in range(depth)
    )
    found = f'{{"conversationId":"c1","messagesTree":[{text}{"]}" * depth}]}}'

    assert len(conversation_in(FORMAT, found).items) == depth


def test_messages_without_times_or_parents_are_read_in_their_order() -> None:
    messages = [
        {"text": "Oolong?", "sender": "User"},
        {"text": "3 min.", "sender": "Claude"},
        {"text": "Oolong?", "sender": "User"},
    ]

    read = conversation_in(FORMAT, chat(*messages))

    assert lines_of(read.items) == ["user: Oolong?", "assistant: 3 min.", "user: Oolong?"]
    assert (read.created_at, read.updated_at) == (None, None)
    assert conversation_in(FORMAT, chat(*messages[:2])).items == read.items[:2]


def test_the_parts_of_a_message_are_items_of_their_kinds() -> None:
    content = [
        {"type": "think", "think": "Hm"},
        {"type": "text", "text": {"value": "Let me look."}},
        {
            "type": "tool_call",
            "tool_call": {"id": "t1", "name": "search", "args": '{"q":"tea"}', "output": "Oolong"},
        },
        {"type": "tool_call", "tool_call": {"function": {"name": "run", "arguments": {"a": 1}}}},
        {"type": "text", "text": "3 min."},
        {"type": "error", "error": "Lost"},
        {"type": "poem", "id": "p1", "verses": ["Sea"]},
        "Bare",
    ]
    found = chat(
        message("m1", ROOT, "Look", 1, files=[{"filename": "a.png", "file_id": "f1"}, {}]),
        answer("m2", "m1", "", 2, content=content),
    )

    assert [(each.key, each.item) for each in conversation_in(FORMAT, found).items] == [
        (
            "m1",
            {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "Look"},
                    {"type": "input_file", "filename": "a.png"},
                ],
            },
        ),
        ("m2", reasoning("Hm")),
        ("m2/1", {"type": "message", "role": "assistant", "content": "Let me look."}),
        ("m2/2", function_call("t1", "search", '{"q":"tea"}')),
        ("m2/2/output", {"type": "function_call_output", "call_id": "t1", "output": "Oolong"}),
        ("m2/3", function_call("m2/3", "run", '{"a":1}')),
        (
            "m2/4",
            {
                "type": "message",
                "role": "assistant",
                "content": [
                    {"type": "output_text", "text": "3 min."},
                    {"type": "output_text", "text": "Lost"},
                    {"type": "output_text", "text": "Sea"},
                    {"type": "output_text", "text": "Bare"},
                ],
            },
        ),
    ]


def test_messages_in_a_circle_are_each_read_once() -> None:
    found = chat(message("a", "b", "One", 1), answer("b", "a", "Two", 2))

    assert lines_of(conversation_in(FORMAT, found).items) == ["user: One", "assistant: Two"]


def test_a_conversation_without_messages_is_not_readable() -> None:
    reason = "has no messages: export it from LibreChat again, as JSON"

    assert unreadable_in(FORMAT, chat()) == Unreadable("the file", reason)


@settings(max_examples=40)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=20))
def test_a_tree_is_read_as_its_newest_branch_and_no_message_is_lost_or_repeated(
    drawn: list[int],
) -> None:
    parents = [parent % (n + 1) for n, parent in enumerate(drawn)]
    messages = [
        message(str(n), ROOT if parent == n else str(parent), "Tea", n)
        for n, parent in enumerate(parents)
    ]
    line = [len(parents) - 1]
    while parents[line[0]] != line[0]:
        line.insert(0, parents[line[0]])

    branches = [
        record
        for record in read_branches(FORMAT, chat(*reversed(messages)))
        if isinstance(record, SourceConversation)
    ]

    assert [each.key for each in branches[0].items] == list(map(str, line))
    assert len({record.id for record in branches}) == len(branches)
    assert {each.key for record in branches for each in record.items} == {
        each["messageId"] for each in messages
    }
