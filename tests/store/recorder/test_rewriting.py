"""Other ids in the streams and the bodies of model servers."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll.store.recorder.assembling.completion_stream import completion_stream
from backscroll.store.recorder.assembling.response_stream import response_stream
from backscroll.store.recorder.assembling.rewriting import (
    Change,
    EventRewriter,
    completion_change,
    response_change,
    rewritten,
)
from tests.models.dialects import DIALECTS, Dialect
from tests.models.script import JSON, Answer, Call
from tests.store.recorder.streams import (
    ANSWERS,
    CUTS,
    DONE,
    SIZES,
    chunk,
    fed,
    in_pieces,
    official_client,
    split,
    sse,
    streamed_completion,
    streamed_response,
)

EVERYTHING = Answer("It is cold.", "hm", calls=(Call("weather", '{"city": "Oslo"}'),))
RENAMED = completion_change("chatcmpl-mine")
MINE = {
    "id": "resp_mine",
    "store": True,
    "previous_response_id": "resp_before",
    "conversation": {"id": "conv_1"},
}


def rewrite(change: Change, pieces: Iterable[bytes]) -> bytes:
    rewriter = EventRewriter(change)
    return b"".join([*map(rewriter.feed, pieces), rewriter.finish()])


def objects(stream: bytes) -> list[JSON]:
    data = [line[5:] for line in stream.splitlines() if line.startswith(b"data:")]
    return [json.loads(each) for each in data if each.strip().startswith(b"{")]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dialect", DIALECTS, ids=str)
def test_every_chunk_gets_the_id_and_keeps_everything_else(dialect: Dialect, size: int) -> None:
    _, stream = streamed_completion(EVERYTHING, {"n": 2, "messages": []}, dialect)

    found = rewrite(RENAMED, in_pieces(stream, size))

    ids = [b'"id":""', b'"id":"chatcmpl-1"']
    expected = stream
    for each in ids:
        expected = expected.replace(b"data: {" + each, b'data: {"id":"chatcmpl-mine"')
    assert found == expected
    assert {each["id"] for each in objects(found)} == {"chatcmpl-mine"}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dialect", DIALECTS, ids=str)
def test_every_response_in_a_stream_gets_the_fields(dialect: Dialect, size: int) -> None:
    whole, stream = streamed_response(EVERYTHING, {"store": False}, dialect)

    found = rewrite(response_change(MINE), in_pieces(stream, size))

    before, after = objects(stream), objects(found)
    assert after == [
        {**event, "response": {**event["response"], **MINE}} if "response" in event else event
        for event in before
    ]
    assert fed(response_stream(), [found]).object == {**whole, **MINE}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dialect", DIALECTS, ids=str)
def test_every_item_of_a_response_gets_another_id_wherever_an_event_has_it(
    dialect: Dialect, size: int
) -> None:
    whole, stream = streamed_response(EVERYTHING, {}, dialect)
    change = response_change({"id": "resp_mine"}, lambda given: f"{given}_mine")
    output = [{**item, "id": f"{item['id']}_mine"} for item in whole["output"]]

    found = rewrite(change, in_pieces(stream, size))
    body = rewritten(json.dumps(whole).encode(), change)

    expected = {**whole, "id": "resp_mine", "output": output}
    assert fed(response_stream(), [found]).object == expected == json.loads(body)
    ids = {event["item_id"] for event in objects(found) if "item_id" in event}
    assert ids == {item["id"] for item in output}


def test_items_without_an_id_and_outputs_of_any_kind_are_kept() -> None:
    change = response_change({}, lambda given: f"{given}_mine")
    body = b'{"output" : [ 1, {"id":null}, {"id" : "a" , "x": [ ] }, [] ,{}, {"id":""}] }'

    assert rewritten(body, change) == body.replace(b'"a"', b'"a_mine"')
    for kept in (b'{"output":{"id":"a"}}', b'{"item":"a","item_id":7}', b'{"output":[]}'):
        assert rewritten(kept, change) == kept


@given(ANSWERS, st.sampled_from(DIALECTS), CUTS)
def test_any_answer_is_rewritten_however_its_bytes_are_divided(
    answer: Answer, dialect: Dialect, cuts: list[int]
) -> None:
    _, stream = streamed_response(answer, {}, dialect)
    change = response_change(MINE, lambda given: f"{given}_mine")

    assert rewrite(change, split(stream, cuts)) == rewrite(change, [stream])


@given(ANSWERS)
def test_the_official_client_takes_a_stream_that_was_rewritten(answer: Answer) -> None:
    _, stream = streamed_response(answer, {})
    found = rewrite(response_change(MINE), [stream])

    with official_client(found) as client, client.responses.stream(model="m", input="x") as events:
        final = events.get_final_response()

    assert (final.id, final.previous_response_id) == ("resp_mine", "resp_before")


UNCHANGED = (
    b'\xef\xbb\xbf: comment\r\nevent: x\rdata:  {"id" : "chatcmpl-mine", "choices":[ ]}\n\n'
    b'data: {"error": {"id": "other", "message": "\xff\xfe"}}\nid: 1\n\ndata: hello\n\n'
    b'data: {"id": "cut\n\ndata: ["id"]\n\ndata: {\ndata: "a": 1}\n\n' + DONE + b'data: {"id"'
)


@given(CUTS)
def test_an_event_that_needs_no_change_keeps_every_byte(cuts: list[int]) -> None:
    assert rewrite(RENAMED, split(UNCHANGED, cuts)) == UNCHANGED
    assert rewrite(response_change(MINE), split(UNCHANGED, cuts)) == UNCHANGED


@given(st.binary(max_size=300), CUTS)
def test_any_bytes_that_are_no_chunks_are_kept(data: bytes, cuts: list[int]) -> None:
    assert rewrite(RENAMED, split(data, cuts)) == data


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"choices":[]}', '{"id":"chatcmpl-mine","choices":[]}'),
        ('{ "choices" : [ ] , "id" : null }', '{ "choices" : [ ] , "id" : "chatcmpl-mine" }'),
        ('{"id":"a","choices":[{"id":"a"}]}', '{"id":"chatcmpl-mine","choices":[{"id":"a"}]}'),
        (
            '{"id":"a","id":"b","choices":[]}',
            '{"id":"chatcmpl-mine","id":"chatcmpl-mine","choices":[]}',
        ),
        (
            '{"id":7,"choices":[{"delta":{"content":"\\"id\\":7"}}]}',
            '{"id":"chatcmpl-mine","choices":[{"delta":{"content":"\\"id\\":7"}}]}',
        ),
        (
            '{"object":"chat.completion.chunk"}',
            '{"id":"chatcmpl-mine","object":"chat.completion.chunk"}',
        ),
        ('{"i\\u0064":"a","choices":[]}', '{"i\\u0064":"chatcmpl-mine","choices":[]}'),
        ('{"error":{"message":"x"}}', '{"error":{"message":"x"}}'),
        ("{}", "{}"),
        ("[]", "[]"),
        ('"id"', '"id"'),
        ('{"id":"a","choices":', '{"id":"a","choices":'),
        ("<p>", "<p>"),
        ("", ""),
        ("[" * 100_000, "[" * 100_000),
        ('{"choices":' + "[" * 100_000, '{"choices":' + "[" * 100_000),
    ],
    ids=range(16),
)
def test_a_body_that_is_not_streamed_gets_the_id(before: str, after: str) -> None:
    assert rewritten(before.encode(), RENAMED) == after.encode()


def test_a_response_that_is_not_streamed_gets_the_fields() -> None:
    body = b'{ "id":"resp_1", "store":false,\n"output":[{"id":"resp_1"}], "response_id": 1}'

    found = rewritten(body, response_change({"id": "resp_mine", "store": True, "user": None}))

    assert found == (
        b'{"user":null, "id":"resp_mine", "store":true,\n"output":[{"id":"resp_1"}], '
        b'"response_id": "resp_mine"}'
    )


def test_the_id_of_the_response_is_changed_wherever_an_event_has_it() -> None:
    event = b'data: {"type":"response.audio.delta","response_id":"resp_1","item_id":"resp_1"}\n\n'

    found = rewrite(response_change({"id": "resp_mine"}), [event])

    assert found == event.replace(b'"response_id":"resp_1"', b'"response_id":"resp_mine"')


def test_an_object_on_several_lines_is_rewritten_with_its_lines() -> None:
    stream = b'event: x\r\ndata: {"id":\r\nretry: 1\r\ndata: "a",\r\ndata:"choices": []}\r\n\r\n'

    found = rewrite(RENAMED, [stream])

    assert found == stream.replace(b'"a"', b'"chatcmpl-mine"')


def test_a_line_is_sent_on_as_soon_as_it_is_whole() -> None:
    rewriter = EventRewriter(RENAMED)

    assert rewriter.feed(b": wait\n\ndata: {") == b": wait\n\n"
    assert rewriter.feed(b'"choices":[]}\n') == b'data: {"id":"chatcmpl-mine","choices":[]}\n'
    assert rewriter.feed(b"\n") == b"\n"


@pytest.mark.parametrize("line", [b"data: {" + b" " * 10, b'data: {"a":\n'])
def test_an_event_above_the_bound_and_what_follows_it_are_left_out(line: bytes) -> None:
    rewriter = EventRewriter(RENAMED, 1_000)
    first = rewriter.feed(sse(chunk({"content": "a"})))
    rest = [rewriter.feed(line) for _ in range(1_000)]

    assert objects(first)[0]["id"] == "chatcmpl-mine"
    assert (b"".join(rest), rewriter.is_too_large) == (b"", True)
    assert (rewriter.feed(DONE), rewriter.finish()) == (b"", b"")


@given(st.dictionaries(st.text(max_size=5), st.none() | st.text(max_size=5) | st.integers()))
def test_an_object_of_any_text_is_the_same_but_for_the_id(fields: dict[str, Any]) -> None:
    value = {**fields, "choices": []}
    for text in (json.dumps(value, ensure_ascii=False), json.dumps(value, indent=1)):
        found = json.loads(rewritten(text.encode(), RENAMED))

        assert found == {**value, "id": "chatcmpl-mine"}


def test_what_is_assembled_after_the_rewriting_has_the_id() -> None:
    whole, stream = streamed_completion(EVERYTHING, {"messages": []})

    found = fed(completion_stream(), [rewrite(RENAMED, [stream])])

    assert found.object["id"] == "chatcmpl-mine"
    assert found.object["choices"] == whole["choices"]
