"""Chat completions, assembled from the chunks of every kind of server."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll.store.recorder.assembling.completion_stream import completion_stream
from tests.models.completions import chunks, completion
from tests.models.dialects import DIALECTS, LM_STUDIO, OPENAI, Dialect
from tests.models.script import JSON, Answer, Call
from tests.store.recorder.streams import (
    ANSWERS,
    CUTS,
    DONE,
    SIZES,
    chunk,
    common,
    damaged,
    fed,
    in_pieces,
    official_client,
    split,
    sse,
    streamed_completion,
)

EVERYTHING = Answer(
    text="It is cold in Oslo 🥶.",
    reasoning="Let me see.",
    refusal="Not more.",
    citation=("https://met.example", "Weather"),
    calls=(Call("weather", '{"city": "Oslo"}'), Call("time", "{}")),
)
WITH_USAGE = {"stream_options": {"include_usage": True}}
SAME = ("id", "object", "created", "model", "usage", "service_tier", "system_fingerprint")


def message_of(*deltas: object) -> JSON:
    """Return the message that deltas are assembled to."""
    stream = sse(*(chunk(delta) for delta in deltas)) + DONE
    found: JSON = fed(completion_stream(), [stream]).object["choices"][0]["message"]
    return found


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dialect", DIALECTS, ids=str)
def test_a_stream_of_any_server_is_the_answer_that_it_would_send_whole(
    dialect: Dialect, size: int
) -> None:
    body = {**WITH_USAGE, "n": 2, "modalities": ["text", "audio"], "messages": []}
    whole, stream = streamed_completion(EVERYTHING, body, dialect)

    found = fed(completion_stream(2), in_pieces(stream, size))

    assert (found.complete, found.reason, found.error) == (True, None, None)
    same = [key for key in SAME if key in found.object]
    assert {key: found.object[key] for key in same} == {key: whole[key] for key in same}
    for one, other in zip(found.object["choices"], whole["choices"], strict=True):
        has_reason = dialect is not LM_STUDIO
        assert one["finish_reason"] == (other["finish_reason"] if has_reason else None)
        expected = other["message"]
        if dialect.name == "LiteLLM":
            calls = [call | {"id": None} for call in expected["tool_calls"]]
            expected = expected | {"tool_calls": calls}
        if dialect.name == "OpenRouter":
            assert one["message"].pop("reasoning_details")[0]["text"] == EVERYTHING.reasoning
        if dialect.name in ("Ollama", "OpenRouter"):  # a delta has a text, even if it is empty
            expected = expected | {"content": expected["content"] or ""}
        assert one["message"] == expected


@given(ANSWERS, st.integers(1, 3), st.booleans(), CUTS)
def test_a_stream_of_any_answer_is_the_answer_whole(
    answer: Answer, n: int, has_logprobs: bool, cuts: list[int]
) -> None:
    body = {**WITH_USAGE, "n": n, "logprobs": has_logprobs, "messages": []}
    whole, stream = streamed_completion(answer, body)

    found = fed(completion_stream(n), split(stream, cuts))

    assert found.complete
    for choice in whole["choices"]:
        choice["logprobs"] = (
            choice["logprobs"] if (choice["logprobs"] or {}).get("content") else None
        )
    assert found.object == whole


@given(ANSWERS, st.integers(1, 3))
def test_a_stream_is_assembled_as_the_official_client_does(answer: Answer, n: int) -> None:
    body = {**WITH_USAGE, "n": n, "messages": []}
    _, stream = streamed_completion(answer, body)
    with (
        official_client(stream) as client,
        client.chat.completions.stream(model="m", messages=[]) as events,
    ):
        theirs: JSON = events.get_final_completion().to_dict()

    ours = fed(completion_stream(n), [stream]).object
    assert ours == common(theirs, ours)


def test_half_a_surrogate_pair_waits_for_the_other_half() -> None:
    halves = [r'{"choices":[{"index":0,"delta":{"content":"a\ud83d"}}]}']
    halves.append(r'{"choices":[{"index":0,"delta":{"content":"\ude00 \ud83d"}}]}')

    found = fed(completion_stream(), [sse(*halves) + DONE])

    assert found.object["choices"][0]["message"]["content"] == "a😀 �"


@pytest.mark.parametrize(
    ("deltas", "calls"),
    [
        (
            [
                {"id": "a", "function": {"name": "f", "arguments": "{}"}},
                {"id": "b", "function": {"name": "g", "arguments": "{}"}},
            ],
            [("a", "f", "{}"), ("b", "g", "{}")],
        ),
        (
            [
                {"id": "a", "function": {"name": "f", "arguments": "{"}},
                {"function": {"arguments": "}"}},
            ],
            [("a", "f", "{}")],
        ),
        (
            [
                {"index": 0, "function": {"name": "f", "arguments": "{"}},
                {"index": 0, "function": {"arguments": "}"}},
            ],
            [(None, "f", "{}")],
        ),
        (
            [
                {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}},
                {"index": 0, "id": "b", "function": {"name": "f", "arguments": "{}"}},
            ],
            [("a", "f", "{}"), ("b", "f", "{}")],
        ),
        (
            [
                {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}},
                {"index": 0, "id": "b", "function": {"name": None, "arguments": "}"}},
            ],
            [("a", "f", "{}")],
        ),
        (
            [
                {"index": 1, "id": "b", "function": {"name": "g", "arguments": ""}},
                {"index": 0, "id": "a", "function": {"name": "f", "arguments": "1"}},
                {"index": 1, "id": "b", "function": {"name": "g", "arguments": "2"}},
            ],
            [("b", "g", "2"), ("a", "f", "1")],
        ),
        (["text", None, {"function": None}], [(None, None, None)]),
    ],
    ids=[
        "without an index",
        "without an index and an id",
        "without an id",
        "one index for all",
        "a new id in each part",
        "out of order",
        "nothing",
    ],
)
def test_parts_of_tool_calls_find_their_call(
    deltas: list[Any], calls: list[tuple[object, object, object]]
) -> None:
    message = message_of(*({"tool_calls": [delta]} for delta in deltas))

    found = [(call.get("id"), call.get("function") or {}) for call in message["tool_calls"]]
    assert [(call_id, f.get("name"), f.get("arguments")) for call_id, f in found] == calls


def test_deltas_of_any_name_are_joined_and_repeated_names_are_not() -> None:
    message = message_of(
        {"role": "assistant", "content": None, "thinking": "a"},
        {
            "role": "assistant",
            "thinking": "b",
            "reasoning_details": [{"index": 0, "text": "c", "type": "t"}],
        },
        None,
        {"content": "x", "reasoning_details": [{"index": 0, "text": "d", "type": "t"}], "score": 1},
        {"content": None, "score": 2, "flag": True},
    )

    assert message == {
        "role": "assistant",
        "content": "x",
        "refusal": None,
        "thinking": "ab",
        "reasoning_details": [{"index": 0, "text": "cd", "type": "t"}],
        "score": 2,
        "flag": True,
    }


def test_content_in_parts_loses_nothing() -> None:
    parts = message_of(
        {"content": "a"},
        {"content": [{"type": "thinking", "thinking": "b"}]},
        {"content": "c"},
        {"content": "d"},
    )

    assert parts["content"] == [
        {"type": "text", "text": "a"},
        {"type": "thinking", "thinking": "b"},
        {"type": "text", "text": "cd"},
    ]


def test_usage_comes_after_the_finish_and_null_does_not_erase_it() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    stream = sse(
        chunk({"content": "x"}, usage=None),
        chunk({}, finish_reason="stop", usage=None),
        chunk(None, choices=[], usage=usage),
        chunk(None, choices=[], usage=None, id="other", model="other"),
    )

    found = fed(completion_stream(), [stream + DONE])

    assert (found.object["usage"], found.object["id"], found.object["model"]) == (
        usage,
        "chatcmpl-1",
        "m",
    )


def test_the_id_is_the_first_that_is_not_empty() -> None:
    assembly = completion_stream()
    assembly.feed(sse({"id": "", "choices": [], "model": ""}))
    assert assembly.id is None
    assembly.feed(sse(chunk({"content": "x"})))

    assert assembly.id == "chatcmpl-1"


def test_a_choice_without_a_delta_may_have_a_message() -> None:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "whole"},
        "finish_reason": "stop",
    }
    found = fed(completion_stream(), [sse({"id": "a", "choices": [choice]})])

    assert found.complete
    assert found.object["choices"][0]["message"]["content"] == "whole"


STOPPED = chunk({"content": "x"}, finish_reason="stop")


@pytest.mark.parametrize(
    ("stream", "n", "reason"),
    [
        (sse(chunk({"content": "x"})) + DONE, 1, None),
        (sse(STOPPED), 1, None),
        (sse(STOPPED), 2, "cut_off"),
        (sse(STOPPED) + DONE, 2, None),
        (sse(chunk({"content": "x"})), 1, "cut_off"),
        (sse(STOPPED, {"error": {"message": "out of credit", "code": 402}}) + DONE, 1, "error"),
        (sse(STOPPED, {"error": "out of credit"}), 1, "error"),
        (sse(chunk({"content": "x"}), '{"id": ', STOPPED) + DONE, 1, "unreadable"),
        (b"<!doctype html><p>Please sign in", 1, "no_events"),
        (b"", 1, "no_events"),
        (DONE, 1, "no_events"),
    ],
)
def test_a_stream_that_lacks_something_is_not_complete(
    stream: bytes, n: int, reason: str | None
) -> None:
    found = fed(completion_stream(n), [stream])

    assert (found.complete, found.reason) == (reason is None, reason)


def test_an_error_is_told_and_ends_the_stream() -> None:
    assembly = completion_stream()
    before = sse(chunk({"content": "x"}))
    assembly.feed(before + sse({"error": {"message": "out of credit", "code": 402}}))

    assert (assembly.ended, assembly.before_end) == (True, len(before))
    assert assembly.finish().error == {"message": "out of credit", "code": 402}


@given(CUTS)
def test_the_bytes_before_the_last_event_are_told_apart(cuts: list[int]) -> None:
    stream = sse(chunk({"content": "x"}), STOPPED)
    assembly = completion_stream()
    sent = b""
    for piece in split(stream + DONE + b": bye\n\n", cuts):
        assembly.feed(piece)
        sent += piece[: assembly.before_end]

    assert assembly.ended
    assert stream + DONE.rstrip() >= sent
    assert sent.startswith(stream)


def test_a_completion_above_the_bound_is_kept_until_it() -> None:
    events = [sse(chunk({"content": "x" * 100})) for _ in range(1_000)]
    assembly = completion_stream(max_chars=5_000)
    found = fed(assembly, [*events, sse(STOPPED), DONE])

    assert (found.reason, assembly.ended) == ("too_large", True)
    assert 4_500 <= len(found.object["choices"][0]["message"]["content"]) < 5_200


GROWING: dict[str, Callable[[int], JSON]] = {
    "choices": lambda number: chunk({"content": "x"}, index=number),
    "calls with an index": lambda number: chunk({"tool_calls": [{"index": number}]}),
    "calls with an id": lambda number: chunk(
        {"tool_calls": [{"id": str(number), "function": {"name": "f"}}]}
    ),
    "names in the message": lambda number: chunk({str(number): 0}),
    "lists in the message": lambda _: chunk({"parts": [None, None]}),
    "fields": lambda number: chunk({}, **{f"field {number}": number}),
    "logprobs": lambda _: {"choices": [{"logprobs": {"content": [0]}}]},
}


@pytest.mark.parametrize("grows", GROWING)
def test_nothing_grows_above_the_bound(grows: str) -> None:
    assembly = completion_stream(max_chars=2_000)
    for number in range(1_000):
        assembly.feed(sse(GROWING[grows](number)))

    assert assembly.finish().reason == "too_large"
    assert len(str(assembly.finish().object)) < 60_000


def test_an_event_above_the_bound_is_left_out() -> None:
    stream = sse(chunk({"content": "a"}), chunk({"content": "x" * 5_000}), STOPPED) + DONE
    found = fed(completion_stream(max_event_bytes=1_000), [stream])

    assert (found.reason, found.object["choices"][0]["message"]["content"]) == ("too_large", "ax")


NAMES = [
    "choices",
    "delta",
    "index",
    "message",
    "tool_calls",
    "content",
    "function",
    "logprobs",
    "error",
    "usage",
    "audio",
    "type",
    "id",
    "name",
    "annotations",
    "arguments",
]
BODY = {**WITH_USAGE, "n": 2, "logprobs": True, "modalities": ["text", "audio"], "messages": []}


@given(damaged(chunks(completion(EVERYTHING, BODY, "chatcmpl-1"), BODY), NAMES))
def test_no_chunk_raises_an_error(found: list[JSON]) -> None:
    stream = sse(*found)

    whole = fed(completion_stream(), [stream])

    assert whole == fed(completion_stream(), in_pieces(stream, 7))
    json.dumps(whole.object, allow_nan=False)


def test_values_of_another_type_are_replaced() -> None:
    strange = chunk("x", logprobs=1)
    strange["choices"] = [
        {"logprobs": "x", "message": {"tool_calls": None}},
        {"logprobs": {"content": [1]}, "delta": {"tool_calls": [{"id": "a"}]}},
    ]

    (choice,) = fed(completion_stream(), [sse(strange) + DONE]).object["choices"]

    assert choice["logprobs"] == {"content": [1]}
    assert choice["message"]["tool_calls"] == [{"id": "a"}]


def test_openai_is_the_dialect_whose_stream_is_exactly_its_answer() -> None:
    body = {**WITH_USAGE, "messages": [], "logprobs": True}
    whole, stream = streamed_completion(EVERYTHING, body, OPENAI)

    assert fed(completion_stream(), [stream]).object == whole
