"""Streams of model servers, and how they are fed."""

import json
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from typing import Any

import httpx2
import openai
from hypothesis import strategies as st

from backscroll.store.recorder.assembling.assembly import Assembled, Assembly
from tests.models.completions import chunks, completion
from tests.models.dialects import OPENAI, Dialect, as_events
from tests.models.responses import events, response
from tests.models.script import JSON, Answer, Call

DONE = b"data: [DONE]\n\n"


def sse(*values: object, end: str = "\n") -> bytes:
    """Return events with this data, which is text or becomes JSON."""
    found = []
    for value in values:
        data = value if isinstance(value, str) else json.dumps(value)
        found.append(f"data: {data}{end}{end}")
    return "".join(found).encode()


def chunk(delta: object = None, index: int = 0, **more: Any) -> JSON:  # noqa: ANN401 - any field
    """Return a chunk with one choice."""
    finish = more.pop("finish_reason", None)
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return {**base, "choices": [choice], **more}


def fed(assembly: Assembly, pieces: Iterable[bytes]) -> Assembled:
    """Return what pieces of a stream are assembled to."""
    for piece in pieces:
        assembly.feed(piece)
    return assembly.finish()


def official_client(stream: bytes) -> openai.OpenAI:
    """Return OpenAI's client, which gets this stream in reply to every request."""
    headers = {"content-type": "text/event-stream"}
    transport = httpx2.MockTransport(
        lambda _: httpx2.Response(200, headers=headers, content=stream)
    )
    http = openai.DefaultHttpxClient(transport=transport)
    return openai.OpenAI(base_url="http://model/v1", api_key="key", http_client=http)


def common(value: Any, shape: Any) -> Any:  # noqa: ANN401 - any JSON values
    """Return the part of `value` whose fields `shape` has too.

    The objects of OpenAI's client have fields of its own, such as `parsed`.
    """
    if isinstance(value, dict) and isinstance(shape, dict):
        return {key: common(value[key], shape[key]) for key in shape}
    if isinstance(value, list) and isinstance(shape, list):
        return [common(*each) for each in zip(value, shape, strict=True)]
    return value


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Yield `data` in pieces of this size."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def split(data: bytes, cuts: Sequence[int]) -> Iterator[bytes]:
    """Yield `data` in pieces that end at these offsets."""
    start = 0
    for cut in sorted({min(cut, len(data)) for cut in cuts}):
        yield data[start:cut]
        start = cut
    yield data[start:]


def streamed_completion(
    answer: Answer, body: JSON, dialect: Dialect = OPENAI
) -> tuple[JSON, bytes]:
    """Return a completion whole, and its stream."""
    whole = completion(answer, body, "chatcmpl-1")
    found = as_events(dialect.frames(chunks(whole, body), body), dialect)
    if dialect.sends_done:
        found += as_events(["data: [DONE]"], dialect)
    return dialect.whole(whole), b"".join(found)


def streamed_response(answer: Answer, body: JSON, dialect: Dialect = OPENAI) -> tuple[JSON, bytes]:
    """Return a response whole, and its stream."""
    whole = response(answer, body, "resp_1")
    return whole, b"".join(as_events(list(dialect.events(events(whole))), dialect))


def places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value inside a JSON value: the keys and indexes that lead to it."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield (*path, key)
            yield from places(value[key], (*path, key))


@st.composite
def damaged(draw: st.DrawFn, events: Sequence[JSON], names: Sequence[str]) -> list[JSON]:
    """Draw a stream of which up to eight values are replaced with any others."""
    values = st.recursive(
        st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=3),
        lambda inside: (
            st.lists(inside, max_size=3)
            | st.dictionaries(st.sampled_from(names), inside, max_size=4)
        ),
        max_leaves=8,
    )
    found = deepcopy(list(events))
    for _ in range(draw(st.integers(1, 8))):
        event = draw(st.sampled_from(found))
        paths = list(places(event))
        if paths:
            *path, last = draw(st.sampled_from(paths))
            holder: Any = event
            for key in path:
                holder = holder[key]
            holder[last] = draw(values)
    return draw(st.permutations(found)) if draw(st.booleans()) else found


SIZES = (1, 9, 1_000_000)
"""Of the pieces in which the stream of each dialect is fed."""

CUTS = st.lists(st.integers(0, 6_000), max_size=40)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
CALLS = st.builds(
    Call, st.sampled_from(["weather", "time"]), st.dictionaries(WORDS, WORDS).map(json.dumps)
)
ANSWERS = st.builds(
    Answer,
    text=WORDS,
    reasoning=WORDS,
    refusal=WORDS,
    citation=st.none() | st.tuples(WORDS, WORDS),
    calls=st.lists(CALLS, max_size=3).map(tuple),
)
