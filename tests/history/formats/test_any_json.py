"""Files whose fields have any other type and value than programs write."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backscroll.history.conversation import Record, SourceConversation, Unreadable
from backscroll.history.formats import chatgpt, claude_ai, gemini_apps, librechat, open_webui
from backscroll.history.formats.format import Format
from backscroll.store.conversation_object import ItemList
from backscroll.store.envelopes import JSON
from backscroll.store.validation import validate
from tests.history.formats.reading import file_of, sample_of

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.just("long" * 200)
    | st.sampled_from(
        [
            "a",
            "b",
            "text",
            "tool",
            "all",
            "user",
            "\ue200x\ue201",
            "long" * 200,
            "<details>",
            10**400,
            "1e999",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "id", "content", "parts", "url", "messages", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)

CHATGPT = {
    "conversation_id": "c1",
    "title": "Tea",
    "create_time": 1768478400.5,
    "update_time": 1768478401,
    "current_node": "d",
    "gizmo_id": "g-1",
    "default_model_slug": "gpt-5",
    "mapping": {
        "a": {"id": "a", "parent": None, "children": ["b", "x"], "message": None},
        "b": {
            "parent": "a",
            "message": {
                "author": {"role": "user"},
                "create_time": 1768478400.5,
                "content": {
                    "content_type": "multimodal_text",
                    "parts": [
                        "Oolong?",
                        {"content_type": "audio_transcription", "text": "Spoken"},
                        {"content_type": "image_asset_pointer", "asset_pointer": "sediment://f#1"},
                        {"content_type": "x", "audio_asset_pointer": {"asset_pointer": "x://y"}},
                    ],
                },
                "metadata": {"attachments": [{"id": "f", "name": "tea.png"}]},
            },
        },
        "c": {
            "parent": "b",
            "message": {
                "author": {"role": "assistant"},
                "recipient": "web.run",
                "content": {"content_type": "code", "text": "{}"},
            },
        },
        "t": {
            "parent": "c",
            "message": {
                "author": {"role": "tool", "name": "web.run"},
                "content": {"content_type": "tether_quote", "title": "T", "url": "u", "text": "x"},
            },
        },
        "r": {
            "parent": "t",
            "message": {
                "author": {"role": "assistant"},
                "content": {
                    "content_type": "thoughts",
                    "thoughts": [{"summary": "Hm", "content": "Hm"}],
                },
            },
        },
        "d": {
            "parent": "r",
            "message": {
                "author": {"role": "assistant"},
                "weight": 1,
                "content": {
                    "content_type": "text",
                    "parts": ["3 min.\ue200cite\ue202a\ue201【1†a】"],
                },
                "metadata": {
                    "model_slug": "gpt-5",
                    "content_references": [
                        {
                            "matched_text": "\ue200cite\ue202a\ue201",
                            "alt": "",
                            "items": [{"title": "Tea", "url": "u"}],
                        }
                    ],
                    "citations": [
                        {"start_ix": 14, "end_ix": 19, "metadata": {"title": "T", "url": "u"}}
                    ],
                },
            },
        },
        "x": {"message": {"author": {"role": "user"}, "content": {"parts": ["Abandoned"]}}},
    },
}
CLAUDE_AI = {
    "uuid": "c1",
    "name": "Tea",
    "created_at": "2026-01-15T12:00:00Z",
    "chat_messages": [
        {
            "uuid": "a",
            "parent_message_uuid": "00000000-0000-4000-8000-000000000000",
            "sender": "human",
            "text": "Oolong?",
            "attachments": [{"file_name": "n.md", "extracted_content": "# Tea"}],
            "files": [{"file_name": "a.png"}],
            "content": [{"type": "text", "text": "Oolong?"}],
        },
        {
            "uuid": "b",
            "parent_message_uuid": "a",
            "sender": "assistant",
            "created_at": "2026-01-15T12:00:00Z",
            "content": [
                {"type": "thinking", "thinking": "Hm", "summaries": [{"summary": "Hm"}]},
                {"type": "tool_use", "id": "t", "name": "search", "input": {"q": "tea"}},
                {"type": "tool_result", "content": [{"type": "text", "text": "Tea"}, {"x": 1}]},
                {
                    "type": "text",
                    "text": "3 min.",
                    "citations": [{"title": "T", "details": {"url": "u"}}],
                },
                {"type": "image", "file_name": "b.png"},
            ],
        },
        {"uuid": "c", "parent_message_uuid": "a", "sender": "assistant", "text": "An hour."},
    ],
}
DESIGN = {
    "uuid": "d1",
    "project": {"name": "Shop"},
    "messages": [
        {
            "uuid": "a",
            "role": "assistant",
            "content": {
                "content": "Poster",
                "timestamp": "2026-01-15T12:00:00Z",
                "attachments": [{"name": "a", "content": "b"}],
                "contentBlocks": [
                    {"type": "tool_call", "toolCall": {"name": "w", "input": 1, "result": ["x"]}},
                    {"type": "user_interjection", "message": {"content": "No"}},
                ],
            },
        }
    ],
}
LIBRECHAT = {
    "conversationId": "c1",
    "title": "Tea",
    "options": {"model": "gpt-5"},
    "messages": [
        {
            "messageId": "a",
            "parentMessageId": "00000000-0000-0000-0000-000000000000",
            "text": "Oolong?",
            "isCreatedByUser": True,
            "createdAt": "2026-01-15T12:00:00Z",
            "files": [{"filename": "a.png"}],
            "children": [
                {
                    "messageId": "b",
                    "sender": "GPT",
                    "content": [
                        {"type": "think", "think": "Hm"},
                        {"type": "text", "text": {"value": "3 min."}},
                        {
                            "type": "tool_call",
                            "tool_call": {"name": "s", "args": {}, "output": "x"},
                        },
                        {"type": "error", "error": "Lost"},
                    ],
                },
                {"messageId": "c", "text": "An hour."},
            ],
        }
    ],
}
OPEN_WEBUI = {
    "id": "c1",
    "title": "Tea",
    "created_at": 1768478400,
    "folder_id": "f",
    "chat": {
        "models": ["m"],
        "messages": [{"role": "user", "content": "Oolong?"}],
        "history": {
            "currentId": "b",
            "messages": {
                "a": {
                    "parentId": None,
                    "role": "user",
                    "content": "Oolong?",
                    "timestamp": 1768478400,
                    "files": [{"name": "a.md", "file": {"filename": "b"}}],
                },
                "b": {
                    "parentId": "a",
                    "role": "assistant",
                    "model": "m",
                    "error": {"content": "Lost"},
                    "content": '<details type="tool_calls" name="s" arguments="{}" result="x">y'
                    '</details>3 min.<details type="reasoning">Hm</details>',
                },
                "c": {
                    "parentId": "a",
                    "role": "assistant",
                    "output": [
                        {"type": "message", "content": [{"type": "output_text", "text": "1 h"}]},
                        {"type": "reasoning", "summary": [{"text": "Hm"}]},
                        {"type": "function_call", "call_id": "t", "name": "s", "arguments": "{}"},
                        {"type": "function_call_output", "call_id": "t", "output": "x"},
                        {"type": "open_webui:new", "code": "x"},
                    ],
                },
            },
        },
    },
}
GEMINI_APPS = {
    "header": "Gemini Apps",
    "title": "Prompted Oolong?",
    "time": "2026-01-15T12:00:00Z",
    "products": ["Gemini Apps"],
    "safeHtmlItem": [{"html": '<ul><li><a href="https://u">3</a> min.</ul>'}],
    "subtitles": [{"name": "Attached 1 file."}, {"name": "- a.png"}],
    "attachedFiles": ["a.png"],
    "imageFile": "a.png",
}
FIXTURES = [
    pytest.param(chatgpt.FORMAT, CHATGPT, id="chatgpt"),
    pytest.param(claude_ai.FORMAT, CLAUDE_AI, id="claude-ai"),
    pytest.param(claude_ai.FORMAT, DESIGN, id="claude-ai design"),
    pytest.param(librechat.FORMAT, LIBRECHAT, id="librechat"),
    pytest.param(open_webui.FORMAT, OPEN_WEBUI, id="open-webui"),
    pytest.param(gemini_apps.FORMAT, GEMINI_APPS, id="gemini-apps"),
]


def places(value: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - JSON
    """Yield each field and list item of a value, as its container and its name or number."""
    pairs: Any = value.items() if isinstance(value, dict) else enumerate(value)
    for name, inner in list(pairs):
        yield value, name
        if isinstance(inner, dict | list):
            yield from places(inner)


def check(record: Record) -> None:
    """Check that the store can import a record, or that a user knows what is wrong with it."""
    if isinstance(record, Unreadable):
        assert record.position
        assert record.reason
        return
    assert record.id
    assert record.items
    assert isinstance(record.title, str)
    assert len(record.metadata) <= 8
    assert all(isinstance(value, str) for value in record.metadata.values())
    keys = [each.key for each in record.items]
    assert len(set(keys)) == len(keys)
    assert all(0 < len(key) <= 512 for key in keys)
    assert len(record.id) <= 400
    times = [record.created_at, record.updated_at, *(each.created_at for each in record.items)]
    assert all(time is None or 0 < time <= 253_402_300_799 for time in times)
    validate(ItemList, {"items": [each.item for each in record.items]})


def read(form: Format, content: object) -> list[Record]:
    records = list((form.read_branches or form.read)(file_of(content)))
    current = [each for each in records if isinstance(each, Unreadable) or not each.branch]
    assert current == list(form.read(file_of(content)))
    return records


@pytest.mark.parametrize(("form", "fixture"), FIXTURES)
def test_the_fixture_itself_is_read(form: Format, fixture: JSON) -> None:
    records = read(form, [fixture])

    assert form.recognises(sample_of([fixture]))
    assert all(isinstance(record, SourceConversation) for record in records)
    for record in records:
        check(record)


@settings(max_examples=30)
@pytest.mark.parametrize(("form", "fixture"), FIXTURES)
@given(data=st.data())
def test_any_value_at_any_place_is_read_or_refused(
    form: Format, fixture: JSON, data: st.DataObject
) -> None:
    changed = copy.deepcopy([fixture])
    for _ in range(data.draw(st.integers(1, 3), "changes")):
        container, name = data.draw(st.sampled_from(list(places(changed))), "place")
        container[name] = data.draw(VALUES, "value")

    form.recognises(sample_of(changed))
    records = read(form, [*changed, fixture])

    for record in records:
        check(record)
    assert any(
        isinstance(record, SourceConversation)
        for record in records[-1 if form.read_branches is None else -2 :]
    )


def test_a_value_nested_deeper_than_the_stack_is_read_or_refused() -> None:
    deep = '{"x":[' * 1_500 + '"Tea"' + "]}" * 1_500
    content = [copy.deepcopy(LIBRECHAT)]  # files of other formats cannot have such values
    for container, name in places(content):
        kept, container[name] = container[name], "DEEP"
        text = json.dumps(content).replace('"DEEP"', deep)
        container[name] = kept

        for record in librechat.FORMAT.read(file_of(text)):
            check(record)


@settings(max_examples=30)
@given(st.text("<>&;/= \"'!-[]?adivbrpc\n", max_size=200), st.integers(0, 400))
def test_any_text_in_a_page_of_activities_is_read_or_refused(text: str, at: int) -> None:
    page = (
        '<html><div class="outer-cell"><div class="header-cell"><p>Gemini Apps</p></div>'
        '<div class="content-cell">Prompted Tea?<br>Jan 15, 2026, 12:00:00 PM UTC<br>'
        '<ol><li>Tea<pre>a</pre><a href="https://t">T</a></ol></div></div></html>'
    )

    for record in gemini_apps.FORMAT.read(file_of(page[:at] + text + page[at:])):
        check(record)
