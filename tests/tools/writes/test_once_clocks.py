"""A message is written once, however wrong the clocks of those who may write it are."""

import re
from collections.abc import Mapping
from dataclasses import replace
from email.utils import formatdate
from typing import Final

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll_tools.client.profiles import Header
from backscroll_tools.errors import ToolError
from backscroll_tools.tool import Result
from backscroll_tools.writes import keys
from tests.tools.keyless import (
    GONE,
    LATE,
    UNDERWAY_S,
    Keyless,
    Writer,
    code_of,
    key_of,
    writing,
)

HOUR_S: Final = 3_600.0
YEAR_S: Final = 365 * 24 * HOUR_S


def dated(keyless: Keyless) -> Mapping[str, str]:
    """Return the headers of an upstream that tells the time."""
    return {"Date": formatdate(keyless.now, usegmt=True)}


def elsewhere(writer: Writer, ahead_s: float) -> None:
    """Go on in another process, whose clock is so many seconds ahead."""
    writer.ahead_s = ahead_s
    writer.restart()


def wait_s(outcome: Result | ToolError) -> int:
    """Return after how many seconds an error says to call again."""
    assert isinstance(outcome, ToolError), outcome
    found = re.search(r"again in (\d+) s with", outcome.next_step)
    assert found, outcome.render()
    return int(found[1])


@pytest.mark.parametrize("first_s", [0.0, -HOUR_S, HOUR_S])
@pytest.mark.parametrize("second_s", [-30 * YEAR_S, -HOUR_S, HOUR_S, 30 * YEAR_S])
async def test_what_may_be_on_its_way_is_not_sent_again_by_a_process_with_another_clock(
    first_s: float, second_s: float
) -> None:
    async with writing(keeps_metadata=False) as writer:
        writer.keyless.headers = dated
        thread = await writer.new()
        elsewhere(writer, first_s)
        writer.keyless.deeds = [LATE]
        first = await writer.write(thread_id=thread)
        writer.keyless.now += 10
        elsewhere(writer, second_s)
        again = await writer.write(thread_id=thread, idempotency_key=key_of(first))
        assert (code_of(first), code_of(again)) == ("outcome_unknown", "outcome_unknown")
        assert 350 <= wait_s(again) <= 352
        writer.keyless.now += 200
        await writer.keyless.arrive()
        last = await writer.write(thread_id=thread, idempotency_key=key_of(again))
        assert isinstance(last, Result)
        assert await writer.messages(thread) == [(last.structured["message"]["id"], "a")]


@pytest.mark.parametrize("second_s", [-HOUR_S, HOUR_S])
async def test_what_cannot_arrive_any_more_is_written_whatever_clock_a_process_has(
    second_s: float,
) -> None:
    async with writing() as writer:
        writer.keyless.headers = dated
        thread = await writer.new()
        writer.keyless.deeds = [GONE]
        first = await writer.write(thread_id=thread)
        writer.keyless.now += UNDERWAY_S + 2
        elsewhere(writer, second_s)
        assert (
            code_of(await writer.write(thread_id=thread, idempotency_key=key_of(first))) == "done"
        )


async def test_without_a_date_a_clock_that_is_behind_makes_nobody_wait_for_hours() -> None:
    async with writing() as writer:
        thread = await writer.new()
        elsewhere(writer, HOUR_S)
        writer.keyless.deeds = [GONE]
        first = await writer.write(thread_id=thread)
        elsewhere(writer, -30 * YEAR_S)
        again = await writer.write(thread_id=thread, idempotency_key=key_of(first))
        assert wait_s(again) == UNDERWAY_S
        writer.keyless.now += UNDERWAY_S
        last = await writer.write(thread_id=thread, idempotency_key=key_of(again))
        assert code_of(last) == "done"


@pytest.mark.parametrize("jump_s", [-HOUR_S, HOUR_S])
async def test_without_a_date_a_process_goes_by_the_time_that_passed_for_it(jump_s: float) -> None:
    async with writing() as writer:
        thread = await writer.new()
        writer.keyless.deeds = [GONE]
        first = await writer.write(thread_id=thread)
        writer.ahead_s = jump_s
        writer.keyless.now += 10
        again = await writer.write(thread_id=thread, idempotency_key=key_of(first))
        assert wait_s(again) == UNDERWAY_S - 10
        writer.keyless.now += UNDERWAY_S - 10
        last = await writer.write(thread_id=thread, idempotency_key=key_of(again))
        assert code_of(last) == "done"


async def test_a_reply_out_of_a_cache_tells_no_time() -> None:
    def cached(keyless: Keyless) -> Mapping[str, str]:
        return {"Date": formatdate(keyless.now - HOUR_S, usegmt=True), "Age": "3600"}

    async with writing() as writer:
        writer.keyless.headers = cached
        thread = await writer.new()
        writer.keyless.deeds = [GONE]
        first = await writer.write(thread_id=thread)
        key = keys.read(key_of(first))
        assert (key.sent_at, key.sent_by) == (writer.keyless.now + 1, "wall")


async def test_a_message_was_sent_when_it_left_and_not_when_it_began_to_wait_for_its_turn() -> None:
    async def slow() -> Header:
        if writer.keyless.asked:  # the newest message has been noted
            writer.keyless.now += 50
        return "Authorization", "Bearer x"

    async with writing() as writer:
        thread = await writer.new()
        writer.client.upstream = replace(writer.client.upstream, credential=slow)
        writer.keyless.deeds = [GONE]
        begun_at = writer.keyless.now
        key = keys.read(key_of(await writer.write(thread_id=thread)))
        assert key.sent_at >= begun_at + 50


SKEW = st.floats(-30 * YEAR_S, 30 * YEAR_S)


@given(SKEW, st.lists(st.tuples(SKEW, st.floats(0, 200)), max_size=6), st.floats(0, 300))
def test_one_key_in_processes_of_any_clocks_writes_one_message(
    first_s: float, calls: list[tuple[float, float]], arrives_s: float
) -> None:
    async def play() -> None:
        async with writing(keeps_metadata=False) as writer:
            writer.keyless.headers = dated
            thread = await writer.new()
            elsewhere(writer, first_s)
            writer.keyless.deeds = [LATE]
            sent_at = writer.keyless.now
            outcome = await writer.write(thread_id=thread)
            for ahead_s, passes_s in (*calls, (0.0, UNDERWAY_S)):
                writer.keyless.now += passes_s
                if writer.keyless.now - sent_at >= arrives_s:
                    await writer.keyless.arrive()
                elsewhere(writer, ahead_s)
                outcome = await writer.write(thread_id=thread, idempotency_key=key_of(outcome))
            assert code_of(outcome) == "done"
            assert len(await writer.messages(thread)) == 1

    anyio.run(play)
