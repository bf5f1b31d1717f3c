"""The export of Claude.ai, as its versions of 2024 to 2026 are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backscroll.history.conversation import (
    SourceConversation,
    Unreadable,
    WithoutContent,
)
from backscroll.history.formats.claude_ai import FORMAT
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

ROOT = "00000000-0000-4000-8000-000000000000"
NOON = "2026-01-15T12:00:00.250000Z"
NOON_S = 1768478400


def message(key: str, sender: str, *content: str | JSON, **fields: object) -> JSON:
    """Return a message. A text in its content is a block of text."""
    blocks = [{"type": "text", "text": part} if isinstance(part, str) else part for part in content]
    text = "\n".join(part for part in content if isinstance(part, str))
    return {
        "uuid": key,
        "sender": sender,
        "text": text,
        "content": blocks,
        "created_at": NOON,
        "attachments": [],
        "files": [],
        **fields,
    }


def chat(*messages: JSON, **fields: object) -> JSON:
    return {"uuid": "c1", "name": "", "chat_messages": list(messages), **fields}


def test_a_conversation_keeps_its_facts_and_the_ids_and_times_of_its_messages() -> None:
    found = chat(
        message("m1", "human", "Oolong?", parent_message_uuid=ROOT),
        message("m2", "assistant", "3 min.", parent_message_uuid="m1"),
        name="Tea",
        created_at="2026-01-15T13:59:59+02:00",
        updated_at="2026-01-15T12:01:00.123456789Z",
        account={"uuid": "a1"},
    )

    assert read_all(FORMAT, [found]) == [
        tea(
            "claude-ai",
            {"m1": NOON_S, "m2": NOON_S},
            created_at=NOON_S - 1,
            updated_at=NOON_S + 60,
        )
    ]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param([chat(message("m", "human", "Tea"))], id="an array"),
        pytest.param({"conversations": [chat(message("m", "human", "Tea"))]}, id="a field"),
        pytest.param(chat(message("m", "human", "Tea")), id="a single conversation"),
        pytest.param(
            {"messages": [{"role": "user", "content": {"contentBlocks": [{"text": "Tea"}]}}]},
            id="a design chat",
        ),
        pytest.param(
            {"messages": [{"role": "user", "contentBlocks": [{"text": "Tea"}]}]},
            id="a flat design chat",
        ),
    ],
)
def test_a_file_is_recognised_and_read_in_each_form(content: object) -> None:
    assert FORMAT.recognises(sample_of(content))
    assert lines_of(conversation_in(FORMAT, content).items) == ["user: Tea"]


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        [{"uuid": "u1", "full_name": "Ann", "email_address": "ann@example.com"}],
        [{"uuid": "p1", "name": "Project", "docs": []}],
        [{"conversations_memory": "Likes tea", "account_uuid": "a1"}],
        {"messages": [{"role": "user", "content": "Fine-tuning"}]},
        [{"mapping": {}}],
    ],
)
def test_another_file_is_not_recognised(content: object) -> None:
    assert not FORMAT.recognises(sample_of(content))


def test_the_branch_of_the_last_message_is_the_current_one() -> None:
    messages = [
        message("a", "human", "Green tea?", parent_message_uuid=ROOT),
        message("b", "assistant", "2 min.", parent_message_uuid="a"),
        message("a2", "human", "Oolong?", parent_message_uuid=ROOT),
        message("c", "human", "Sure?", parent_message_uuid="b"),
        message("b2", "assistant", "An hour.", parent_message_uuid="a2"),
        message("b3", "assistant", "3 min.", parent_message_uuid="a2"),
    ]

    assert lines_of(conversation_in(FORMAT, [chat(*messages)]).items) == [
        "user: Oolong?",
        "assistant: 3 min.",
    ]
    assert [
        (record.id, record.parent, record.branch, lines_of(record.items))
        for record in read_branches(FORMAT, [chat(*messages)])
        if isinstance(record, SourceConversation)
    ] == [
        ("c1", "", 0, ["user: Oolong?", "assistant: 3 min."]),
        ("c1/c", "c1", 1, ["user: Green tea?", "assistant: 2 min.", "user: Sure?"]),
        ("c1/b2", "c1", 2, ["user: Oolong?", "assistant: An hour."]),
    ]
    chosen = chat(*messages, current_leaf_message_uuid="c")
    assert [each.key for each in conversation_in(FORMAT, [chosen]).items] == ["a", "b", "c"]


def test_messages_without_parents_are_read_in_their_order() -> None:
    messages = [message("a", "human", "One"), message("b", "assistant", "Two")]
    unknown = message("c", "human", "Three", parent_message_uuid="deleted")

    assert lines_of(conversation_in(FORMAT, [chat(*messages, unknown)]).items) == [
        "user: One",
        "assistant: Two",
        "user: Three",
    ]


def test_a_message_that_is_listed_twice_is_read_once_as_it_is_last() -> None:
    found = chat(
        message("a", "human", "One"),
        message("a", "human", "One, edited"),
        message("b", "assistant", "Two"),
        message("b", "assistant", "Two"),
    )

    assert lines_of(conversation_in(FORMAT, [found]).items) == [
        "user: One, edited",
        "assistant: Two",
    ]


def test_messages_without_ids_keep_theirs_when_the_conversation_grows() -> None:
    messages = [{"sender": "human", "text": "Tea?"}, {"sender": "assistant", "text": "Tea."}]
    grown = [*messages, {"sender": "human", "text": "Tea?"}]

    before = conversation_in(FORMAT, [chat(*messages)]).items
    after = conversation_in(FORMAT, [chat(*grown)]).items

    assert lines_of(after) == ["user: Tea?", "assistant: Tea.", "user: Tea?"]
    assert after[:2] == before
    assert len({each.key for each in after}) == 3


def test_messages_in_a_circle_are_each_read_once() -> None:
    found = chat(
        message("a", "human", "One", parent_message_uuid="b"),
        message("b", "assistant", "Two", parent_message_uuid="a"),
    )

    assert lines_of(conversation_in(FORMAT, [found]).items) == ["user: One", "assistant: Two"]


def test_tool_calls_outputs_and_reasoning_are_items_of_their_kinds() -> None:
    found = chat(
        message(
            "m",
            "assistant",
            {"type": "thinking", "thinking": "Hm", "summaries": [{"summary": "Thought"}]},
            "Let me look.",
            "And look.",
            {"type": "tool_use", "id": "t1", "name": "search", "input": {"q": "tea"}},
            {"type": "tool_use", "name": "artifacts", "input": {"content": "# Tea"}},
            {
                "type": "tool_result",
                "tool_use_id": "t1",
                "name": "search",
                "content": [
                    {"type": "text", "text": "Oolong"},
                    {"type": "link", "url": "t.example"},
                ],
            },
            {"type": "tool_result", "name": "artifacts", "content": "OK"},
            {"type": "token_budget", "remaining": "9"},
            "3 min.",
        )
    )

    assert [(each.key, each.item) for each in conversation_in(FORMAT, [found]).items] == [
        ("m", reasoning("Hm", "Thought")),
        (
            "m/1",
            {
                "type": "message",
                "role": "assistant",
                "content": [
                    {"type": "output_text", "text": "Let me look."},
                    {"type": "output_text", "text": "And look."},
                ],
            },
        ),
        ("m/3", function_call("t1", "search", '{"q":"tea"}')),
        ("m/4", function_call("m/4", "artifacts", '{"content":"# Tea"}')),
        (
            "m/5",
            {"type": "function_call_output", "call_id": "t1", "output": "Oolong\nt.example"},
        ),
        ("m/6", {"type": "function_call_output", "call_id": "m/4", "output": "OK"}),
        ("m/8", {"type": "message", "role": "assistant", "content": "3 min."}),
    ]


STUB = "```\nThis block is not supported on your current device yet.\n```"


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        pytest.param(
            message("m", "human", "Spoken", text="Other"), ["user: Spoken"], id="blocks first"
        ),
        pytest.param(
            {"sender": "human", "text": "Tea?"}, ["user: Tea?"], id="no blocks, as in 2024"
        ),
        pytest.param(message("m", "human", "", text="Tea?"), ["user: Tea?"], id="an empty block"),
        pytest.param(
            message("m", "assistant", {"type": "voice_note", "text": "Spoken"}, text=STUB),
            ["assistant: Spoken"],
            id="a voice note",
        ),
        pytest.param(
            message("m", "assistant", {"type": "tool_use", "name": "t", "input": {}}, text=STUB),
            ["call t {}"],
            id="a stub",
        ),
        pytest.param(
            message("m", "assistant", {"type": "tool_use", "name": "t"}, text=f"Done. {STUB}"),
            ["call t {}", "assistant: Done. "],
            id="a text beside a stub",
        ),
        pytest.param(
            message("m", "human", "Tea?", {"type": "injected_prompt_block", "prompt": "Date"}),
            ["user: Tea?"],
            id="what Claude.ai adds",
        ),
        pytest.param(
            message("m", "assistant", {"type": "poem", "id": "p1", "verses": [["Tea"], "Sea"]}),
            ["assistant: Tea | Sea"],
            id="an unknown block",
        ),
        pytest.param(
            message("m", "human", {"type": "image", "file_name": "a.png"}, "What is it?"),
            ["user: <a.png> | What is it?"],
            id="an image",
        ),
        pytest.param(message("m", "moderator", "Hm"), ["unknown: Hm"], id="an unknown sender"),
    ],
)
def test_each_kind_of_message_keeps_its_text(found: JSON, lines: list[str]) -> None:
    assert lines_of(conversation_in(FORMAT, [chat(found)]).items) == lines


def test_attachments_are_named_and_their_text_is_kept() -> None:
    found = chat(
        message(
            "m1",
            "human",
            "",
            attachments=[
                {"file_name": "n.md", "extracted_content": "# Notes"},
                {"file_name": "", "extracted_content": "A long paste"},
            ],
            files=[{"file_name": "a.png"}, {"file_uuid": "f1"}, {}],
        ),
        message(
            "m2",
            "assistant",
            {"type": "tool_use", "name": "t", "input": {}},
            files=[{"file_name": "b.png"}],
        ),
    )

    assert [(each.key, each.item) for each in conversation_in(FORMAT, [found]).items] == [
        (
            "m1",
            {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_file", "filename": "n.md"},
                    {"type": "input_text", "text": "# Notes"},
                    {"type": "input_text", "text": "A long paste"},
                    {"type": "input_file", "filename": "a.png"},
                    {"type": "input_file", "filename": "f1"},
                ],
            },
        ),
        ("m2", function_call("m2", "t", "{}")),
        (
            "m2/end",
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "input_file", "filename": "b.png"}],
            },
        ),
    ]


def test_the_sources_of_an_answer_follow_it() -> None:
    def citation(url: str, **fields: str) -> JSON:
        return {"start_index": 0, "end_index": 3, "details": {"url": url}, **fields}

    block = {
        "type": "text",
        "text": "3 min, says https://s.example.",
        "citations": [
            citation("https://t.example", title="Tea"),
            citation("https://t.example", title="Tea again"),
            citation("https://s.example"),
            citation("https://u.example"),
        ],
    }

    assert lines_of(conversation_in(FORMAT, [chat(message("m", "assistant", block))]).items) == [
        (
            "assistant: 3 min, says https://s.example.\n"
            "[Tea](https://t.example)\n"
            "[https://u.example](https://u.example)"
        )
    ]


def test_a_design_chat_is_a_file_of_its_own() -> None:
    found = {
        "uuid": "d1",
        "title": "Poster",
        "project": {"uuid": "p1", "name": "Tea shop"},
        "created_at": NOON,
        "messages": [
            {
                "uuid": "m1",
                "role": "user",
                "content": {
                    "content": "A poster",
                    "attachments": [{"name": "logo.svg", "content": "<svg/>"}],
                    "timestamp": "2026-01-15T12:00:05Z",
                },
            },
            {
                "uuid": "m2",
                "role": "assistant",
                "created_at": "2026-01-15T12:00:09Z",
                "content": {
                    "contentBlocks": [
                        {"type": "thinking", "text": "Hm"},
                        {"type": "text", "text": "Here:"},
                        {
                            "type": "tool_call",
                            "toolCall": {"name": "write", "input": {"f": 1}, "result": "OK"},
                        },
                        {"type": "user_interjection", "message": {"content": "Bigger!"}},
                        {"type": "error", "message": "Lost"},
                    ]
                },
            },
        ],
    }

    read = conversation_in(FORMAT, found)

    assert (read.id, read.title, read.project, read.created_at, read.updated_at) == (
        "d1",
        "Poster",
        "Tea shop",
        NOON_S,
        NOON_S + 9,
    )
    assert [(each.key, each.created_at) for each in read.items] == [
        ("m1", NOON_S + 5),
        ("m2", NOON_S + 9),
        ("m2/1", NOON_S + 9),
        ("m2/2", NOON_S + 9),
        ("m2/2/result", NOON_S + 9),
        ("m2/3", NOON_S + 9),
        ("m2/4", NOON_S + 9),
    ]
    assert lines_of(read.items) == [
        "user: A poster | <logo.svg> | <svg/>",
        "reasoning Hm",
        "assistant: Here:",
        'call write {"f":1}',
        "output OK",
        "user: Bigger!",
        "assistant: Lost",
    ]


def test_one_bad_conversation_does_not_lose_the_others() -> None:
    content = [chat(), 7, chat(message("m", "human", "Tea")), chat(message("m", "human", " "))]

    first, second, third, fourth = read_all(FORMAT, content)

    assert first == WithoutContent(
        "conversation 1",
        "has no messages in this export: if Claude shows some, request a new export",
    )
    assert isinstance(second, Unreadable)
    assert second.position == "conversation 2"
    assert isinstance(third, SourceConversation)
    assert fourth == Unreadable(
        "conversation 4", "has only empty or hidden messages: there is nothing to import"
    )


def test_a_conversation_without_an_id_keeps_the_same_one() -> None:
    found = chat(message("m", "human", "Tea"), uuid=None, created_at=NOON)
    renamed = {**found, "name": "Renamed"}

    assert conversation_in(FORMAT, [found]).id == conversation_in(FORMAT, [renamed]).id
    assert unreadable_in(FORMAT, {"uuid": "c1", "chat_messages": []}).position == "the file"


@settings(max_examples=40)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=20))
def test_a_tree_is_read_as_its_current_branch_and_no_message_is_lost_or_repeated(
    drawn: list[int],
) -> None:
    parents = [parent % (n + 1) for n, parent in enumerate(drawn)]
    messages = [
        message(str(n), "human", "Tea", parent_message_uuid=ROOT if parent == n else str(parent))
        for n, parent in enumerate(parents)
    ]
    line = [len(parents) - 1]
    while parents[line[0]] != line[0]:
        line.insert(0, parents[line[0]])

    read = conversation_in(FORMAT, [chat(*messages)])
    branches = [
        record
        for record in read_branches(FORMAT, [chat(*messages)])
        if isinstance(record, SourceConversation)
    ]

    assert [each.key for each in read.items] == list(map(str, line))
    assert branches[0] == read
    assert len({record.id for record in branches}) == len(branches)
    assert {each.key for record in branches for each in record.items} == {
        each["uuid"] for each in messages
    }
