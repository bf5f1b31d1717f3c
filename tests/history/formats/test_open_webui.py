"""The export of Open WebUI, with structured output and without."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backscroll.history.conversation import (
    SourceConversation,
    Unreadable,
    WithoutContent,
)
from backscroll.history.formats.open_webui import FORMAT
from backscroll.store.envelopes import JSON
from tests.history.formats.reading import (
    conversation_in,
    lines_of,
    read_all,
    read_branches,
    sample_of,
    tea,
)

NOON = 1768478400


def message(
    key: str, parent: str | None, role: str, content: object, second: int = 0, **fields: object
) -> JSON:
    return {
        "id": key,
        "parentId": parent,
        "role": role,
        "content": content,
        "timestamp": NOON + second,
        **fields,
    }


def chat(*messages: JSON, **history: object) -> JSON:
    by_id = {each["id"]: each for each in messages}
    current = messages[-1]["id"] if messages else None
    return {"id": "c1", "chat": {"history": {"messages": by_id, "currentId": current, **history}}}


def test_a_conversation_keeps_its_facts_and_the_ids_and_times_of_its_messages() -> None:
    found = chat(
        message("m1", None, "user", "Oolong?", 1),
        message("m2", "m1", "assistant", "3 min.", 2, model="llama3", modelName="Llama 3"),
    )
    found |= {"title": "Tea", "created_at": NOON, "updated_at": NOON + 3, "folder_id": "f1"}
    found["chat"]["timestamp"] = NOON * 1000

    assert FORMAT.recognises(sample_of([found]))
    assert read_all(FORMAT, [found]) == [
        tea(
            "open-webui",
            {"m1": NOON + 1, "m2": NOON + 2},
            created_at=NOON,
            updated_at=NOON + 3,
            model="llama3",
            metadata={"folder_id": "f1"},
        )
    ]


@pytest.mark.parametrize(
    "content", [[], {}, [{"chat": {}}], [{"chat": "text", "history": []}], [{"mapping": {}}]]
)
def test_another_file_is_not_recognised(content: object) -> None:
    assert not FORMAT.recognises(sample_of(content))


def test_the_export_of_one_chat_and_a_chat_without_fields_around_it_are_read() -> None:
    found = chat(message("m1", None, "user", "Tea?"))
    bare = {"title": "Tea", "timestamp": NOON * 1000, "models": ["llama3"], **found["chat"]}

    assert FORMAT.recognises(sample_of(found))
    assert lines_of(conversation_in(FORMAT, found).items) == ["user: Tea?"]
    assert FORMAT.recognises(sample_of(bare))
    read = conversation_in(FORMAT, bare)
    assert (read.title, read.created_at, read.model) == ("Tea", NOON, "llama3")
    assert lines_of(read.items) == ["user: Tea?"]


def test_the_current_branch_is_read_up_from_the_current_message() -> None:
    messages = [
        message("m1", None, "user", "Oolong?", 1),
        message("m2", "m1", "assistant", "3 min.", 2),
        message("m3", "m1", "assistant", "An hour.", 3),
    ]
    lines = ["user: Oolong?", "assistant: 3 min."]
    newest = ["user: Oolong?", "assistant: An hour."]

    chosen = chat(*messages, currentId="m2")
    assert lines_of(conversation_in(FORMAT, [chosen]).items) == lines
    for current in (None, "gone"):
        found = chat(*messages, currentId=current)
        assert lines_of(conversation_in(FORMAT, [found]).items) == newest
    assert [
        (record.id, record.branch, lines_of(record.items))
        for record in read_branches(FORMAT, [chosen])
        if isinstance(record, SourceConversation)
    ] == [("c1", 0, lines), ("c1/m3", 1, newest)]


def test_a_chat_of_2023_is_a_list_of_messages() -> None:
    messages = [
        {"role": "user", "content": "Tea?"},
        {"role": "assistant", "content": "Tea."},
        {"role": "user", "content": "Tea?"},
    ]
    found = {"id": "c1", "chat": {"title": "Tea", "messages": messages, "history": {}}}

    read = conversation_in(FORMAT, [found])

    assert lines_of(read.items) == ["user: Tea?", "assistant: Tea.", "user: Tea?"]
    found["chat"] = {"messages": messages[:2]}
    assert conversation_in(FORMAT, [found]).items == read.items[:2]


DETAILS = """\
<details type="reasoning" done="true" duration="7">
<summary>Thought for 7 seconds</summary>
&gt; Hm
> A &lt; B
</details>
Let me look.
<details type="tool_calls" done="true" id="t1" name="search" \
arguments="&quot;{\\&quot;q\\&quot;: \\&quot;tea\\&quot;}&quot;" result="&quot;Oolong&quot;">
<summary>Tool Executed</summary>
</details>
<details><summary>More</summary>Kept</details>
3 min.
<details type="code_interpreter" done="true" output="42"><summary>Ran</summary>
print(42)
</details>"""

LINES = [
    "reasoning Hm\nA < B",
    "assistant: Let me look.",
    'call search {"q": "tea"}',
    'output "Oolong"',
    "assistant: <details><summary>More</summary>Kept</details>\n3 min.",
    'call code_interpreter {"input":"print(42)"}',
    "output 42",
]


def test_details_in_the_content_are_items_of_their_kinds() -> None:
    found = chat(message("m1", None, "assistant", DETAILS))

    items = conversation_in(FORMAT, [found]).items

    assert lines_of(items) == LINES
    assert [each.key for each in items] == [
        "m1/1",
        "m1/2",
        "m1/3",
        "m1/3/output",
        "m1/4",
        "m1/5",
        "m1/5/output",
    ]


@pytest.mark.parametrize(
    "text",
    [
        '<details type="reasoning"><summary>Thought</summary> and on',
        "<details " * 100_000 + ">",
        "<details " + "x" * 300_000 + "></details>",
    ],
    ids=["one", "many", "with a long attribute"],
)
def test_an_element_without_an_end_or_a_type_is_text(text: str) -> None:

    found = chat(message("m1", None, "assistant", text))

    assert lines_of(conversation_in(FORMAT, [found]).items) == [f"assistant: {text}"]


def test_structured_output_is_read_and_not_its_repetition_in_the_content() -> None:
    output = [
        {
            "type": "reasoning",
            "id": "r1",
            "content": [{"type": "output_text", "text": "Hm"}],
            "summary": None,
        },
        {"type": "message", "content": [{"type": "output_text", "text": "Let me look."}]},
        {"type": "function_call", "call_id": "t1", "name": "search", "arguments": '{"q": "tea"}'},
        {
            "type": "function_call_output",
            "call_id": "t1",
            "output": [{"type": "input_text", "text": "Oolong"}],
        },
        {"type": "open_webui:code_interpreter", "id": "i1", "code": "print(42)", "output": "42"},
        {"type": "message", "content": [{"type": "output_text", "text": "3 min."}]},
    ]
    found = chat(message("m1", None, "assistant", DETAILS, output=output))

    items = conversation_in(FORMAT, [found]).items

    assert lines_of(items) == [
        "reasoning Hm",
        "assistant: Let me look.",
        'call search {"q": "tea"}',
        "output Oolong",
        'call code_interpreter {"code":"print(42)","output":"42"}',
        "assistant: 3 min.",
    ]
    assert [each.key for each in items] == ["m1", "m1/1", "m1/2", "m1/3", "m1/4", "m1/5"]


def test_the_content_is_read_if_the_output_has_no_message() -> None:
    output = [{"type": "reasoning", "content": [{"text": "Hm"}]}]
    found = chat(message("m1", None, "assistant", DETAILS, output=output))

    assert lines_of(conversation_in(FORMAT, [found]).items) == [
        "reasoning Hm",
        "assistant: Let me look.\n<details><summary>More</summary>Kept</details>\n3 min.",
    ]


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        (
            {"content": [{"type": "text", "text": "Tea"}, {"type": "new", "x": "Sea"}]},
            ["Tea | Sea"],
        ),
        ({"content": "", "error": {"content": "Model not found"}}, ["Model not found"]),
        ({"content": None, "error": True}, []),
        (
            {
                "content": "Look",
                "files": [
                    {"type": "file", "name": "a.md"},
                    {"file": {"filename": "b.md"}},
                    {"type": "image", "url": "data:image/png;base64,AAAA"},
                    {},
                ],
            },
            ["Look | <a.md> | <b.md> | <image>"],
        ),
    ],
)
def test_each_form_of_content_keeps_its_text(fields: JSON, lines: list[str]) -> None:
    found = chat(
        message("m0", None, "system", "Be brief."), message("m1", "m0", "tool", "") | fields
    )

    assert lines_of(conversation_in(FORMAT, [found]).items) == [
        "system: Be brief.",
        *(f"tool: {line}" for line in lines),
    ]


def test_one_bad_conversation_does_not_lose_the_others() -> None:
    content = [{"id": "c0", "chat": {}}, None, chat(message("m", None, "user", "Tea"))]

    first, second, third = read_all(FORMAT, content)

    assert first == WithoutContent(
        "conversation 1", "has no messages in this export: there is nothing to import"
    )
    assert isinstance(second, Unreadable)
    assert isinstance(third, SourceConversation)


@settings(max_examples=40)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=20), st.integers(0, 19))
def test_a_tree_is_read_as_its_current_branch_and_no_message_is_lost_or_repeated(
    drawn: list[int], current: int
) -> None:
    parents = [parent % (n + 1) for n, parent in enumerate(drawn)]
    current %= len(parents)
    messages = [
        message(str(n), None if parent == n else str(parent), "user", "Tea")
        for n, parent in enumerate(parents)
    ]
    line = [current]
    while parents[line[0]] != line[0]:
        line.insert(0, parents[line[0]])

    branches = [
        record
        for record in read_branches(FORMAT, [chat(*messages, currentId=str(current))])
        if isinstance(record, SourceConversation)
    ]

    assert [each.key for each in branches[0].items] == list(map(str, line))
    assert {each.key for record in branches for each in record.items} == {
        each["id"] for each in messages
    }
