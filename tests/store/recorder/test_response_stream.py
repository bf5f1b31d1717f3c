"""Responses, assembled from the events of every kind of server."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll.store.recorder.assembling.response_stream import response_stream
from tests.models.dialects import DIALECTS, Dialect
from tests.models.responses import events
from tests.models.script import JSON, Answer, Call
from tests.store.recorder.streams import (
    ANSWERS,
    CUTS,
    SIZES,
    common,
    damaged,
    fed,
    in_pieces,
    official_client,
    split,
    sse,
    streamed_response,
)

EVERYTHING = Answer(
    text="It is cold in Oslo 🥶.",
    reasoning="Let me see.",
    citation=("https://met.example", "Weather"),
    calls=(Call("weather", '{"city": "Oslo"}'), Call("time", "{}")),
)
CREATED = {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}}


def completed(*output: JSON, status: str = "completed") -> JSON:
    """Return the last event, with this output."""
    response = {"id": "resp_1", "status": status, "output": list(output)}
    return {"type": f"response.{status}", "response": response}


def output_of(*found: JSON) -> list[JSON]:
    """Return the output of a stream of these events, whose last event has none."""
    stream = sse(CREATED, *found, completed())
    output: list[JSON] = fed(response_stream(), [stream]).object["output"]
    return output


def added(item: JSON, index: int = 0) -> JSON:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dialect", DIALECTS, ids=str)
def test_a_stream_of_any_server_is_the_answer_that_it_would_send_whole(
    dialect: Dialect, size: int
) -> None:
    whole, stream = streamed_response(EVERYTHING, {}, dialect)

    found = fed(response_stream(), in_pieces(stream, size))

    assert (found.complete, found.reason, found.error) == (True, None, None)
    assert found.object == whole


@given(ANSWERS, CUTS, st.booleans())
def test_a_stream_that_is_cut_anywhere_has_what_came_before(
    answer: Answer, cuts: list[int], drops_last: bool
) -> None:
    whole, stream = streamed_response(answer, {"metadata": {"a": "b"}})
    last = stream.index(b"event: response.completed")

    found = fed(response_stream(), split(stream[:last] if drops_last else stream, cuts))

    assert found.object["output"] == whole["output"]
    assert found.object["metadata"] == {"a": "b"}
    if drops_last:
        assert (found.complete, found.reason) == (False, "cut_off")
        assert found.object["status"] == "incomplete"
        assert found.object["incomplete_details"] == {"reason": "cut_off"}
    else:
        assert found.object == whole


@given(ANSWERS)
def test_a_stream_is_assembled_as_the_official_client_does(answer: Answer) -> None:
    _, stream = streamed_response(answer, {})
    with official_client(stream) as client, client.responses.stream(model="m", input="x") as found:
        theirs: JSON = found.get_final_response().to_dict()

    ours = fed(response_stream(), [stream]).object
    assert ours == common(theirs, ours)


TEXTS: dict[str, tuple[str, JSON, str]] = {
    "code": ("code_interpreter_call_code", {"type": "code_interpreter_call"}, "code"),
    "input": ("custom_tool_call_input", {"type": "custom_tool_call"}, "input"),
    "arguments": ("function_call_arguments", {"type": "function_call"}, "arguments"),
    "mcp arguments": ("mcp_call_arguments", {"type": "mcp_call"}, "arguments"),
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("has_done", [True, False])
def test_texts_of_items_are_joined(name: str, has_done: bool) -> None:
    kind, item, field = TEXTS[name]
    deltas = [
        {"type": f"response.{kind}.delta", "output_index": 0, "delta": each} for each in "abc"
    ]
    done = {"type": f"response.{kind}.done", "output_index": 0, field: "abc"}

    found = output_of(added({"id": "x", **item}), *deltas, *([done] if has_done else []))

    assert found == [{"id": "x", **item, field: "abc"}]


PARTS = {
    "output_text": {"type": "output_text", "text": "abc", "annotations": []},
    "refusal": {"type": "refusal", "refusal": "abc"},
    "reasoning_text": {"type": "reasoning_text", "text": "abc"},
    "reasoning_summary_text": {"type": "summary_text", "text": "abc"},
}


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.parametrize("place", ["index", "item_id", "nothing"])
def test_texts_of_parts_are_joined_even_if_their_item_was_never_added(
    kind: str, place: str
) -> None:
    places: dict[str, JSON] = {
        "index": {"output_index": 0, "content_index": 0, "summary_index": 0, "item_id": "x"},
        "item_id": {"item_id": "x"},
        "nothing": {},
    }
    deltas = [{"type": f"response.{kind}.delta", **places[place], "delta": each} for each in "abc"]

    (item,) = output_of(*deltas)

    parts = item["summary" if kind == "reasoning_summary_text" else "content"]
    assert parts == [PARTS[kind]]
    assert item["type"] == ("reasoning" if kind.startswith("reasoning") else "message")
    assert item["status"] == "incomplete"


def test_logprobs_and_annotations_are_collected() -> None:
    where = {"output_index": 0, "content_index": 0}
    text = "response.output_text"
    tokens = [{"token": each, "logprob": -1.0} for each in "ab"]
    deltas = [
        {"type": f"{text}.delta", **where, "delta": each["token"], "logprobs": [each]}
        for each in tokens
    ]
    cited = {"type": f"{text}.annotation.added", **where, "annotation": {"type": "file_path"}}

    (item,) = output_of(*deltas, cited, cited)

    assert item["content"][0]["logprobs"] == tokens
    assert item["content"][0]["annotations"] == [{"type": "file_path"}] * 2


def test_an_item_that_is_done_is_final() -> None:
    done = {"type": "response.output_item.done", "output_index": 1}
    late = {"type": "response.output_text.delta", "output_index": 1, "delta": "late"}
    message = {"type": "message", "status": "completed", "content": []}

    found = output_of(added({"type": "reasoning"}), {**done, "item": message}, late)

    assert found == [{"type": "reasoning"}, message]


def test_a_filled_output_of_the_last_event_wins() -> None:
    streamed = added({"type": "message", "id": "old", "content": []})
    final = {"type": "message", "id": "new", "content": []}

    found = fed(response_stream(), [sse(CREATED, streamed, completed(final))])

    assert found.object["output"] == [final]


def test_a_response_that_was_cancelled_has_the_output_of_its_last_event() -> None:
    response = {"id": "resp_1", "status": "cancelled", "output": []}
    last = {"type": "response.failed", "response": response}

    found = fed(response_stream(), [sse(CREATED, added({"type": "message"}), last)])

    assert (found.complete, found.object) == (True, response)


@pytest.mark.parametrize("status", ["completed", "failed", "incomplete", "cancelled"])
def test_each_last_event_ends_the_stream(status: str) -> None:
    assembly = response_stream()
    assembly.feed(sse(CREATED))
    before = sse(added({"type": "message"}))
    assembly.feed(before + sse(completed(status=status)) + sse(CREATED))

    assert (assembly.ended, assembly.before_end, assembly.id) == (True, len(before), "resp_1")
    found = assembly.finish()
    assert (found.complete, found.object["status"]) == (True, status)


def test_a_last_event_without_a_response_says_the_status() -> None:
    found = fed(response_stream(), [sse(CREATED, {"type": "response.completed"})])

    assert (found.complete, found.object) == (
        True,
        {"id": "resp_1", "status": "completed", "output": []},
    )


ERROR = {"type": "error", "code": "rate_limited", "message": "Too fast.", "param": None}


def test_an_error_makes_a_response_fail() -> None:
    found = fed(response_stream(), [sse(CREATED, ERROR)])

    assert (found.complete, found.reason) == (False, "error")
    assert found.error == {"code": "rate_limited", "message": "Too fast.", "param": None}
    assert found.object == {
        "id": "resp_1",
        "status": "failed",
        "output": [],
        "error": {"code": "rate_limited", "message": "Too fast."},
    }


def test_the_failure_that_follows_an_error_is_the_last_event() -> None:
    error = {"code": "server_error", "message": "It failed."}
    last = {"type": "response.failed", "response": {"status": "failed", "error": error}}
    assembly = response_stream()
    assembly.feed(sse(CREATED, ERROR))
    assert not assembly.ended
    assembly.feed(sse(last))

    assert assembly.ended
    assert assembly.finish().object["error"] == error


def test_an_error_in_an_envelope_ends_the_stream_for_clients() -> None:
    assembly = response_stream()
    assembly.feed(sse(CREATED, {"error": {"message": "out of credit"}}))

    assert (assembly.ended, assembly.finish().error) == (True, {"message": "out of credit"})


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (sse(CREATED), "cut_off"),
        (sse(CREATED, "[DONE]"), "cut_off"),
        (sse(CREATED, '{"type": "re') + sse(completed()), "unreadable"),
        (b"<!doctype html><p>Please sign in", "no_events"),
        (b"", "no_events"),
        (sse({"id": "chatcmpl-1", "choices": []}), "no_events"),
    ],
)
def test_a_stream_that_lacks_something_is_not_complete(stream: bytes, reason: str) -> None:
    found = fed(response_stream(), [stream])

    assert (found.complete, found.reason) == (False, reason)


GROWING: dict[str, Callable[[int], JSON]] = {
    "items": lambda number: added({"type": "message"}, number),
    "items without a place": lambda number: {
        "type": "response.output_item.added",
        "item": {"type": "message", "id": str(number)},
    },
    "parts": lambda number: {"type": "response.refusal.delta", "content_index": number},
    "summaries": lambda number: {
        "type": "response.reasoning_summary_part.added",
        "summary_index": number,
        "part": {"type": "summary_text", "text": ""},
    },
    "texts": lambda _: {"type": "response.output_text.delta", "delta": "x" * 30},
    "logprobs": lambda _: {"type": "response.output_text.delta", "logprobs": [0.5]},
    "annotations": lambda _: {
        "type": "response.output_text.annotation.added",
        "annotation": {"a": 1},
    },
}


@pytest.mark.parametrize("grows", GROWING)
def test_nothing_grows_above_the_bound(grows: str) -> None:
    assembly = response_stream(max_chars=5_000)
    for number in range(2_000):
        assembly.feed(sse(GROWING[grows](number)))
    assembly.feed(sse(completed()))

    found = assembly.finish()
    assert (assembly.ended, found.reason) == (True, "too_large")
    assert len(str(found.object)) < 60_000


def test_a_part_far_away_is_left_out() -> None:
    far = {"type": "response.output_text.delta", "content_index": 10**9, "delta": "x"}

    assert output_of(far) == [{"type": "message", "status": "incomplete", "content": []}]


NAMES = [
    "type",
    "response",
    "item",
    "output_index",
    "content_index",
    "delta",
    "part",
    "id",
    "content",
    "error",
    "status",
    "logprobs",
    "annotation",
    "text",
    "item_id",
    "summary",
]
KINDS = [*PARTS, *(kind for kind, _, _ in TEXTS.values()), "content_part", "output_item"]
ANY_KIND: list[JSON] = [
    {"type": f"response.{kind}.{what}", "output_index": 0, "delta": "x", "part": {}, "item": {}}
    for kind in [*KINDS, "reasoning_summary_part", "output_text.annotation"]
    for what in ("added", "delta", "done")
]


@given(damaged([*events(streamed_response(EVERYTHING, {})[0])[:-1], *ANY_KIND, ERROR], NAMES))
def test_no_event_raises_an_error(found: list[JSON]) -> None:
    stream = sse(*found)

    whole = fed(response_stream(), [stream])

    assert whole == fed(response_stream(), in_pieces(stream, 7))
    json.dumps(whole.object, allow_nan=False)
