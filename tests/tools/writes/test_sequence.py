"""Several messages of a new thread, in order and each exactly once, whatever is lost."""

from collections.abc import AsyncIterator

import pytest

from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.tool import Result
from tests.tools.keyless import (
    FAILED,
    GONE,
    LATE,
    LOST,
    REFUSED,
    REFUSED_YET_DONE,
    UNDERWAY_S,
    Deed,
    Writer,
    code_of,
    key_of,
    writing,
)
from tests.tools.opened import opened

MESSAGES: list[JSON] = [{"role": "user", "content": text} for text in "abac"]


@pytest.fixture
async def writer() -> AsyncIterator[Writer]:
    async with writing() as opening:
        yield opening


@pytest.fixture(params=["thread", "conversation"])
def kind(request: pytest.FixtureRequest) -> str:
    """What is created."""
    return str(request.param)


async def _texts(writer: Writer, outcome: Result | ToolError) -> list[str]:
    assert isinstance(outcome, Result), outcome
    return [text for _, text in await writer.messages(outcome.structured["thread_id"])]


@pytest.mark.parametrize("deed", [LOST, FAILED, REFUSED])
async def test_messages_are_written_in_order_although_a_reply_was_lost(
    writer: Writer, kind: str, deed: Deed
) -> None:
    writer.keyless.deeds = [deed, deed]
    outcome = await writer.call("create-thread", kind=kind, messages=MESSAGES)
    assert await _texts(writer, outcome) == [*"abac"]


@pytest.mark.parametrize("restarts", [False, True])
async def test_an_interrupted_creation_goes_on_where_it_ended(
    writer: Writer, kind: str, restarts: bool
) -> None:
    writer.keyless.deeds = [LOST, GONE]
    first = await writer.call("create-thread", kind=kind, messages=MESSAGES)
    assert code_of(first) == "outcome_unknown"
    if restarts:
        writer.restart()
    key = key_of(first)
    soon = await writer.call("create-thread", kind=kind, messages=MESSAGES, idempotency_key=key)
    assert isinstance(soon, ToolError)
    assert f"in {int(UNDERWAY_S)}" in soon.render() or "in 36" in soon.render()
    writer.keyless.now += UNDERWAY_S + 2
    done = await writer.call("create-thread", kind=kind, messages=MESSAGES, idempotency_key=key)
    assert await _texts(writer, done) == [*"abac"]


async def test_a_message_that_was_refused_yet_written_is_not_written_again(
    writer: Writer, kind: str
) -> None:
    writer.keyless.deeds = [LOST, REFUSED_YET_DONE]
    writer.keyless.lists = [200, 500, 500, 500, 500, 500]  # the search after the refusal fails
    first = await writer.call("create-thread", kind=kind, messages=MESSAGES)
    assert code_of(first) == "rate_limited"
    key = key_of(first)
    done = await writer.call("create-thread", kind=kind, messages=MESSAGES, idempotency_key=key)
    assert await _texts(writer, done) == [*"abac"]


async def test_what_arrived_late_is_not_written_again(writer: Writer, kind: str) -> None:
    writer.keyless.deeds = [LOST, LATE]
    first = await writer.call("create-thread", kind=kind, messages=MESSAGES)
    await writer.keyless.arrive()
    key = key_of(first)
    done = await writer.call("create-thread", kind=kind, messages=MESSAGES, idempotency_key=key)
    again = await writer.call(
        "create-thread", kind=kind, messages=MESSAGES, idempotency_key=key_of(done)
    )
    assert await _texts(writer, done) == [*"abac"]
    assert isinstance(again, Result)
    assert isinstance(done, Result)
    assert again.structured["thread_id"] == done.structured["thread_id"]


async def test_a_caller_s_own_key_creates_one_thread(writer: Writer, kind: str) -> None:
    made = [
        await writer.call("create-thread", kind=kind, messages=MESSAGES, idempotency_key="mine")
        for _ in range(2)
    ]
    first, second = made
    assert isinstance(first, Result)
    assert isinstance(second, Result)
    assert first.structured["thread_id"] == second.structured["thread_id"]
    assert await _texts(writer, second) == [*"abac"]


async def test_a_key_of_another_tool_is_refused(writer: Writer) -> None:
    key = key_of(await writer.call("create-message", role="user", content="a"))
    error = await writer.call("create-thread", idempotency_key=key)
    assert isinstance(error, ToolError)
    assert error.message == "idempotency_key belongs to another tool."


async def test_the_store_creates_everything_at_once_and_once_for_each_key(kind: str) -> None:
    async with opened() as store:
        given: JSON = {"kind": kind, "messages": MESSAGES, "metadata": {"title": "t"}}
        made = [
            await store.result("create-thread", **given, idempotency_key=key)
            for key in ("one", "one", "two")
        ]
        threads = [result.structured["thread_id"] for result in made]
        listed = await store.result("list-messages", thread_id=threads[0], order="asc")
        read = await store.result("get-thread", thread_id=threads[0])
    assert threads[0] == threads[1] != threads[2]
    assert [message["text"] for message in listed.structured["messages"]] == [*"abac"]
    assert read.structured["thread"]["title"] == "t"


async def test_a_thread_can_be_created_without_messages(kind: str) -> None:
    async with opened() as store:
        made = await store.result("create-thread", kind=kind)
        listed = await store.result("list-messages", thread_id=made.structured["thread_id"])
    assert listed.structured["messages"] == []


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user"}],
        [{"role": "system", "content": "a"}],
        [{"role": "user", "content": ""}],
        [{"role": "user", "content": "a"}] * 21,
    ],
)
async def test_messages_that_cannot_be_written_are_refused(messages: list[JSON]) -> None:
    async with opened() as store:
        error = await store.error("create-thread", messages=messages)
    assert error.code == "invalid_arguments"
