"""Whatever an upstream sends becomes a typed item, and nothing of it is lost."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from backscroll_tools import schemas
from backscroll_tools.client import objects, times
from backscroll_tools.models import JSON

ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
V2: JSON = {
    "id": "msg_1",
    "object": "thread.message",
    "created_at": 1_699_000_039,
    "thread_id": "thread_1",
    "role": "assistant",
    "content": [
        {"type": "text", "text": {"value": "See", "annotations": []}},
        {"type": "image_file", "image_file": {"file_id": "file-1", "detail": "auto"}},
        {
            "type": "text",
            "text": {
                "value": "this.",
                "annotations": [{"type": "file_citation", "file_citation": {"file_id": "file-2"}}],
            },
        },
    ],
    "assistant_id": "asst_1",
    "run_id": "run_1",
    "attachments": [{"file_id": "file-3", "tools": [{"type": "file_search"}]}],
    "metadata": {"topic": "refunds"},
    "status": "completed",
    "completed_at": None,
    "incomplete_at": None,
    "incomplete_details": None,
}


def test_a_message_of_version_2_has_each_field_in_its_place() -> None:
    assert objects.message(V2) == {
        "id": "msg_1",
        "role": "assistant",
        "created_at": 1_699_000_039,
        "text": "See\nthis.",
        "content": [{"type": "image_file", "image_file": {"file_id": "file-1", "detail": "auto"}}],
        "annotations": [{"type": "file_citation", "file_citation": {"file_id": "file-2"}}],
        "attachments": [{"file_id": "file-3", "tools": [{"type": "file_search"}]}],
        "run_id": "run_1",
        "assistant_id": "asst_1",
        "metadata": {"topic": "refunds"},
    }


def test_a_message_of_version_1_keeps_its_files() -> None:
    raw = {"id": "msg_1", "role": "user", "content": "hi", "file_ids": ["file-1"]}
    assert objects.message(raw) == {
        "id": "msg_1",
        "role": "user",
        "text": "hi",
        "files": ["file-1"],
    }


def test_what_is_kept_for_an_agent_framework_is_not_shown() -> None:
    item = {"id": "msg_1", "role": "user", "content": "Hi", objects.SESSION: {"langchain": {}}}
    assert objects.message(item) == {"id": "msg_1", "role": "user", "text": "Hi"}

    metadata = {"title": "A", "session": "chat", f"{objects.SESSION_JSON}0": "{}"}
    listed = objects.thread({"id": "conv_1", "metadata": metadata})
    assert listed == {"id": "conv_1", "title": "A", "metadata": {"session": "chat"}}
    del metadata["session"]
    assert objects.thread({"id": "conv_1", "metadata": metadata}) == {"id": "conv_1", "title": "A"}


def test_what_is_incomplete_says_so() -> None:
    raw = {
        **V2,
        "content": [],
        "attachments": [],
        "metadata": {},
        "status": "incomplete",
        "incomplete_details": {"reason": "max_tokens"},
        "x_extra": "kept",
    }
    assert objects.message(raw) == {
        "id": "msg_1",
        "role": "assistant",
        "created_at": 1_699_000_039,
        "text": "",
        "status": "incomplete",
        "run_id": "run_1",
        "assistant_id": "asst_1",
        "other": {"x_extra": "kept", "incomplete_details": {"reason": "max_tokens"}},
    }


def test_a_chat_message_keeps_tool_calls_refusals_and_names() -> None:
    raw = {
        "id": "chatcmpl-1-3",
        "role": "assistant",
        "content": None,
        "content_parts": None,
        "refusal": "No.",
        "name": "bob",
        "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f"}}],
        "annotations": [{"type": "url_citation", "url_citation": {"url": "https://a.example"}}],
        "audio": None,
    }
    assert objects.message(raw) == {
        "id": "chatcmpl-1-3",
        "role": "assistant",
        "text": "",
        "annotations": [{"type": "url_citation", "url_citation": {"url": "https://a.example"}}],
        "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f"}}],
        "other": {"refusal": "No.", "name": "bob"},
    }


def test_a_chat_message_of_parts_shows_its_text_and_keeps_its_images() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}
    raw = {
        "id": "chatcmpl-1-0",
        "role": "user",
        "content": "ignored where there are parts",
        "content_parts": [{"type": "text", "text": "look"}, image],
    }
    assert objects.message(raw) == {
        "id": "chatcmpl-1-0",
        "role": "user",
        "text": "look",
        "content": [image],
    }


def test_a_completion_shows_the_start_of_its_answer() -> None:
    raw = {
        "id": "chatcmpl-1",
        "created": 1_700_000_000,
        "model": "gpt-x",
        "metadata": {"a": "b"},
        "choices": [{"message": {"content": "y" * 200}}],
    }
    assert objects.completion(raw) == {
        "id": "chatcmpl-1",
        "created_at": 1_700_000_000,
        "model": "gpt-x",
        "text": "y" * 160,
        "clipped": {"shown": 160, "total": 200},
        "metadata": {"a": "b"},
    }


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (1_699_000_039, 1_699_000_039),
        (1_699_000_039.75, 1_699_000_039),
        (1_699_000_039_250, 1_699_000_039),
        (None, None),
        ("2026", None),
        ("2026-11-28T09:00:00.974Z", 1_795_856_400),
        ("2026-11-28 10:00:00+01:00", 1_795_856_400),
        ("2026-11-28T09:00:00", 1_795_856_400),
        ("2026-11-28T99:00:00Z", None),
        (True, None),
        (float("inf"), None),
    ],
)
def test_times_are_seconds_whatever_they_came_as(value: object, seconds: int | None) -> None:
    assert times.seconds(value) == seconds


OBJECTS = st.dictionaries(
    st.sampled_from(
        [
            *objects.TYPED_FIELDS,
            *objects.REDUNDANT,
            "role",
            "content",
            "content_parts",
            "created_at",
            "created",
            "choices",
            "model",
            "message_count",
            "last_message_at",
            "incomplete_details",
            "x_new",
        ]
    ),
    ANY_JSON,
).map(lambda fields: {**fields, "id": "msg_1"})


@given(OBJECTS)
def test_no_value_of_any_field_fails_a_message(raw: JSON) -> None:
    for item in (
        objects.message(raw),
        objects.thread(raw),
        objects.completion(raw),
        objects.message_file(raw, "msg_2"),
    ):
        assert item["id"] == "msg_1"
        json.dumps(item, allow_nan=False)


@given(OBJECTS)
def test_what_fits_nowhere_is_kept_as_it_came(raw: JSON) -> None:
    shown = json.dumps(objects.message(raw))
    for name in ("incomplete_details", "x_new", "model", "choices"):
        if raw.get(name) not in (None, [], {}, ""):
            assert json.dumps({name: raw[name]})[1:-1] in shown


@given(OBJECTS)
def test_typed_messages_keep_to_the_output_schema(raw: JSON) -> None:
    Draft202012Validator(schemas.MESSAGE).validate(objects.message(raw))
    Draft202012Validator(schemas.THREAD).validate(objects.thread(raw))
    Draft202012Validator(schemas.COMPLETION).validate(objects.completion(raw))
    Draft202012Validator(schemas.FILE).validate(objects.message_file(raw, "msg_2"))


@pytest.mark.parametrize("role", ["Assistant", "gpt-4", "gpt-4.1", "_", "Q7", "a" * 64])
def test_a_role_of_one_word_is_shown_as_it_is(role: str) -> None:
    assert objects.message({"id": "msg_1", "role": role, "content": "a"}) == {
        "id": "msg_1",
        "role": role,
        "text": "a",
    }


@pytest.mark.parametrize("role", ["", "two words", "a\nb", "4", "ü", "a" * 65, "#abcd"])
def test_a_role_that_could_imitate_a_header_is_kept_beside_it(role: str) -> None:
    shown = objects.message({"id": "msg_1", "role": role, "content": "a"})
    assert shown["role"] == "unknown"
    assert shown.get("other") == ({"role": role} if role else None)
