"""OpenAI's client of npm through the recorder: the same objects and events, and read back."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.clients.openai_node import NodeClient, call, earlier, node_client
from tests.models.dialects import DIALECTS, VLLM, Dialect
from tests.store.recorder.recording import (
    Recording,
    asked,
    listed,
    recording,
    texts,
    until,
    without,
)
from tests.store.recorder.requests import COMPLETIONS, RESPONSES

JSON = dict[str, Any]

NOT_SAME = ("id", "item_id", "call_id", "store", "previous_response_id")
"""Ids are those of the server's next answer; `store` is what the caller asked for."""


def completing(method: str = "create", **request: Any) -> JSON:  # noqa: ANN401 - any field of a request
    return call(f"chat.completions.{method}", {"model": "m", "store": True, **request})


def responding(method: str = "create", **request: Any) -> JSON:  # noqa: ANN401 - any field of a request
    return call(f"responses.{method}", {"model": "m", **request})


@dataclass(frozen=True, slots=True)
class Node:
    """The client of npm, which asks the model server itself, and through the recorder."""

    client: NodeClient
    here: Recording

    async def through(self, *calls: JSON, retries: int = 0) -> list[JSON]:
        """Return what the client got from the recorder."""
        return await asyncio.to_thread(self.client.session, self.here.url, calls, retries)

    async def both(
        self, *calls: JSON, more: Sequence[JSON] = (), besides: Sequence[str] = ()
    ) -> list[JSON]:
        """Make calls without the recorder and through it, and return what came through it.

        Args:
            calls: the calls, which must have the same outcome.
            more: calls that follow through the recorder only.
            besides: fields that may differ, besides those of `NOT_SAME`.
        """
        direct = await asyncio.to_thread(self.client.session, self.here.model.url, calls)
        came = await self.through(*calls, *more)
        names = (*NOT_SAME, *besides)
        assert without(came[: len(calls)], *names) == without(direct, *names)
        return came


@pytest.fixture(scope="module")
def client() -> Iterator[NodeClient]:
    with node_client() as running:
        yield running


@pytest.fixture
def node(client: NodeClient, here: Recording) -> Node:
    return Node(client, here)


def values(came: Sequence[JSON]) -> list[Any]:
    """Return what calls returned, none of which may have failed."""
    assert [each["error"] for each in came if "error" in each] == []
    return [each["value"] for each in came]


@pytest.mark.parametrize("name", COMPLETIONS)
async def test_a_completion_is_the_same_and_can_be_read_back(node: Node, name: str) -> None:
    request = COMPLETIONS[name]
    usage = {"include_usage": True}
    calls = [completing(**request), completing(**request, stream=True, stream_options=usage)]
    ids = [earlier(0, "id"), earlier(1, 0, "id")]
    read = [
        call(f"chat.completions.{each}", of) for of in ids for each in ("retrieve", "messages.list")
    ]
    whole, chunks, kept, messages, kept_stream, messages_of_stream = values(
        await node.both(*calls, more=read)
    )
    echoed = {key: request[key] for key in ("tools", "response_format") if key in request}
    assert without(kept, "metadata") == {**whole, **echoed}
    assert kept_stream["id"] == chunks[0]["id"] != kept["id"]
    assert {chunk["id"] for chunk in chunks} == {chunks[0]["id"]}
    assert without(kept_stream, "id") == without(kept, "id")
    assert without(messages_of_stream, "id") == without(messages, "id")
    said = [each["content_parts"] or each["content"] for each in messages]
    choices = whole["choices"]
    assert said[: len(request["messages"])] == [each["content"] for each in request["messages"]]
    assert len(said) == len(request["messages"]) + len(choices)


@pytest.mark.parametrize("name", RESPONSES)
async def test_a_response_is_the_same_and_can_be_read_back(node: Node, name: str) -> None:
    request = RESPONSES[name]
    calls = [responding(**request), responding(**request, stream=True)]
    ids = [earlier(0, "id"), earlier(1, 0, "response", "id")]
    read = [call(f"responses.{each}", of) for of in ids for each in ("retrieve", "inputItems.list")]
    whole, events, kept, items, kept_stream, items_of_stream = values(
        await node.both(*calls, more=read)
    )
    assert kept == whole
    assert without(kept_stream, "output_text") == events[-1]["response"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert {event["response"]["id"] for event in events if "response" in event} == {
        kept_stream["id"]
    }
    assert without(kept_stream, *NOT_SAME) == without(whole, *NOT_SAME)
    assert without(items_of_stream, "id") == without(items, "id")
    given = request["input"]
    assert len(items) == (1 if isinstance(given, str) else len(given))


@pytest.mark.parametrize("dialect", DIALECTS, ids=str)
async def test_what_each_server_sends_is_the_same_and_can_be_read_back(
    client: NodeClient, dialect: Dialect
) -> None:
    text = '/reason Think.\n/say One two three.\n/call weather {"city": "Oslo"}'
    calls = [
        each(stream=stream, **given)
        for stream in (False, True)
        for each, given in ((completing, {"messages": asked(text)}), (responding, {"input": text}))
    ]
    read = [
        call("chat.completions.retrieve", earlier(0, "id")),
        call("responses.retrieve", earlier(1, "id")),
        call("chat.completions.retrieve", earlier(2, 1, "id")),
        call("responses.retrieve", earlier(3, 0, "response", "id")),
    ]
    async with recording(dialect) as here:
        *_, first, second, third, fourth = values(await Node(client, here).both(*calls, more=read))
    for kept in (first, third):
        (choice,) = kept["choices"]
        (called,) = choice["message"]["tool_calls"]
        assert choice["message"]["content"] == "One two three."
        assert called["function"] == {"name": "weather", "arguments": '{"city": "Oslo"}'}
    for kept in (second, fourth):
        assert [item["type"] for item in kept["output"]] == [
            "reasoning",
            "function_call",
            "message",
        ]
        assert texts(kept["output"][2:]) == ["One two three."]


async def test_the_helpers_parse_and_assemble_the_same(node: Node) -> None:
    completion = {"messages": asked("Which?"), "response_format": {"$city": "completion"}}
    response = {"input": "Which?", "text": {"format": {"$city": "response"}}}
    calls = [
        completing("parse", **completion),
        completing("stream", **completion),
        responding("parse", **response),
        responding("stream", **response),
    ]
    read = [
        call("chat.completions.retrieve", earlier(1, 0, "id")),
        call("responses.retrieve", earlier(3, 0, "response", "id")),
    ]
    came = await node.both(*calls, more=read)
    parsed, _, responded, _, kept, kept_response = values(came)
    city = {"name": "text", "people": 1.5}
    assert parsed["choices"][0]["message"]["parsed"] == city
    assert came[1]["final"]["choices"][0]["message"]["parsed"] == city
    assert responded["output_parsed"] == came[3]["final"]["output_parsed"] == city
    assert kept["choices"][0]["message"]["content"] == parsed["choices"][0]["message"]["content"]
    assert kept_response["output_text"] == responded["output_text"]


@pytest.mark.parametrize("stream", [False, True])
async def test_errors_are_the_same_and_nothing_is_kept(node: Node, *, stream: bool) -> None:
    scripts = [f"/error {status} No." for status in (400, 401, 403, 404, 409, 422, 429, 500, 503)]
    calls = [
        each
        for text in scripts
        for each in (
            completing(messages=asked(text), stream=stream),
            responding(input=text, stream=stream),
        )
    ]
    came = await node.both(*calls)
    assert [each["error"]["status"] for each in came[::2]] == [
        int(text.split()[1]) for text in scripts
    ]
    assert await listed(node.here.client, "/responses") == []
    assert await listed(node.here.client, "/chat/completions") == []


async def test_an_error_inside_a_stream_is_the_same(node: Node) -> None:
    text = "/say One two three.\n/error-inside 4 Out of credit."
    calls = [
        completing(messages=asked(text), stream=True),
        responding(input=text, stream=True),
    ]
    completion, response = await node.both(*calls)
    assert [each["error"]["message"] for each in (completion, response)] == 2 * ["Out of credit."]
    (kept,) = await listed(node.here.client, "/chat/completions")
    (kept_response,) = await listed(node.here.client, "/responses")
    assert kept["incomplete_details"] == {"reason": "error"}
    assert kept_response["status"] == "failed"


@pytest.mark.parametrize("stream", [False, True])
async def test_the_client_tries_again_and_what_it_got_is_kept_once(
    node: Node, *, stream: bool
) -> None:
    text = "/error-once 503 Busy.\n/say Done."
    calls = [
        completing(messages=asked(text), stream=stream),
        responding(input=text, stream=stream),
    ]
    values(await node.through(*calls, retries=2))
    (kept,) = await listed(node.here.client, "/chat/completions")
    (kept_response,) = await listed(node.here.client, "/responses")
    assert len(await node.here.model.asked()) == 4
    assert kept["choices"][0]["message"]["content"] == "Done."
    assert texts(kept_response["output"]) == ["Done."]


async def test_a_key_is_answered_once(node: Node) -> None:
    once = {"headers": {"Idempotency-Key": "once"}}
    calls = [
        call("responses.create", {"model": "m", "input": "one", "stream": stream}, once)
        for stream in (False, True, False)
    ]
    first, events, again = values(await node.through(*calls))
    assert first == again
    assert without(first, "output_text") == events[-1]["response"]
    assert len(await node.here.model.asked()) == 1


async def test_a_chain_of_responses_is_the_same(node: Node) -> None:
    calls = [
        responding(input="one"),
        responding(input="two", previous_response_id=earlier(0, "id")),
        responding(input="three", previous_response_id=earlier(1, "id"), stream=True),
        responding(input="four", previous_response_id="resp_unknown"),
    ]
    last = earlier(2, 0, "response", "id")
    two_at_a_time = call("responses.inputItems.list", last, {"limit": 2})
    # The model server counts the earlier turns that it gets, and names no parameter.
    first, second, _, refused, items = await node.both(
        *calls, more=[two_at_a_time], besides=["usage", "param"]
    )
    assert second["value"]["previous_response_id"] == first["value"]["id"]
    assert refused["error"]["code"] == "previous_response_not_found"
    newest_first = ["three", "You said: two", "two", "You said: one", "one"]
    assert texts(items["value"]) == newest_first


@pytest.mark.parametrize("stream", [False, True])
async def test_a_conversation_is_continued_at_a_server_that_keeps_none(
    client: NodeClient, *, stream: bool
) -> None:
    conversation = earlier(0, "id")
    calls = [
        call("conversations.create", {"items": asked("Be kind."), "metadata": {"a": "b"}}),
        responding(input="one", conversation=conversation, stream=stream),
        responding(input="two", conversation=conversation, stream=stream),
        call("conversations.items.list", conversation, {"order": "asc", "limit": 2}),
        call("conversations.retrieve", conversation),
    ]
    async with recording(VLLM) as here:
        created, _, last, items, kept = values(await Node(client, here).through(*calls))
        sent = (await here.model.last())["body"]
    answer = last[-1]["response"] if stream else last
    said = ["Be kind.", "one", "You said: one", "two", "You said: two"]
    assert answer["conversation"] == {"id": created["id"]}
    assert texts(items) == said
    assert texts(sent["input"]) == said[:-1]
    assert kept == created


async def test_lists_are_read_page_by_page(node: Node) -> None:
    made = [completing(messages=asked(str(number)), metadata={"a": "b"}) for number in range(5)]
    calls = [
        *made,
        call("chat.completions.list", {"limit": 2, "metadata": {"a": "b"}}),
        call("chat.completions.delete", earlier(0, "id")),
        call("chat.completions.retrieve", earlier(0, "id")),
        responding(input="one"),
        call("responses.delete", earlier(8, "id")),
        call("responses.retrieve", earlier(8, "id")),
    ]
    came = await node.through(*calls)
    ids = [each["value"]["id"] for each in came[:5]]
    assert [each["id"] for each in came[5]["value"]] == ids
    assert came[6]["value"]["deleted"] is True
    assert [came[number]["error"]["kind"] for number in (7, 10)] == 2 * ["NotFoundError"]


async def test_a_stream_that_breaks_off_ends_as_the_api_ends_one(node: Node) -> None:
    text = "/say One two three.\n/cut 3"
    calls = [
        completing(messages=asked(text), stream=True),
        responding(input=text, stream=True),
    ]
    completion, response = await node.through(*calls)
    (kept,) = await listed(node.here.client, "/chat/completions")
    (kept_response,) = await listed(node.here.client, "/responses")
    assert completion["error"]["kind"] == "APIError"
    assert completion["error"]["body"]["code"] == "model_server_disconnected"
    last = response["value"][-1]
    assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")
    assert last["response"]["error"]["code"] == "server_error"
    reason = {"reason": "cut_off"}
    assert kept["incomplete_details"] == kept_response["incomplete_details"] == reason


async def test_a_stream_that_the_client_leaves_is_kept_as_far_as_it_came(node: Node) -> None:
    text = "/pause 0.01\n/say " + "word " * 200
    stream = {"model": "m", "store": True, "stream": True}
    calls = [
        call("chat.completions.create", {**stream, "messages": asked(text)}, until=3),
        call("responses.create", {**stream, "input": text}, until=8),
    ]
    values(await node.through(*calls))
    # The recorder notices that the client has left after the client has said so.
    (kept,) = await until(lambda: listed(node.here.client, "/chat/completions"))
    (kept_response,) = await until(lambda: listed(node.here.client, "/responses"))
    reason = {"reason": "caller_disconnected"}
    assert kept["incomplete_details"] == kept_response["incomplete_details"] == reason
    assert kept["choices"][0]["message"]["content"].startswith("word word ")
    assert texts(kept_response["output"])[0].startswith("word word ")


async def test_what_the_store_does_not_keep_passes_through(node: Node) -> None:
    calls = [
        call("models.list"),
        call("embeddings.create", {"model": "m", "input": ["a b", "c"]}),
        call("files.list"),
    ]
    await node.both(*calls)
