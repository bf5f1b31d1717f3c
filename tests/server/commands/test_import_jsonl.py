"""JSON Lines: what a line may hold, what is refused, and that nothing is lost on the way."""

import io
import json
import time
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from backscroll.commands.local_store import opened_store
from backscroll.commands.transfer.formats import jsonl
from backscroll.commands.transfer.formats.entries import Imported, Partly, Refused
from backscroll.commands.transfer.formats.objects import completion_object, thread_object
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedMessage,
    ImportedThread,
)

T = TypeVar("T")

ANSWER = {"index": 0, "message": {"role": "assistant", "content": "Yo"}}


def parsed(line: object) -> Imported | Partly | Refused:
    return jsonl.parse(json.dumps(line).encode())


def test_a_bare_list_of_messages_is_a_thread_as_old_as_its_import() -> None:
    before = int(time.time())

    thread = parsed({"messages": [{"role": "user", "content": "Hello"}]})

    assert isinstance(thread, ImportedThread)
    assert before <= thread.created_at <= time.time()
    assert thread == ImportedThread(
        key=thread.key,
        created_at=thread.created_at,
        messages=[
            ImportedMessage(
                role="user", content="Hello", created_at=thread.created_at, attachments=[]
            )
        ],
    )
    assert thread.key.startswith("sha256:")


def test_a_message_without_a_time_is_as_old_as_the_one_before_it() -> None:
    messages = [{"role": "user", "content": "a"} for _ in range(3)]
    messages[1] = {**messages[1], "created_at": 7}  # type: ignore[dict-item]  # a time among texts

    thread = parsed({"created_at": 5, "messages": messages})
    undated = parsed({"messages": messages})

    assert isinstance(thread, ImportedThread)
    assert isinstance(undated, ImportedThread)
    assert [message.created_at for message in thread.messages] == [5, 7, 7]
    assert (undated.created_at, undated.messages[0].created_at) == (7, 7)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (5, 5),
        (5.9, 5),
        (1_714_557_600.0, 1_714_557_600),
        ("2024-05-01T10:00:00Z", 1_714_557_600),
        ("2024-05-01T10:00:00.999Z", 1_714_557_600),
        ("2024-05-01T10:00:00", 1_714_557_600),
        ("2024-05-01 12:00:00+02:00", 1_714_557_600),
        ("2024-05-01", 1_714_521_600),
    ],
)
def test_a_time_is_unix_seconds_or_iso_8601_rounded_down(written: object, seconds: int) -> None:
    thread = parsed({"created_at": written, "messages": []})
    completion = parsed({"created": written, "choices": [ANSWER], "model": "gpt"})
    message = parsed({"messages": [{"role": "user", "content": "a", "created_at": written}]})

    assert isinstance(thread, ImportedThread)
    assert isinstance(completion, ImportedCompletion)
    assert isinstance(message, ImportedThread)
    assert thread.created_at == completion.created_at == seconds
    assert message.messages[0].created_at == seconds


@pytest.mark.parametrize(
    "written",
    [
        *(True, [], {}, -1, -0.5, 253_402_300_800, 1_714_557_600_000, 1.5e300),
        *("", "now", "5", "1714557600", "1969-12-31T23:59:59Z", "10:00", "0001-01-01T00:00+23:59"),
    ],
)
def test_any_other_time_is_refused(written: object) -> None:
    refused = parsed({"created_at": written, "messages": []})

    assert refused == Refused("created_at must be Unix seconds or ISO 8601")


def test_a_thread_as_the_api_lists_it_is_taken() -> None:
    message = {
        "id": "msg_1",
        "object": "thread.message",
        "created_at": 1,
        "thread_id": "thread_1",
        "status": "completed",
        "completed_at": 1,
        "incomplete_at": None,
        "incomplete_details": None,
        "role": "user",
        "content": [{"type": "text", "text": {"value": "Hello", "annotations": []}}],
        "assistant_id": None,
        "run_id": None,
        "file_ids": ["file-1"],
        "metadata": {},
    }
    line = {
        "id": "thread_1",
        "object": "thread",
        "created_at": 1,
        "metadata": {},
        "tool_resources": None,
        "message_count": 1,
        "last_message_at": 1,
        "messages": [message],
    }

    assert parsed(line) == ImportedThread(
        key="thread_1",
        id="thread_1",
        created_at=1,
        messages=[
            ImportedMessage(
                id="msg_1",
                role="user",
                content=message["content"],  # type: ignore[arg-type]  # the parts
                created_at=1,
                attachments=[{"file_id": "file-1", "tools": []}],
            )
        ],
    )


def test_what_a_completion_has_besides_is_kept() -> None:
    line = {"choices": [ANSWER], "model": "gpt", "created": 3, "usage": {"total_tokens": 1}}

    completion = parsed(line)

    assert isinstance(completion, ImportedCompletion)
    assert completion == ImportedCompletion(
        key=completion.key,
        created_at=3,
        model="gpt",
        choices=[ANSWER],
        messages=[],
        fields={"usage": {"total_tokens": 1}},
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('"text"', "is not a valid JSON object: it is not an object"),
        ('{"messages": [}', "is not a valid JSON object: Expecting value"),
        ('{"a": 1, "a": 2}', "is not a valid JSON object: an object has the same key twice"),
        ('{"a": NaN}', "is not a valid JSON object: NaN and Infinity are not JSON"),
        ('{"a": 1e999}', "is not a valid JSON object: a number is not finite"),
        (
            '{"object": "list"}',
            'object must be "thread", "conversation", "chat.completion" or "response"',
        ),
        (
            '{"object": ["thread"]}',
            'object must be "thread", "conversation", "chat.completion" or "response"',
        ),
        ('{"object": "thread"}', "messages is missing"),
        (
            '{"type": "user", "sessionId": "s", "uuid": "u", "parentUuid": null}',
            "has no messages, but resembles a session log of Claude Code",
        ),
        (
            '{"timestamp": "2026-01-01T00:00:00Z", "type": "event_msg", "payload": {}}',
            "has no messages, but resembles a session log of Codex",
        ),
        ('{"messages": {}}', "messages must be an array"),
        ('{"messages": ["Hello"]}', "messages[0] must be an object"),
        ('{"messages": [], "created_at": "now"}', "created_at must be Unix seconds or ISO 8601"),
        ('{"messages": [], "metadata": {"a": 1}}', "metadata.a must be a string"),
        ('{"messages": 5, "title": "x"}', "messages must be an array"),
        (
            '{"messages": [{"role": "user", "content": 5}]}',
            "messages[0].content is refused: it must be text or an array of parts",
        ),
        (
            '{"messages": [{"role": "user", "content": [{"type": "text", "text": 5}]}]}',
            "messages[0].content is refused: part 0 must have text",
        ),
        (
            '{"messages": [{"role": "user", "content": ["x"]}]}',
            "messages[0].content is refused: part 0 must be an object with a type",
        ),
        ('{"choices": [{"index": 0}], "model": "gpt"}', "choices[0].message is missing"),
        ('{"choices": [{"message": {"role": "user"}}]}', "model is missing"),
    ],
)
def test_a_line_is_refused_with_the_field_and_the_rule(line: str, reason: str) -> None:
    assert jsonl.parse(line.encode()) == Refused(reason)


def test_unknown_fields_are_left_out_and_named_without_their_places() -> None:
    message = {"role": "assistant", "content": None, "weight": 0, "tool_calls": [{"id": "secret"}]}
    line = {"key": "k", "created_at": 1, "name": "x", "messages": [message, message]}

    found = parsed(line)

    assert isinstance(found, Partly)
    assert found.left_out == ("messages[].weight", "messages[].tool_calls", "name")
    empty = ImportedMessage(role="assistant", content="", created_at=1, attachments=[])
    assert found.item == ImportedThread(key="k", created_at=1, messages=[empty, empty])


@pytest.mark.parametrize("kind", ["messages", "items"])
def test_a_title_becomes_metadata(kind: str) -> None:
    line = {kind: [{"role": "user", "content": "a"}], "created_at": 1, "metadata": {"a": "b"}}
    untitled = parsed(line)

    titled = parsed({**line, "title": "x" * 512})

    assert isinstance(untitled, ImportedThread | ImportedConversation)
    assert isinstance(titled, ImportedThread | ImportedConversation)
    # The key stays the same, so that a conversation with a new title is known again.
    assert titled == replace(untitled, metadata={"a": "b", "title": "x" * 512})
    assert parsed({**line, "title": None}) == parsed({**line, "title": ""}) == untitled


@pytest.mark.parametrize(
    ("title", "metadata"),
    [
        ("x", {"title": "its own"}),
        ("x" * 513, {}),
        (5, {}),
        ("x", {str(number): "" for number in range(16)}),
    ],
)
def test_a_title_that_metadata_cannot_hold_is_left_out(
    title: object, metadata: dict[str, str]
) -> None:
    found = parsed({"messages": [], "title": title, "metadata": metadata})

    assert isinstance(found, Partly)
    assert (found.left_out, found.item.metadata) == (("title",), metadata)


@pytest.mark.parametrize(
    "role", ["user #abcd", "", "user\n", "a" * 65, "rôle", "user\u2028", "\x1b[31m"]
)
def test_a_role_that_could_pretend_to_be_more_is_refused(role: str) -> None:
    refused = parsed({"messages": [{"role": role, "content": "x"}]})

    assert isinstance(refused, Refused)
    assert refused.reason.startswith("messages[0].role is refused: ")


@pytest.mark.parametrize("identifier", ["", "a/b", "..", "a b", "a%2e", "a\n", "a" * 257, "\x00"])
def test_an_id_that_no_address_may_hold_is_refused(identifier: str) -> None:
    for line in (
        {"id": identifier, "messages": []},
        {"id": identifier, "choices": [ANSWER], "model": "gpt"},
        {"messages": [{"id": identifier, "role": "user", "content": "x"}]},
    ):
        assert isinstance(parsed(line), Refused)


def test_a_reason_quotes_no_text() -> None:
    secret = "do not repeat this"
    message = {"role": "user", "content": [{"type": "text", "text": {"value": [secret]}}]}
    for line in ({"messages": [message]}, {"messages": secret}, {"model": [secret], "choices": 5}):
        refused = parsed(line)
        assert isinstance(refused, Refused)
        assert secret not in refused.reason


def test_lines_are_numbered_as_an_editor_numbers_them() -> None:
    lines = b'\xef\xbb\xbf{"messages": []}\r\n\r\n  \n[]\n{"messages": []}'

    found = list(jsonl.lines(io.BytesIO(lines)))

    assert [entry.position for entry in found] == ["line 1", "line 4", "line 5"]
    assert [isinstance(entry.item, ImportedThread) for entry in found] == [True, False, True]
    assert sum(entry.size for entry in found) == len(lines) - len(b"\r\n  \n")


def test_a_line_over_the_bound_is_refused_and_the_next_one_read() -> None:
    lines = b'{"messages": []}' + b" " * 200 + b'\n{"messages": []}\n'

    found = list(jsonl.lines(io.BytesIO(lines), line_bytes=32))

    assert found[0].item == Refused("is longer than 32 bytes")
    assert isinstance(found[1].item, ImportedThread)
    assert [entry.position for entry in found] == ["line 1", "line 2"]
    assert sum(entry.size for entry in found) == len(lines)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
METADATA = st.dictionaries(TEXT.filter(lambda key: len(key) <= 64), TEXT, max_size=3)
IDS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.=-]{0,40}", fullmatch=True)
SECONDS = st.integers(0, 253_402_300_799)
PARTS = st.lists(
    st.one_of(
        TEXT.map(lambda text: {"type": "text", "text": {"value": text, "annotations": []}}),
        TEXT.map(lambda text: {"type": "text", "text": {"value": text, "annotations": [{"a": 1}]}}),
        IDS.map(lambda name: {"type": "image_file", "image_file": {"file_id": name}}),
        TEXT.map(lambda text: {"type": "refusal", "refusal": text}),
    ),
    max_size=3,
)


def made(kind: type[T], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[T]:
    return st.fixed_dictionaries(fields).map(lambda drawn: kind(**drawn))


MESSAGES = made(
    ImportedMessage,
    role=st.sampled_from(["user", "assistant", "system", "tool"]),
    content=TEXT | PARTS,
    created_at=SECONDS,
    metadata=METADATA,
    attachments=st.lists(IDS.map(lambda name: {"file_id": name, "tools": []}), max_size=2),
    run_id=st.none() | IDS,
    assistant_id=st.none() | IDS,
    status=st.sampled_from(["completed", "incomplete", "in_progress"]),
    incomplete_at=st.none() | SECONDS,
    incomplete_details=st.none() | st.just({"reason": "max_tokens"}),
)
THREADS = made(
    ImportedThread,
    key=IDS,
    created_at=SECONDS,
    messages=st.lists(MESSAGES, max_size=4),
    id=st.none() | IDS.map("thread_{}".format),
    metadata=METADATA,
    tool_resources=st.none() | st.just({"code_interpreter": {"file_ids": ["file-1"]}}),
)
CHAT: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant"]), "content": TEXT | st.none() | PARTS},
    optional={"name": TEXT, "tool_calls": st.just([{"id": "call_1", "type": "function"}])},
)
COMPLETIONS = made(
    ImportedCompletion,
    key=IDS,
    created_at=SECONDS,
    model=TEXT.filter(bool),
    choices=st.lists(st.fixed_dictionaries({"index": SECONDS, "message": CHAT}), min_size=1),
    messages=st.lists(CHAT, max_size=3),
    id=st.none() | IDS.map("chatcmpl-{}".format),
    metadata=METADATA,
    fields=st.dictionaries(st.sampled_from(["usage", "service_tier"]), TEXT),
)


# Each example opens two stores, which takes longer than all else.
@settings(max_examples=settings().max_examples // 4)
@given(st.lists(THREADS, max_size=2), st.lists(COMPLETIONS, max_size=2))
async def test_what_is_exported_imports_into_the_same(
    threads: list[ImportedThread], completions: list[ImportedCompletion]
) -> None:
    first = await _lines_after(threads, completions)
    items = [jsonl.parse(line) for line in first]

    second = await _lines_after(
        [item for item in items if isinstance(item, ImportedThread)],
        [item for item in items if isinstance(item, ImportedCompletion)],
    )

    assert not [item for item in items if isinstance(item, Refused)]
    assert second == first


async def _lines_after(
    threads: list[ImportedThread], completions: list[ImportedCompletion]
) -> list[bytes]:
    """Import into an empty store, and return the lines of its export."""
    async with opened_store("sqlite://") as store:
        for thread in threads:
            await store.import_thread(thread)
        for completion in completions:
            await store.import_completion(completion)
        objects = [thread_object(thread) async for thread in store.export_threads()]
        objects += [completion_object(one) async for one in store.export_completions()]
    return [json.dumps(line).encode() for line in objects]
