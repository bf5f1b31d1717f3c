"""A page around a message has that message, keeps its bound, and can be left in both directions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from opentelemetry.trace import SpanKind

from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.pages.around import read_around
from backscroll_tools.pages.cursor import ListPosition, decode
from backscroll_tools.pages.listing import read_page
from backscroll_tools.pages.source import Chunk, Surroundings
from backscroll_tools.pages.stop import WARNING_CHARS
from backscroll_tools.tool import Bounds, Output, Result
from tests.tools import transcript
from tests.tools.pages.lists import HangsAfter, ListSource, message
from tests.tools.pages.test_bounded_pages import FIELDS, SHAPE, Text, call, rejoined, size, texts
from tests.tools.spans import recording

OUTPUTS = st.sampled_from(get_args(Output))
START = ListPosition(tool="list-messages", owner="thread_1", order="asc")


async def page_around(
    source: ListSource, number: int, limit: int, bounds: Bounds | None = None, preview: int = 0
) -> Result:
    start = replace(START, position=f"msg_{number}", preview=preview)
    return await read_around(call(bounds or Bounds()), SHAPE, start, source, limit)


async def rest(source: list[JSON], cursor: str | None, bounds: Bounds, limit: int) -> list[Result]:
    """Return the pages from a cursor to the end of its direction."""
    results: list[Result] = []
    while cursor is not None:
        start = decode(cursor, START.tool, START.owner)
        listed = ListSource(source[::-1] if start.backward else source)
        results.append(await read_page(call(bounds), SHAPE, start, listed, limit))
        cursor = results[-1].structured["page"]["next_cursor"]
    return results


def ids(results: Sequence[Result]) -> list[str]:
    return [item["id"] for result in results for item in result.structured["messages"]]


@given(
    st.lists(st.tuples(texts(0, 0, 10, 300, 1_500, 4_000), FIELDS), min_size=1, max_size=6),
    st.integers(0, 5),
    st.integers(2_000, 9_000),
    st.integers(1, 20),
    OUTPUTS,
)
async def test_both_cursors_lead_to_every_other_message_once_and_every_page_keeps_the_bound(
    parts: list[tuple[Text, JSON]], number: int, result_chars: int, limit: int, output: Output
) -> None:
    items = [message(n, text.text, **fields) for n, (text, fields) in enumerate(parts)]
    bounds = Bounds(result_chars=result_chars, output=output)

    first = await page_around(ListSource(items), number % len(items), limit, bounds)
    page, shown = first.structured["page"], first.structured["messages"]
    newer = await rest(items, page["next_cursor"], bounds, limit)
    older = await rest(items, page.get("previous_cursor"), bounds, limit)

    assert f"msg_{number % len(items)}" in [item["id"] for item in shown]
    assert page["returned"] == len(shown) <= limit
    assert page["order"] == "asc"
    assert page["has_more"] is (page["next_cursor"] is not None)
    assert all(size(result, output) <= result_chars for result in (first, *newer, *older))
    # The pieces of one message come in reading order, also if its page is read backwards.
    before = [item["id"] for result in older for item in result.structured["messages"][::-1]]
    before = list(dict.fromkeys(before))[::-1]
    after = rejoined([first, *newer])
    assert after == items[len(before) :]
    assert before == [item["id"] for item in items[: len(before)]]


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 200, 201, 500])
async def test_the_message_is_in_the_middle_of_as_many_as_were_asked_for(limit: int) -> None:
    items = [message(number) for number in range(500)]
    result = await page_around(ListSource(items), 250, limit, Bounds(result_chars=200_000))
    first = 250 - min(limit // 2, 100)
    last = 250 + min((limit - 1) // 2, 99)
    assert ids([result]) == [f"msg_{number}" for number in range(first, last + 1)]
    assert result.structured["page"]["stopped_by"] == ("limit" if limit < 201 else "requests")


async def test_a_thread_that_starts_or_ends_near_has_fewer_on_that_side() -> None:
    items = [message(number) for number in range(5)]
    first = await page_around(ListSource(items), 0, 5)
    last = await page_around(ListSource(items), 4, 5)

    assert ids([first]) == ["msg_0", "msg_1", "msg_2"]
    assert first.structured["page"].keys() == {
        "returned",
        "has_more",
        "next_cursor",
        "stopped_by",
        "order",
    }
    assert ids([last]) == ["msg_2", "msg_3", "msg_4"]
    page = last.structured["page"]
    assert page == {
        "returned": 3,
        "has_more": False,
        "next_cursor": None,
        "stopped_by": "end",
        "order": "asc",
        "previous_cursor": page["previous_cursor"],
    }


async def test_what_does_not_fit_is_left_out_at_the_ends() -> None:
    items = [message(number, "x" * 600) for number in range(9)]
    result = await page_around(ListSource(items), 4, 9, Bounds(result_chars=6_000, output="text"))
    shown = ids([result])
    assert 3 < len(shown) < 9
    assert abs(shown.index("msg_4") - (len(shown) - 1) / 2) <= 0.5
    assert result.structured["page"]["stopped_by"] == "size"


@pytest.mark.parametrize("after", [[], [message(2, "after")]], ids=len)
async def test_a_message_longer_than_a_page_is_alone_and_next_cursor_goes_on_inside_it(
    after: list[JSON],
) -> None:
    items = [message(0, "before"), message(1, "x" * 5_000), *after]
    bounds = Bounds(result_chars=2_000)
    result = await page_around(ListSource(items), 1, 20, bounds)
    newer = await rest(items, result.structured["page"]["next_cursor"], bounds, 20)
    older = await rest(items, result.structured["page"]["previous_cursor"], bounds, 20)
    assert ids([result]) == ["msg_1"]
    page = result.structured["page"]
    assert (page["stopped_by"], page["has_more"]) == ("size", True)
    assert rejoined([result, *newer]) == items[1:]
    assert rejoined(older) == items[:1]


async def test_a_previewed_page_shows_the_start_of_each_message() -> None:
    items = [message(number, f"{number} " + "x" * 50_000) for number in range(3)]
    result = await page_around(ListSource(items), 1, 3, preview=2)
    assert [item["text"] for item in result.structured["messages"]] == ["0 ", "1 ", "2 "]


@pytest.mark.parametrize(
    ("number", "follows", "precedes"), [(1, True, False), (4, True, True), (7, False, True)]
)
async def test_the_text_names_both_cursors(number: int, *, follows: bool, precedes: bool) -> None:
    items = [message(number) for number in range(9)]
    result = await page_around(ListSource(items), number, 4)
    head = transcript.read_heading(result.text.partition("\n")[0])
    page = result.structured["page"]
    assert (head["cursor"], head["previous"]) == (page["next_cursor"], page.get("previous_cursor"))
    assert (head["cursor"] is not None, head["previous"] is not None) == (follows, precedes)
    read, _ = transcript.read(result.text)
    assert [item.id for item in read] == ids([result])
    assert [item.time for item in read if item.time and item.time.endswith("UTC")] == [read[0].time]


async def test_a_page_is_a_span_with_its_limit_and_how_it_ended() -> None:
    items = [message(number) for number in range(9)]
    with recording() as spans:
        await page_around(ListSource(items), 4, 3)
        await read_page(call(Bounds()), SHAPE, START, ListSource(items), 5)
    ended = {"backscroll.returned": 5, "backscroll.stopped_by": "limit"}
    assert spans == [
        ("walk", SpanKind.INTERNAL, {"backscroll.limit": 3}),
        ("walk", SpanKind.INTERNAL, {"backscroll.limit": 5, **ended}),
    ]


@dataclass
class Mixed(ListSource):
    """Items of other kinds stand before, between and after the messages."""

    async def around(self, key: str, older: int, newer: int) -> Surroundings[JSON] | None:
        found = await super().around(key, older, newer)
        assert found is not None
        return replace(
            found,
            older=replace(found.older, passed=(1, 2, 4), last="o" * 90, warning="one"),
            newer=replace(found.newer, passed=(8, 16, 32), last="n" * 90, warning="two"),
        )


async def test_items_of_other_kinds_count_on_both_sides_as_far_as_the_page_goes() -> None:
    items = [message(number, "x" * 500) for number in range(5)]
    whole = await page_around(Mixed(items), 2, 20)
    cut = await page_around(Mixed(items), 2, 20, Bounds(result_chars=4_000))

    assert whole.structured["page"] == {
        "returned": 5,
        "has_more": False,
        "next_cursor": None,
        "stopped_by": "end",
        "order": "asc",
        "passed": 63,
        "warning": "two; one",
    }
    assert ids([cut]) == ["msg_1", "msg_2"]
    assert cut.structured["page"]["passed"] == 1


@dataclass
class Long(ListSource):
    """Whatever makes the frame of a page around a message long, on one side or on both."""

    above: str = ""
    below: str = ""
    passed_above: int = 0
    passed_below: int = 0

    async def around(self, key: str, older: int, newer: int) -> Surroundings[JSON] | None:
        found = await super().around(key, older, newer)
        assert found is not None
        warning = "w" * WARNING_CHARS
        return replace(
            found,
            older=replace(
                found.older,
                has_more=True,
                last=self.above,
                passed=(*[0] * len(found.older.items), self.passed_above),
                warning=warning,
            ),
            newer=replace(
                found.newer,
                has_more=True,
                last=self.below,
                passed=(*[0] * len(found.newer.items), self.passed_below),
                warning=warning,
            ),
        )


@pytest.mark.parametrize(
    "frame",
    [
        {"above": "a" * 256},
        {"below": "a" * 256},
        {"passed_above": 10**20, "passed_below": 10**20},
    ],
    ids=" and ".join,
)
@pytest.mark.parametrize(("first", "last"), [(-3, 3), (-3, 0), (0, 3)])
@pytest.mark.parametrize("output", get_args(Output))
async def test_no_key_or_count_on_either_side_makes_a_page_longer_than_the_bound(
    frame: dict[str, Any], first: int, last: int, output: Output
) -> None:
    items = [message(number, "x" * 400) for number in range(10 + first, 10 + last + 1)]
    returned: list[int] = []
    for result_chars in range(2_000, 9_000, 75):
        bounds = Bounds(result_chars=result_chars, output=output)
        result = await page_around(Long(items, **frame), 10, 20, bounds)
        assert size(result, output) <= result_chars
        returned.append(result.structured["page"]["returned"])
    assert returned == sorted(returned)
    assert returned[0] < returned[-1] == len(items)


@pytest.mark.parametrize("output", get_args(Output))
async def test_a_message_fits_above_the_one_in_the_middle_as_well_as_below_it(
    output: Output,
) -> None:
    items = [message(number, "x" * 1_400) for number in range(2)]

    async def smallest(number: int) -> int:
        """Return the size of the smallest page around a message that has both messages."""
        one, both = 2_000, 8_000
        while both - one > 1:
            middle = (one + both) // 2
            bounds = Bounds(result_chars=middle, output=output)
            result = await page_around(ListSource(items), number, 20, bounds)
            has_both = result.structured["page"]["returned"] == 2
            one, both = (one, middle) if has_both else (middle, both)
        return both

    below, above = await smallest(0), await smallest(1)
    assert above == below
    assert 2_001 < below < 8_000


class Repeats(ListSource):
    """The item in the middle is also the first one on each side."""

    async def around(self, key: str, older: int, newer: int) -> Surroundings[JSON] | None:
        found = await super().around(key, older, newer)
        assert found is not None
        sides = (
            replace(each, items=(found.named, *each.items)) for each in (found.older, found.newer)
        )
        return Surroundings(next(sides), found.named, next(sides))


async def test_a_message_that_its_neighbours_repeat_is_shown_once() -> None:
    result = await page_around(Repeats([message(number) for number in range(3)]), 1, 20)
    assert ids([result]) == ["msg_0", "msg_1", "msg_2"]


class OnlyOthers(ListSource):
    async def around(self, key: str, older: int, newer: int) -> Surroundings[JSON] | None:
        found = await super().around(key, older, newer)
        assert found is not None
        only: Chunk[JSON] = Chunk((), has_more=True, last="item_9", passed=(3,))
        return replace(found, older=only, newer=only)


async def test_a_page_that_reached_no_other_message_continues_after_what_it_skipped() -> None:
    result = await page_around(OnlyOthers([message(0)]), 0, 20)
    page = result.structured["page"]
    newer = decode(page["next_cursor"], START.tool, START.owner)
    older = decode(page["previous_cursor"], START.tool, START.owner)
    assert (newer.position, newer.backward) == ("item_9", False)
    assert (older.position, older.backward) == ("item_9", True)
    assert (page["stopped_by"], page["passed"]) == ("requests", 6)


@pytest.mark.parametrize(
    ("filters", "of_run"),
    [
        ((), ""),
        ((("items", "true"),), ""),
        ((("run_id", "run_1"),), " or, with run_id, belongs to another run"),
    ],
)
async def test_a_message_that_is_not_there_is_not_found_with_a_way_on(
    filters: tuple[tuple[str, str], ...], of_run: str
) -> None:
    start = replace(START, position="msg_7", filters=filters)
    with pytest.raises(ToolError) as caught:
        await read_around(call(Bounds()), SHAPE, start, ListSource([message(0)]), 20)
    assert caught.value.render() == (
        "not_found: Message msg_7 was not found in thread_1.\n"
        f"Next: If it was deleted{of_run}, pass the id of another message as around, or leave "
        "around out.\n"
        "Retry: safe, but pointless until the ids are corrected; nothing was written."
    )


class Hangs(HangsAfter):
    async def around(self, key: str, older: int, newer: int) -> Surroundings[JSON] | None:
        await self.item(key)
        return await super().around(key, older, newer)


async def test_a_page_around_a_message_ends_at_the_deadline() -> None:
    with pytest.raises(ToolError) as caught:
        await page_around(Hangs([message(0)]), 0, 20, Bounds(deadline_s=0.01))
    assert caught.value.code == "deadline_exceeded"
