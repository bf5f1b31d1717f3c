"""The export of ChatGPT, as its versions of 2023 to 2026 are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backscroll.history.conversation import (
    SourceConversation,
    SourceItem,
    Unreadable,
    WithoutContent,
)
from backscroll.history.formats.chatgpt import FORMAT
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

NOON = 1756000000


def node(
    key: str, parent: str | None, role: str = "", content: str | JSON = "", **fields: object
) -> JSON:
    """Return a node; without a role, one without a message."""
    if not role:
        return {"id": key, "parent": parent, "message": None}
    if isinstance(content, str):
        content = {"content_type": "text", "parts": [content]}
    author = {"role": role, "name": fields.pop("name", None), "metadata": {}}
    message = {"id": key, "author": author, "content": content, "recipient": "all", **fields}
    return {"id": key, "parent": parent, "message": message}


def chat(*nodes: JSON, **fields: object) -> JSON:
    mapping = {each["id"]: each for each in nodes}
    last = nodes[-1]["id"] if nodes else None
    return {"conversation_id": "c1", "mapping": mapping, "current_node": last, **fields}


def test_a_conversation_keeps_its_facts_and_the_ids_and_times_of_its_messages() -> None:
    found = chat(
        node("r", None),
        node("n1", "r", "user", "Oolong?", create_time=NOON + 0.75),
        node("n2", "n1", "assistant", "3 min.", metadata={"model_slug": "gpt-5"}),
        title="Tea",
        create_time=NOON - 5.5,
        update_time=NOON + 60.1,
        gizmo_id="g-tea",
        is_archived=False,
    )

    assert read_all(FORMAT, [found]) == [
        tea(
            "chatgpt",
            {"n1": NOON, "n2": NOON},
            created_at=NOON - 6,
            updated_at=NOON + 60,
            model="gpt-5",
            metadata={"gpt": "g-tea"},
        )
    ]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param([chat(node("n", None, "user", "Tea"))], id="an array"),
        pytest.param({"conversations": [chat(node("n", None, "user", "Tea"))]}, id="a field"),
        pytest.param(chat(node("n", None, "user", "Tea")), id="a single conversation"),
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
        [{"id": "s1", "conversation_id": "c1", "title": "Shared", "is_anonymous": True}],
        [{"uuid": "c1", "chat_messages": []}],
        [{"id": "f1", "conversation_id": "c1", "rating": "thumbs_up", "create_time": "2026"}],
        [{"id": "d1", "title": "DeepSeek", "inserted_at": "2026", "mapping": {"root": {}}}],
        {"mapping": "text"},
        {"conversations": [{"from": "human", "value": "Tea"}]},
    ],
)
def test_another_file_is_not_recognised(content: object) -> None:
    assert not FORMAT.recognises(sample_of(content))


def test_the_current_branch_is_read_up_from_the_current_node() -> None:
    nodes = [
        node("r", None),
        node("old", "r", "user", "Green tea?"),
        node("old answer", "old", "assistant", "2 min."),
        node("new", "r", "user", "Oolong?"),
        node("retried", "new", "assistant", "An hour."),
        node("answer", "new", "assistant", "3 min."),
    ]

    assert lines_of(conversation_in(FORMAT, [chat(*nodes)]).items) == [
        "user: Oolong?",
        "assistant: 3 min.",
    ]
    earlier = chat(*nodes, current_node="old answer")
    assert lines_of(conversation_in(FORMAT, [earlier]).items) == [
        "user: Green tea?",
        "assistant: 2 min.",
    ]


def test_abandoned_branches_are_conversations_of_their_own_on_request() -> None:
    found = chat(
        node("r", None),
        node("n1", "r", "user", "Oolong?", create_time=NOON),
        node("n2", "n1", "assistant", "An hour.", create_time=NOON + 1),
        node("hidden", "n1", "system", "Never shown"),
        node("n3", "n1", "assistant", "3 min.", create_time=NOON + 9),
        title="Tea",
        create_time=NOON,
        update_time=NOON + 10,
    )

    current, abandoned = read_branches(FORMAT, [found])

    assert [current] == read_all(FORMAT, [found])
    assert abandoned == SourceConversation(
        source="chatgpt",
        id="c1/n2",
        items=(
            SourceItem(
                key="n1",
                item={"type": "message", "role": "user", "content": "Oolong?"},
                created_at=NOON,
            ),
            SourceItem(
                key="n2",
                item={"type": "message", "role": "assistant", "content": "An hour."},
                created_at=NOON + 1,
            ),
        ),
        title="Tea",
        created_at=NOON,
        updated_at=NOON + 1,
        parent="c1",
        branch=1,
    )


@pytest.mark.parametrize("current", [None, "gone", "r"])
def test_without_a_usable_current_node_the_newest_branch_is_read(current: str | None) -> None:
    found = chat(
        node("r", None),
        node("n1", "r", "user", "Oolong?", create_time=NOON),
        node("new", "n1", "assistant", "3 min.", create_time=NOON + 9),
        node("old", "n1", "assistant", "An hour.", create_time=NOON + 1),
        current_node=current,
    )

    assert lines_of(conversation_in(FORMAT, [found]).items) == [
        "user: Oolong?",
        "assistant: 3 min.",
    ]


def test_messages_in_a_circle_are_each_read_once() -> None:
    found = chat(
        node("n1", "n3", "user", "One"),
        node("n2", "n1", "assistant", "Two"),
        node("n3", "n2", "user", "Three"),
        node("n4", "n4", "user", "Four"),
    )

    assert lines_of(conversation_in(FORMAT, [found | {"current_node": "n3"}]).items) == [
        "user: One",
        "assistant: Two",
        "user: Three",
    ]
    assert [
        lines_of(record.items)
        for record in read_branches(FORMAT, [found])
        if isinstance(record, SourceConversation)
    ] == [["user: Four"], ["user: One", "assistant: Two", "user: Three"]]


def test_parents_are_known_from_the_children_of_an_old_export() -> None:
    found = {
        "title": "Tea",
        "create_time": NOON,
        "current_node": "b",
        "mapping": {
            "r": {"id": "r", "children": ["a"]},
            "a": {"children": ["b"], "message": node("a", None, "user", "Oolong?")["message"]},
            "b": {"children": [], "message": node("b", None, "assistant", "3 min.")["message"]},
        },
    }

    read = conversation_in(FORMAT, [found])

    assert lines_of(read.items) == ["user: Oolong?", "assistant: 3 min."]
    assert read.id == conversation_in(FORMAT, [{**found, "title": "Renamed"}]).id
    assert read.id != conversation_in(FORMAT, [{**found, "create_time": NOON + 1}]).id


def test_hidden_messages_are_left_out_and_their_children_kept() -> None:
    hidden = {"is_visually_hidden_from_conversation": True}
    found = chat(
        node("r", None),
        node("a", "r", "system", "You are ChatGPT"),
        node("b", "a", "user", {"content_type": "user_editable_context", "user_profile": "Ann"}),
        node("c", "b", "system", "Be brief.", metadata={"is_user_system_message": True}),
        node("d", "c", "user", "Oolong?"),
        node("e", "d", "assistant", "Thinking…", metadata=hidden),
        node("f", "e", "assistant", "Draft", weight=0),
        node("g", "f", "assistant", {"content_type": "model_editable_context", "text": "Ann"}),
        node("h", "g", "assistant", "3 min.", weight=1.0),
    )

    assert lines_of(conversation_in(FORMAT, [found]).items) == [
        "system: Be brief.",
        "user: Oolong?",
        "assistant: 3 min.",
    ]


def test_tool_calls_outputs_and_reasoning_are_items_of_their_kinds() -> None:
    code = {"content_type": "code", "language": "python", "text": "print(6 * 7)"}
    thoughts = {"content_type": "thoughts", "thoughts": [{"summary": "Sum", "content": "6 × 7"}]}
    found = chat(
        node("a", None, "assistant", thoughts, create_time=NOON),
        node("b", "a", "assistant", code, recipient="python"),
        node("c", "b", "assistant", '{"q":"tea"}', recipient="web.run"),
        node(
            "d",
            "c",
            "tool",
            {"content_type": "execution_output", "text": "42"},
            name="python",
            weight=0,
        ),
        node("e", "d", "tool", "Oolong", name="web.run"),
        node("f", "e", "tool", "Late", name="other"),
        node("g", "f", "assistant", {"content_type": "reasoning_recap", "content": "For 3 s"}),
        node("h", "g", "assistant", "42"),
    )

    expected: list[tuple[str, JSON]] = [
        ("a", reasoning("6 × 7", "Sum")),
        ("b", function_call("b", "python", '{"input":"print(6 * 7)"}')),
        ("c", function_call("c", "web.run", '{"q":"tea"}')),
        ("d", {"type": "function_call_output", "call_id": "b", "output": "42"}),
        ("e", {"type": "function_call_output", "call_id": "c", "output": "Oolong"}),
        ("f", {"type": "function_call_output", "call_id": "c", "output": "Late"}),
        (
            "g",
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "For 3 s"}]},
        ),
        ("h", {"type": "message", "role": "assistant", "content": "42"}),
    ]

    assert conversation_in(FORMAT, [found]).items == tuple(
        SourceItem(key=key, item=item, created_at=NOON) for key, item in expected
    )


def test_the_words_of_a_voice_chat_are_its_transcripts() -> None:
    def spoken(*parts: object) -> JSON:
        return {"content_type": "multimodal_text", "parts": list(parts)}

    audio = {"content_type": "audio_asset_pointer", "asset_pointer": "sediment://file_1"}
    both = {
        "content_type": "real_time_user_audio_video_asset_pointer",
        "audio_asset_pointer": audio,
        "video_container_asset_pointer": None,
    }
    words = {"content_type": "audio_transcription", "text": "How long?", "direction": "in"}
    found = chat(
        node("a", None, "user", spoken(words, both)),
        node("b", "a", "assistant", spoken({**words, "text": "3 min."}, audio)),
        node("c", "b", "user", spoken(both)),
    )

    assert lines_of(conversation_in(FORMAT, [found]).items) == [
        "user: How long?",
        "assistant: 3 min.",
        "user: <file_1>",
    ]


def test_files_and_images_are_named() -> None:
    def image(pointer: str) -> JSON:
        return {"content_type": "image_asset_pointer", "asset_pointer": pointer, "width": 5}

    attachments = [
        {"id": "file-1", "name": "tea.png", "mime_type": "image/png"},
        {"id": "file-2", "name": "notes.pdf"},
        {"name": "no id.txt"},
    ]
    parts = [image("file-service://file-1"), image("sediment://file_9#p_1"), "What is this?"]
    picture = {"content_type": "multimodal_text", "parts": [image("sediment://file_3")]}
    found = chat(
        node(
            "a",
            None,
            "user",
            {"content_type": "multimodal_text", "parts": parts},
            metadata={"attachments": attachments},
        ),
        node("b", "a", "tool", picture, name="image_gen"),
    )

    assert [each.item for each in conversation_in(FORMAT, [found]).items] == [
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_file", "file_id": "file-1", "filename": "tea.png"},
                {"type": "input_image", "file_id": "file_9", "detail": "auto"},
                {"type": "input_text", "text": "What is this?"},
                {"type": "input_file", "file_id": "file-2", "filename": "notes.pdf"},
                {"type": "input_file", "filename": "no id.txt"},
            ],
        },
        {
            "type": "function_call_output",
            "call_id": "b",
            "output": [{"type": "input_image", "file_id": "file_3", "detail": "auto"}],
        },
    ]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"content_type": "code", "language": "c", "text": "int x;"}, "int x;"),
        ({"content_type": "system_error", "name": "E", "text": "Lost"}, "Lost"),
        ({"content_type": "tether_browsing_display", "result": "Page", "assets": []}, "Page"),
        (
            {"content_type": "tether_quote", "url": "a.example", "title": "A", "text": "Quoted"},
            "A\na.example\nQuoted",
        ),
        (
            {"content_type": "sonic_webpage", "url": "a.example", "text": "Quoted"},
            "a.example\nQuoted",
        ),
        ({"content_type": "poem", "verses": [{"lines": ["Tea", "Sea"]}]}, "Tea | Sea"),
        ({"content_type": "text", "parts": ["Tea", {"new": "Sea"}, None, 3]}, "Tea | Sea"),
        ({"content_type": "text", "text": "Moved"}, "Moved"),
        ({"parts": ["No type"]}, "No type"),
    ],
)
def test_each_type_of_content_keeps_its_text(content: JSON, text: str) -> None:
    found = chat(node("a", None, "assistant", content))

    assert lines_of(conversation_in(FORMAT, [found]).items) == [f"assistant: {text}"]


CITED = "\ue200cite\ue202turn0search1\ue202turn0search2\ue201"


@pytest.mark.parametrize(
    ("text", "metadata", "shown"),
    [
        pytest.param(
            f"3 min.{CITED}",
            {"content_references": [{"matched_text": CITED, "alt": "([Tea](https://t.example))"}]},
            "3 min.([Tea](https://t.example))",
            id="as ChatGPT wrote it",
        ),
        pytest.param(
            f"3 min.{CITED} or 4{CITED}",
            {
                "content_references": [
                    {
                        "matched_text": CITED,
                        "items": [
                            {"title": "Tea", "url": "https://t.example"},
                            {"url": "https://u.example"},
                        ],
                    },
                    {"matched_text": " ", "type": "sources_footnote", "alt": ""},
                ]
            },
            "3 min.([Tea](https://t.example), [https://u.example](https://u.example))"
            " or 4([Tea](https://t.example), [https://u.example](https://u.example))",
            id="from its sources",
        ),
        pytest.param(
            '3 min.\ue200filecite\ue202turn1\ue201 in \ue200entity\ue202["city","Fes"]\ue201.',
            {},
            "3 min. in Fes.",
            id="unexplained",
        ),
        pytest.param(
            "3 min.【1†source】 【2†a】",
            {
                "citations": [
                    {
                        "start_ix": 6,
                        "end_ix": 16,
                        "metadata": {"title": "Tea", "url": "https://t.example"},
                    },
                    {"start_ix": 0, "end_ix": 3, "metadata": {"title": "No mark"}},
                    {"start_ix": 17, "end_ix": 21, "metadata": None},
                ]
            },
            "3 min.[Tea](https://t.example) 【2†a】",
            id="of 2024",
        ),
    ],
)
def test_citation_marks_become_links(text: str, metadata: JSON, shown: str) -> None:
    found = chat(node("a", None, "assistant", text, metadata=metadata))

    assert lines_of(conversation_in(FORMAT, [found]).items) == [f"assistant: {shown}"]


def test_many_citation_marks_are_replaced_in_one_pass() -> None:
    marks = [f"\ue200cite\ue202turn{number}\ue201" for number in range(20_000)]
    references = [{"matched_text": mark, "alt": "[Tea]"} for mark in marks]
    text = "".join(marks) + "\ue200cite" * 2 + "x" * 1_000_000
    found = chat(node("a", None, "assistant", text, metadata={"content_references": references}))

    (line,) = lines_of(conversation_in(FORMAT, [found]).items)

    assert line == "assistant: " + "[Tea]" * 20_000 + "\ue200cite" * 2 + "x" * 1_000_000


def test_a_message_without_a_time_has_that_of_the_one_before_or_of_the_conversation() -> None:
    found = chat(
        node("a", None, "user", "One", create_time=None),
        node("b", "a", "assistant", "Two", create_time=NOON + 20),
        node("c", "b", "tool", "Older than its call", create_time=NOON + 10),
        node("d", "c", "assistant", "Four", create_time=0),
        create_time=NOON,
    )

    items = conversation_in(FORMAT, [found]).items

    assert [each.created_at for each in items] == [NOON, NOON + 20, NOON + 10, NOON + 10]


def test_a_conversation_needs_nothing_but_its_messages() -> None:
    message = {"author": {"role": "user"}, "content": {"parts": ["Tea"]}}
    found = {"mapping": {"a": {"message": message}}}

    assert conversation_in(FORMAT, [found]) == SourceConversation(
        source="chatgpt",
        id="043964c1afde51c0cae772fd53d6d011",
        items=(SourceItem(key="a", item={"type": "message", "role": "user", "content": "Tea"}),),
    )


def test_a_project_and_the_model_of_the_conversation_are_kept() -> None:
    found = chat(
        node("a", None, "user", "Tea"),
        conversation_template_id="g-p-1",
        default_model_slug="gpt-4",
    )

    read = conversation_in(FORMAT, [found])

    assert (read.project, read.model, read.metadata) == ("g-p-1", "gpt-4", {})


def test_a_later_export_keeps_the_ids_of_the_conversation_and_its_messages() -> None:
    first = [node("r", None), node("a", "r", "user", "Tea?"), node("b", "a", "assistant", "Yes.")]
    edited = [*first, node("a2", "r", "user", "Coffee?"), node("b2", "a2", "assistant", "No.")]

    before = conversation_in(FORMAT, [chat(*first)])
    grown = conversation_in(FORMAT, [chat(*first, node("c", "b", "user", "Thanks"))])
    after = conversation_in(FORMAT, [chat(*edited)])

    assert grown.items[:2] == before.items
    assert (before.id, grown.id, after.id) == ("c1", "c1", "c1")
    assert [each.key for each in after.items] == ["a2", "b2"]


def test_one_bad_conversation_does_not_lose_the_others() -> None:
    shell = {"conversation_id": "c0", "title": "Shell", "create_time": NOON}
    hidden = chat(node("r", None), node("a", "r", "system", "Prompt"))
    content = [shell, 7, chat(node("a", None, "user", "Tea")), hidden]

    first, second, third, fourth = read_all(FORMAT, content)

    assert FORMAT.recognises(sample_of([shell]))
    assert first == WithoutContent(
        "conversation 1",
        "has no messages in this export: if ChatGPT shows some, request a new export",
    )
    assert isinstance(second, Unreadable)
    assert second.position == "conversation 2"
    assert isinstance(third, SourceConversation)
    assert fourth == Unreadable(
        "conversation 4", "has only empty or hidden messages: there is nothing to import"
    )


def test_a_text_longer_than_the_api_allows_is_divided() -> None:
    found = chat(node("a", None, "user", "x" * (10 * 1024 * 1024 + 1)))

    (item,) = conversation_in(FORMAT, [found]).items

    assert [len(part["text"]) for part in item.item["content"]] == [10 * 1024 * 1024, 1]


def test_a_branch_of_many_messages_is_read() -> None:
    nodes = [node(str(n), str(n - 1) if n else None, "user", "Tea") for n in range(5_000)]

    assert len(conversation_in(FORMAT, [chat(*nodes)]).items) == 5_000


TREES = st.lists(st.integers(0, 30), min_size=1, max_size=30)
"""The parent of each message: one before it, or itself for a root."""


@settings(max_examples=40)
@given(TREES, st.integers(0, 29))
def test_a_tree_is_read_as_its_current_branch_and_no_message_is_lost_or_repeated(
    drawn: list[int], current: int
) -> None:
    parents = [parent % (n + 1) for n, parent in enumerate(drawn)]
    current %= len(parents)
    nodes = [
        node(str(n), None if parent == n else str(parent), "user", f"Message {n}")
        for n, parent in enumerate(parents)
    ]
    line = [current]
    while parents[line[0]] != line[0]:
        line.insert(0, parents[line[0]])

    content = [chat(*nodes, current_node=str(current))]
    read = conversation_in(FORMAT, content)
    branches = [
        record
        for record in read_branches(FORMAT, content)
        if isinstance(record, SourceConversation)
    ]

    assert [each.key for each in read.items] == list(map(str, line))
    assert branches[0] == read
    assert [record.branch for record in branches] == list(range(len(branches)))
    assert len({record.id for record in branches}) == len(branches)
    assert {each.key for record in branches for each in record.items} == {
        each["id"] for each in nodes
    }
    assert all(len({each.key for each in record.items}) == len(record.items) for record in branches)


def test_a_conversation_without_messages_says_what_to_do() -> None:
    assert unreadable_in(FORMAT, [{"mapping": {}}]) == WithoutContent(
        "conversation 1",
        "has no messages in this export: if ChatGPT shows some, request a new export",
    )
