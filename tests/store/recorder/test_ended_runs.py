"""The responses that ended lately, of which only so many bytes are kept, for so long."""

from backscroll.store.recorder.responses.background.ended_runs import EndedRuns
from backscroll.store.recorder.responses.background.run import Run
from backscroll.store.recorder.responses.background.run_events import RunEvents

EVENTS_BYTES = 1_000


async def run(number: int) -> Run:
    """Return a response that has ended, with the two events that each has."""
    made = Run(("", f"resp_{number}"), {"id": f"resp_{number}"}, RunEvents(EVENTS_BYTES), 0)
    made.end(None)
    return made


def kept(ended: EndedRuns, runs: list[Run], now: float = 0.0) -> list[int]:
    return [number for number, each in enumerate(runs) if ended.found(each.key, now) is each]


async def test_the_oldest_are_dropped_beyond_the_bound_or_after_a_while() -> None:
    runs = [await run(number) for number in range(6)]
    ended = EndedRuns(10.0, 3 * runs[0].events.size)
    for now, each in enumerate(runs):
        ended.add(each, now)
    assert kept(ended, runs, 5.0) == [3, 4, 5]
    ended.forget(runs[4].key)
    ended.forget(runs[4].key)
    ended.add(runs[0], 6.0)
    assert kept(ended, runs, 6.0) == [0, 3, 5]
    assert kept(ended, runs, 14.5) == [0, 5]
    assert kept(ended, runs, 100.0) == []
    ended.add(runs[1], 100.0)
    assert kept(ended, runs, 100.0) == [1]


async def test_one_with_more_events_than_are_kept_of_all_is_dropped_at_once() -> None:
    large = await run(0)
    ended = EndedRuns(10.0, large.events.size - 1)
    ended.add(large, 0.0)
    assert kept(ended, [large]) == []
