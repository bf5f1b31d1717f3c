"""The events of a response in the background: each follower gets each event once, in order."""

import asyncio
import json

from hypothesis import given
from hypothesis import strategies as st

from backscroll.store.recorder.assembling.sse_events import SseReader
from backscroll.store.recorder.responses.background.ended_runs import EndedRuns
from backscroll.store.recorder.responses.background.run import Run
from backscroll.store.recorder.responses.background.run_events import RunEvents
from backscroll.store.recorder.responses.events import events_of, stream_of

LARGEST = 1_000
"""No event here has more bytes. The newest one is always kept."""

texts = st.lists(st.text(max_size=40), max_size=30)


def numbers(data: bytes) -> list[int]:
    """Return the sequence numbers of the events in a stream."""
    return [event.value["sequence_number"] for event in SseReader().feed(data)]


async def followed(events: RunEvents, after: int) -> bytes:
    """Return everything that a follower gets."""
    return b"".join([part async for part in events.follow(after)])


@given(texts, texts, st.integers(-1, 70), st.integers(0, 4_000))
def test_a_follower_gets_every_later_event_once_if_they_are_kept(
    before: list[str], later: list[str], after: int, max_bytes: int
) -> None:
    async def follow() -> None:
        events = RunEvents(max_bytes)
        for text in before:
            events.add({"type": "x", "delta": text})
        has_all = events.has(after)
        following = asyncio.create_task(followed(events, after))
        await asyncio.sleep(0)
        for text in later:
            events.add({"type": "x", "delta": text})
            await asyncio.sleep(0)
        events.end()
        got = numbers(await following)
        assert events.size <= max(max_bytes, LARGEST)
        if has_all:
            assert got == list(range(after + 1, events.count))
        else:
            assert got == []

    asyncio.run(follow())


@given(texts, st.integers(-1, 200), st.booleans())
def test_events_made_from_a_record_are_numbered_alike_however_often_they_are_asked_for(
    said: list[str],
    after: int,
    background: bool,
) -> None:
    parts = [{"type": "output_text", "text": text, "annotations": []} for text in said]
    message = {"type": "message", "id": "msg_1", "status": "completed", "content": parts}
    response = {
        "id": "resp_1",
        "status": "completed",
        "output": [message],
        "background": background,
    }
    count = len(list(events_of(response)))
    whole = numbers(stream_of(response))
    rest = stream_of(response, after)
    assert whole == list(range(count))
    if after < count - 1:
        assert numbers(rest) == list(range(after + 1, count))
    elif background:
        assert numbers(rest) == [after + 1]
        assert json.loads(rest.partition(b"data: ")[2])["type"] == "response.completed"
    else:
        assert rest == b""


def test_ended_responses_are_kept_for_a_while_and_up_to_a_number_of_bytes() -> None:
    def ended(number: int) -> Run:
        run = Run(("", str(number)), {}, RunEvents(10_000), 10_000)
        run.events.end()
        return run

    size = ended(0).events.size
    kept = EndedRuns(kept_s=10.0, max_bytes=3 * size)
    for number in range(5):
        kept.add(ended(number), now=float(number))
    there = [str(number) for number in range(5) if kept.found(("", str(number)), now=12.0)]
    kept.forget(("", "3"))
    later = [str(number) for number in range(5) if kept.found(("", str(number)), now=14.0)]
    at_last = [str(number) for number in range(5) if kept.found(("", str(number)), now=14.1)]
    assert (there, later, at_last) == (["2", "3", "4"], ["4"], [])
