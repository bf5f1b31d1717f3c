"""A message is written once on an upstream that takes no notice of idempotency keys."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll_tools.client.groups import CONVERSATIONS, THREADS
from backscroll_tools.client.profiles import Upstream
from backscroll_tools.errors import ToolError
from backscroll_tools.tool import Result
from backscroll_tools.writes import once
from tests.tools.keyless import (
    BASE,
    DONE,
    FAILED,
    GONE,
    KEYLESS,
    LOST,
    REFUSED,
    REFUSED_YET_DONE,
    UNDERWAY_S,
    V2,
    WRONG,
    Deed,
    Writer,
    code_of,
    key_of,
    writing,
)

if TYPE_CHECKING:
    from backscroll_tools.models import JSON


@pytest.fixture(params=["marked", "unmarked", "conversation"])
async def placed(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Writer, str]]:
    """A writer and a thread: whose messages can be marked, cannot, or a conversation."""
    async with writing(keeps_metadata=request.param == "marked") as writer:
        kind = "conversations" if request.param == "conversation" else "threads"
        yield writer, await writer.new(kind)


@pytest.mark.parametrize("deed", [LOST, FAILED, REFUSED_YET_DONE])
async def test_a_message_whose_reply_was_lost_is_found(
    placed: tuple[Writer, str], deed: Deed
) -> None:
    writer, thread = placed
    writer.keyless.deeds = [deed]
    outcome = await writer.write(thread_id=thread)
    assert isinstance(outcome, Result), outcome
    assert await writer.messages(thread) == [(outcome.structured["message"]["id"], "a")]


async def test_what_is_refused_is_sent_again(placed: tuple[Writer, str]) -> None:
    writer, thread = placed
    writer.keyless.deeds = [REFUSED, REFUSED]
    assert code_of(await writer.write(thread_id=thread)) == "done"
    assert len(await writer.messages(thread)) == 1


async def test_what_is_refused_for_good_is_not(placed: tuple[Writer, str]) -> None:
    writer, thread = placed
    writer.keyless.deeds = [WRONG]
    assert code_of(await writer.write(thread_id=thread)) == "invalid_arguments"
    assert await writer.messages(thread) == []
    assert sum(line.startswith("POST") for line in writer.keyless.asked) == 1


async def test_what_may_be_on_its_way_is_not_sent_again_before_it_cannot_arrive(
    placed: tuple[Writer, str],
) -> None:
    writer, thread = placed
    writer.keyless.deeds = [GONE]
    first = await writer.write(thread_id=thread)
    writer.restart()
    again = await writer.write(thread_id=thread, idempotency_key=key_of(first))
    assert isinstance(again, ToolError)
    assert (code_of(first), again.code) == ("outcome_unknown", "outcome_unknown")
    assert re.search(r"again in 36\d s with", again.next_step)
    assert sum(line.startswith("POST") for line in writer.keyless.asked) == 1
    writer.keyless.now += UNDERWAY_S + 2
    last = await writer.write(thread_id=thread, idempotency_key=key_of(again))
    assert isinstance(last, Result), last
    assert await writer.messages(thread) == [(last.structured["message"]["id"], "a")]


async def test_what_came_late_is_the_answer(placed: tuple[Writer, str]) -> None:
    writer, thread = placed
    writer.keyless.deeds = [GONE]
    first = await writer.write(thread_id=thread)
    pairs = {once.MARKER: key_of(first).partition("~")[0]} if writer.keeps_metadata else {}
    if thread.startswith("conv_"):
        body: JSON = {"items": [{"role": "user", "content": [{"type": "input_text", "text": "a"}]}]}
        url = f"{BASE}/conversations/{thread}/items"
    else:
        body = {"role": "user", "content": "a", "metadata": pairs}
        url = f"{BASE}/threads/{thread}/messages"
    (await writer.http.post(url, json=body, headers=V2)).raise_for_status()
    again = await writer.write(thread_id=thread, idempotency_key=key_of(first))
    assert isinstance(again, Result), again
    assert await writer.messages(thread) == [(again.structured["message"]["id"], "a")]


async def test_a_repeated_call_gets_the_same_answer_and_asks_nothing(
    placed: tuple[Writer, str],
) -> None:
    writer, thread = placed
    first = await writer.write(thread_id=thread, content="first")
    writer.keyless.asked.clear()
    writer.restart()
    again = await writer.write(thread_id=thread, content="first", idempotency_key=key_of(first))
    assert isinstance(first, Result)
    assert isinstance(again, Result)
    assert again.structured["message"]["id"] == first.structured["message"]["id"]
    assert key_of(again) == key_of(first)
    assert writer.keyless.asked == []


async def test_a_callers_own_key_is_remembered_by_the_process(placed: tuple[Writer, str]) -> None:
    writer, thread = placed
    for _ in range(3):
        await writer.write(thread_id=thread, idempotency_key="mine")
    assert len(await writer.messages(thread)) == 1


async def test_a_callers_own_key_is_found_by_its_mark_after_a_restart() -> None:
    async with writing() as writer:
        thread = await writer.new()
        await writer.write(thread_id=thread, idempotency_key="mine")
        writer.restart()
        again = await writer.write(thread_id=thread, idempotency_key="mine")
        assert isinstance(again, Result)
        assert await writer.messages(thread) == [(again.structured["message"]["id"], "a")]


async def test_a_key_does_not_go_with_another_message(placed: tuple[Writer, str]) -> None:
    writer, thread = placed
    await writer.write(thread_id=thread, idempotency_key="mine")
    other = await writer.write(thread_id=thread, idempotency_key="mine", content="b")
    assert isinstance(other, ToolError)
    assert other.render() == (
        "invalid_arguments: idempotency_key was already used with another message.\n"
        "Next: To write this message, call without idempotency_key.\n"
        "Retry: safe without this idempotency_key; this call wrote nothing."
    )


async def test_two_calls_at_once_with_one_key_write_one_message(
    placed: tuple[Writer, str],
) -> None:
    writer, thread = placed
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(lambda: writer.write(thread_id=thread, idempotency_key="mine"))
    assert len(await writer.messages(thread)) == 1


async def test_the_same_said_twice_is_written_twice(placed: tuple[Writer, str]) -> None:
    writer, thread = placed
    writer.keyless.deeds = [DONE, LOST, GONE]
    outcomes = [await writer.write(thread_id=thread, content="yes") for _ in range(3)]
    assert list(map(code_of, outcomes)) == ["done", "done", "outcome_unknown"]
    ids = [each.structured["message"]["id"] for each in outcomes if isinstance(each, Result)]
    assert await writer.messages(thread) == [(ids[0], "yes"), (ids[1], "yes")]


@pytest.mark.parametrize("kind", ["thread", "conversation"])
async def test_a_new_thread_is_begun_once_and_gets_one_message(kind: str) -> None:
    async with writing() as writer:
        serves = THREADS if kind == "thread" else CONVERSATIONS
        profile = replace(KEYLESS, serves=frozenset({serves}))
        writer.client.upstream = Upstream(profile, BASE)
        writer.keyless.deeds = [GONE]
        first = await writer.write()
        writer.keyless.now += UNDERWAY_S + 2
        writer.restart()
        writer.client.upstream = Upstream(profile, BASE)
        again = await writer.write(idempotency_key=key_of(first))
        assert code_of(first) == "outcome_unknown"
        assert isinstance(again, Result), again
        thread = again.structured["thread_id"]
        assert await writer.messages(thread) == [(again.structured["message"]["id"], "a")]
        begun = [line for line in writer.keyless.asked if line == f"POST /{kind}s"]
        assert len(begun) == 1


async def test_a_key_of_a_new_thread_does_not_go_with_another_thread() -> None:
    async with writing() as writer:
        begun = await writer.write()
        other = await writer.write(thread_id=await writer.new(), idempotency_key=key_of(begun))
        assert isinstance(other, ToolError)
        assert other.message == "idempotency_key belongs to a message in another thread."


async def test_items_that_are_no_messages_hide_no_older_message() -> None:
    async with writing() as writer:
        calls = [
            {"type": "function_call", "call_id": f"c{at}", "name": "f", "arguments": "{}"}
            for at in range(19)
        ]
        said = {"role": "user", "content": [{"type": "input_text", "text": "a"}]}
        thread = await writer.new("conversations", said, *calls)
        await writer.http.post(f"{BASE}/conversations/{thread}/items", json={"items": calls})
        writer.keyless.deeds = [GONE]
        assert code_of(await writer.write(thread_id=thread)) == "outcome_unknown"


async def test_where_the_noted_message_is_gone_an_older_one_is_not_taken_for_ours() -> None:
    async with writing(keeps_metadata=False) as writer:
        thread = await writer.new()
        await writer.write(thread_id=thread)
        noted = await writer.write(thread_id=thread, content="noted")
        writer.keyless.deeds = [GONE]
        first = await writer.write(thread_id=thread)
        assert isinstance(noted, Result)
        url = f"{BASE}/threads/{thread}/messages/{noted.structured['message']['id']}"
        (await writer.http.delete(url, headers=V2)).raise_for_status()
        writer.keyless.now += UNDERWAY_S + 2
        writer.restart()
        again = await writer.write(thread_id=thread, idempotency_key=key_of(first))
        assert code_of(again) == "outcome_unknown"
        assert len(await writer.messages(thread)) == 1


async def test_a_read_that_fails_before_the_write_writes_nothing() -> None:
    async with writing() as writer:
        outcome = await writer.write(thread_id="thread_missing")
        assert code_of(outcome) == "not_found"
        assert not any(line.startswith("POST") for line in writer.keyless.asked)


DEEDS = st.lists(st.sampled_from([DONE, LOST, GONE, REFUSED, REFUSED_YET_DONE, FAILED]), max_size=8)


@given(DEEDS, st.booleans(), st.sampled_from([None, "mine"]), st.booleans())
def test_whatever_becomes_of_the_writes_there_is_one_message_in_the_end(
    deeds: Sequence[Deed], keeps_metadata: bool, key: str | None, restarts: bool
) -> None:
    async def play() -> None:
        async with writing(keeps_metadata=keeps_metadata) as writer:
            thread = await writer.new()
            writer.keyless.deeds = list(deeds)
            arguments: JSON = {} if key is None else {"idempotency_key": key}
            for _ in range(len(deeds) + 2):
                outcome = await writer.write(thread_id=thread, **arguments)
                there = await writer.messages(thread)
                assert len(there) <= 1
                arguments = {"idempotency_key": key_of(outcome)}
                if isinstance(outcome, Result):
                    assert there == [(outcome.structured["message"]["id"], "a")]
                if restarts:
                    writer.restart()
                writer.keyless.now += UNDERWAY_S + 2
            assert len(await writer.messages(thread)) == 1

    anyio.run(play)
