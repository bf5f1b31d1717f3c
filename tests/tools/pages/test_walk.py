"""The walk reads until enough is read, and ends over an upstream that lies."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import anyio
import pytest

from backscroll_tools.client.failures import too_many_requests
from backscroll_tools.client.replies import Reply
from backscroll_tools.errors import ErrorCode, ToolError
from backscroll_tools.models import JSON, StoppedBy
from backscroll_tools.pages.source import Chunk
from backscroll_tools.pages.stop import (
    ABSENT,
    EMPTY,
    FAILED,
    IGNORED,
    REPEATED,
    STUCK,
    WARNING_CHARS,
    Stop,
)
from backscroll_tools.pages.walk import Walk
from tests.pace import paced_s
from tests.tools.pages.lists import (
    EmptyButMore,
    FailsAfter,
    HangsAfter,
    IgnoresAfter,
    IgnoresAfterAndMore,
    IgnoresEverything,
    ListSource,
    Mixed,
    MixedInTwos,
    OfManyThreads,
    PromisesMore,
    RepeatsAnId,
    RepeatsTheFirst,
    Warns,
    message,
)

MESSAGES = [message(number) for number in range(250)]
IDS = [item["id"] for item in MESSAGES]


def always(_: Stop) -> bool:
    """Whether a page has room: this one has."""
    return True


async def walked(
    source: ListSource,
    limit: int,
    after: str = "",
    *,
    requests: int = 50,
    deadline_s: float = 60,
    fits: int = 999,
    ignores_after: bool = False,
    checks_after: bool = False,
) -> tuple[list[str], Stop]:
    ids: list[str] = []

    def take(item: JSON, _: str, __: int) -> bool:
        if len(ids) == fits:
            return False
        ids.append(item["id"])
        return True

    ends_at = anyio.current_time() + deadline_s
    walk = Walk(limit, requests, ends_at, ignores_after=ignores_after, checks_after=checks_after)
    return ids, await walk.over(source, after, take, always)


async def test_a_walk_goes_on_after_the_key_of_an_item_which_need_not_be_its_id() -> None:
    found: list[JSON] = [
        {"id": f"msg_{number}", "thread_id": thread}
        for thread in ("thread_1", "thread_2")
        for number in range(150)
    ]
    source = OfManyThreads(found)
    ids, stop = await walked(source, 300)

    assert ids == IDS[:150] * 2
    assert stop == Stop("end", has_more=False)
    assert source.requests == [("", 100), ("thread_1.msg_99", 100), ("thread_2.msg_49", 100)]


async def test_a_limit_beyond_one_request_is_read_in_several() -> None:
    source = ListSource(MESSAGES)
    assert await walked(source, 230) == (IDS[:230], Stop("limit", has_more=True))
    assert source.requests == [("", 100), ("msg_99", 100), ("msg_199", 30)]


async def test_the_end_is_said_only_where_it_was_seen() -> None:
    assert await walked(ListSource(MESSAGES), 500) == (IDS, Stop("end", has_more=False))
    assert await walked(ListSource(MESSAGES), 250) == (IDS, Stop("end", has_more=False))
    assert await walked(ListSource(MESSAGES), 249) == (IDS[:249], Stop("limit", has_more=True))


async def test_a_full_page_is_a_place_to_go_on() -> None:
    assert await walked(ListSource(MESSAGES), 50, fits=7) == (IDS[:7], Stop("size", has_more=True))


async def test_an_empty_list_is_at_its_end() -> None:
    assert await walked(ListSource([]), 20) == ([], Stop("end", has_more=False))


async def test_a_page_that_is_full_already_only_looks_whether_more_follow() -> None:
    walk = Walk(1, 50, anyio.current_time() + 60)

    def refuse(_: JSON, __: str, ___: int) -> bool:
        pytest.fail("nothing may be taken")

    source = ListSource(MESSAGES)
    stops = [await walk.over(source, after, refuse, always, taken=1) for after in IDS[3::246]]
    assert stops == [Stop("limit", has_more=True), Stop("end", has_more=False)]
    assert source.requests == [("msg_3", 1), ("msg_249", 1)]


async def test_requests_are_capped_and_the_place_is_kept() -> None:
    source = ListSource(MESSAGES)
    assert await walked(source, 250, requests=2) == (IDS[:200], Stop("requests", has_more=True))


async def test_a_cursor_that_does_not_advance_ends_the_walk() -> None:
    source = IgnoresAfter(MESSAGES[:20])
    stuck = Stop("requests", has_more=True, warning=STUCK, reachable=False)
    assert await walked(source, 50) == (IDS[:20], stuck)
    assert len(source.requests) == 2


async def test_a_list_that_ignores_after_is_read_from_one_larger_page() -> None:
    source = IgnoresAfter(MESSAGES[:30])
    stuck = Stop("requests", has_more=True, warning=STUCK, reachable=False, ignores_after=True)
    assert await walked(source, 7) == (IDS[:7], Stop("limit", has_more=True))
    assert await walked(source, 7, "msg_6") == (
        IDS[7:14],
        Stop("limit", has_more=True, ignores_after=True),
    )
    assert await walked(source, 50) == (IDS[:30], stuck)


@pytest.mark.parametrize("at_least", [1, 20])
@pytest.mark.parametrize("limit", [1, 7, 20, 21, 49, 50, 100])
@pytest.mark.parametrize("fits", [3, 999])
async def test_pages_of_a_list_that_ignores_after_show_each_item_once(
    fits: int, limit: int, at_least: int
) -> None:
    source = IgnoresAfterAndMore(MESSAGES[:50], at_least=at_least)
    shown, stop = await walked(source, limit, fits=fits)
    while stop.has_more and stop.reachable:
        page, stop = await walked(
            source, limit, shown[-1], fits=fits, ignores_after=stop.ignores_after
        )
        shown += page
        assert len(shown) <= len(source.items)

    assert shown == IDS[:50]
    assert stop.warning == ""


@pytest.mark.parametrize(
    ("after", "shown", "stop"),
    [
        ("msg_50", IDS[51:58], Stop("limit", has_more=True, ignores_after=True)),
        (
            "msg_150",
            [],
            Stop("requests", has_more=True, warning=IGNORED, reachable=False, ignores_after=True),
        ),
    ],
)
async def test_a_walk_finds_out_that_its_first_page_is_the_start_of_the_list(
    after: str, shown: list[str], stop: Stop
) -> None:
    source = IgnoresAfter(MESSAGES)
    assert await walked(source, 7, after, checks_after=True) == (shown, stop)
    assert source.requests == [(after, 7), ("", 1), (after, 100)]


async def test_a_first_page_that_follows_its_start_is_not_taken_for_the_start_of_the_list() -> None:
    source = ListSource(MESSAGES)
    limited = Stop("limit", has_more=True)
    assert await walked(source, 7, "msg_50", checks_after=True) == (IDS[51:58], limited)
    assert source.requests == [("msg_50", 7), ("", 1)]
    # The first message is the same, but another item is before it only at the start of the list.
    mixed = MixedInTwos(roles("aUUUU"))
    assert await walked(mixed, 2, "msg_0", checks_after=True) == (IDS[1:3], limited)
    assert mixed.requests == [("msg_0", 2), ("", 2)]


async def test_items_before_the_start_of_a_page_are_not_shown_by_a_smaller_request() -> None:
    source = IgnoresAfter(MESSAGES[:45])
    assert await walked(source, 24, "msg_19") == (
        IDS[20:44],
        Stop("limit", has_more=True, ignores_after=True),
    )


async def test_a_list_that_ignores_after_and_lost_the_item_before_a_page_shows_nothing_twice() -> (
    None
):
    taken, stop = await walked(IgnoresAfter(MESSAGES[10:30]), 7, "msg_6", ignores_after=True)

    assert taken == []
    assert stop == Stop(
        "requests", has_more=True, warning=IGNORED, reachable=False, ignores_after=True
    )


async def test_an_end_after_a_promise_of_more_has_a_warning() -> None:
    source = PromisesMore(MESSAGES[:20])
    stop = Stop("end", has_more=False, warning=ABSENT)
    assert await walked(source, 50) == (IDS[:20], stop)


async def test_an_upstream_that_ignores_limit_and_after_is_read_past_the_place() -> None:
    assert await walked(IgnoresEverything(MESSAGES), 20) == (IDS[:20], Stop("limit", has_more=True))
    source = IgnoresEverything(MESSAGES)
    assert await walked(source, 20, "msg_239") == (IDS[240:], Stop("end", has_more=False))


async def test_ids_that_come_again_are_shown_once() -> None:
    assert await walked(RepeatsAnId(MESSAGES), 500) == (IDS, Stop("end", has_more=False))


async def test_an_empty_page_that_promises_more_ends_the_walk() -> None:
    stop = Stop("requests", has_more=True, warning=EMPTY, reachable=False)
    assert await walked(EmptyButMore(MESSAGES), 500) == (IDS[:100], stop)


async def test_a_failure_after_the_first_page_keeps_what_was_read() -> None:
    stop = Stop("requests", has_more=True, warning=FAILED)
    assert await walked(FailsAfter(MESSAGES), 500) == (IDS[:100], stop)


async def test_a_call_that_may_make_no_more_requests_keeps_what_was_read_without_a_warning() -> (
    None
):
    source = FailsAfter(MESSAGES, failure=too_many_requests())
    assert await walked(source, 500) == (IDS[:100], Stop("requests", has_more=True))
    with pytest.raises(ToolError, match="more upstream requests"):
        await walked(FailsAfter(MESSAGES, good=0, failure=too_many_requests()), 500)


async def test_a_failure_before_anything_was_read_is_the_calls_failure() -> None:
    with pytest.raises(ToolError, match="upstream_unavailable: down"):
        await walked(FailsAfter(MESSAGES, good=0), 500)


async def test_the_deadline_keeps_what_was_read() -> None:
    source = HangsAfter(MESSAGES)
    assert await walked(source, 500, deadline_s=paced_s(0.2)) == (
        IDS[:100],
        Stop("deadline", has_more=True),
    )


async def test_the_deadline_before_anything_was_read_is_an_error() -> None:
    with pytest.raises(ToolError) as late:
        await walked(HangsAfter(MESSAGES, good=0), 500, deadline_s=paced_s(0.2))
    assert late.value.render() == (
        "deadline_exceeded: The upstream did not answer within the call's time limit.\n"
        "Next: Call again; if this persists, use a smaller `limit`.\n"
        "Retry: safe; nothing was written."
    )


LOST = (
    "not_found",
    "The upstream does not know msg_5, which this page starts after ({}).",
    (
        "If it was deleted, pass the id of another item as after (or before), or start again "
        "without cursor."
    ),
)


@pytest.mark.parametrize(
    ("code", "said", "after", "lost"),
    [
        ("not_found", "No message found with id 'msg_5'.", "msg_5", True),
        ("invalid_arguments", "msg_5 is no id.", "msg_5", True),
        ("invalid_arguments", "Invalid cursor.", "msg_5", True),
        ("not_found", "No thread found with id 'thread_1'.", "msg_5", False),
        ("invalid_arguments", "Bad limit.", "msg_5", False),
        ("forbidden", "msg_5 is not yours, nor is any cursor.", "msg_5", False),
        ("not_found", "No cursor.", "", False),
    ],
)
async def test_an_upstream_that_does_not_know_where_a_page_starts_is_told_from_other_failures(
    code: ErrorCode, said: str, after: str, lost: bool
) -> None:
    source = FailsAfter(MESSAGES, good=0, failure=ToolError(code, said, next_step="x"))
    with pytest.raises(ToolError) as failed:
        await walked(source, 20, after)
    error = failed.value
    expected = (LOST[0], LOST[1].format(said), LOST[2]) if lost else (code, said, "x")
    assert (error.code, error.message, error.next_step) == expected


async def test_progress_is_told_after_each_request_but_the_last() -> None:
    told: list[tuple[int, int]] = []

    async def report(done: int, total: int) -> None:
        told.append((done, total))

    walk = Walk(230, 50, anyio.current_time() + 60, report)
    await walk.over(ListSource(MESSAGES), "", lambda _, __, ___: True, always)
    assert told == [(100, 230), (200, 230)]


async def test_a_request_is_never_made_twice_in_a_row() -> None:
    for kind in (ListSource, IgnoresAfter, IgnoresEverything, EmptyButMore, RepeatsAnId):
        source = kind(MESSAGES)
        await walked(source, 500)
        assert all(a != b for a, b in zip(source.requests, source.requests[1:], strict=False))


@pytest.mark.parametrize(
    ("names", "items", "passed", "last"),
    [
        ("", "", (0,), ""),
        ("AB", "ab", (0, 0, 0), ""),
        ("AbcD", "ad", (0, 2, 0), ""),
        ("aBcde", "b", (1, 3), "e"),
        ("abc", "", (3,), "c"),
    ],
)
@pytest.mark.parametrize("has_more", [True, False, None])
def test_a_reply_is_a_chunk_of_what_is_wanted_and_a_count_of_what_is_not(
    names: str, items: str, passed: tuple[int, ...], last: str, has_more: bool | None
) -> None:
    reply = Reply(tuple({"id": name} for name in names), has_more, warning="odd")
    chunk = Chunk.of(
        reply, lambda raw: {"id": raw["id"].lower()}, lambda raw: bool(raw["id"].isupper())
    )
    assert chunk == Chunk(tuple({"id": name} for name in items), has_more, last, passed, "odd")
    everything = Chunk.of(reply, lambda raw: raw)
    assert everything == Chunk(reply.items, has_more, "", (0,) * (len(names) + 1), "odd")


def roles(pattern: str) -> list[JSON]:
    """Return a message of the user for each capital letter, and another for each small one."""
    names = {True: "user", False: "assistant"}
    return [message(number, role=names[each.isupper()]) for number, each in enumerate(pattern)]


@pytest.mark.parametrize(
    ("pattern", "limit", "fits", "taken", "stop"),
    [
        ("Uaa" * 80, 500, 999, 80, Stop("end", has_more=False, last="msg_239", passed=160)),
        ("aaU" * 80, 500, 999, 80, Stop("end", has_more=False, passed=160)),
        ("Uaa" * 80, 5, 999, 5, Stop("limit", has_more=True, passed=8)),
        ("aaU" * 80, 5, 999, 5, Stop("limit", has_more=True, passed=10)),
        ("Uaa" * 80, 50, 3, 3, Stop("size", has_more=True, passed=4)),
        ("Uaa" * 80, 40, 20, 20, Stop("size", has_more=True, passed=38)),
        ("aaU" * 80, 50, 0, 0, Stop("size", has_more=True, passed=2)),
    ],
)
async def test_what_is_walked_over_up_to_the_last_item_is_counted(
    pattern: str, limit: int, fits: int, taken: int, stop: Stop
) -> None:
    items = roles(pattern)
    wanted = [item["id"] for item in items if item["role"] == "user"]
    assert await walked(Mixed(items), limit, fits=fits) == (wanted[:taken], stop)


async def test_ever_more_is_asked_for_at_once_where_nothing_is_wanted() -> None:
    source = Mixed(roles("a" * 250 + "UUU"))
    assert await walked(source, 1) == (["msg_250"], Stop("limit", has_more=True, passed=250))
    asked = [limit for _, limit in source.requests]
    assert asked == [1, 2, 4, 8, 16, 32, 64, 100, 100]


async def test_a_walk_that_ends_among_what_is_not_wanted_goes_on_behind_it() -> None:
    source = Mixed(roles("U" + "a" * 250))
    stop = Stop("requests", has_more=True, last="msg_24", passed=24)
    assert await walked(source, 9, requests=2) == (["msg_0"], stop)


async def test_a_walk_ends_behind_its_last_item_if_a_page_cannot_say_what_was_passed_over() -> None:
    asked: list[Stop] = []

    def never(stop: Stop) -> bool:
        asked.append(stop)
        return False

    walk = Walk(9, 50, anyio.current_time() + 60)
    stop = await walk.over(
        Mixed(roles("a" * 9 + "Ua" + "a" * 9)), "", lambda _, __, ___: True, never
    )
    assert stop == Stop("size", has_more=True, passed=9)
    assert asked == [Stop("requests", has_more=True, last="msg_19", passed=19)]


async def test_warnings_without_end_are_cut_to_what_a_page_reserves_for_them() -> None:
    named = Stop("end", has_more=False).warned("w" * (WARNING_CHARS - 2))
    assert named.warning == "w" * (WARNING_CHARS - 2)
    assert named.warned("more") == named


@pytest.mark.parametrize("after", ["", "msg_0"])
async def test_items_that_come_again_anywhere_are_shown_once_with_a_warning(after: str) -> None:
    ids, stop = await walked(RepeatsTheFirst(MESSAGES), 500, after)
    assert ids == IDS[1 if after else 0 :]
    assert stop == Stop("end", has_more=False, warning=REPEATED)


async def test_each_warning_of_an_upstream_is_repeated_once() -> None:
    _, stop = await walked(Warns([message(number) for number in range(350)]), 500)
    assert stop == Stop("end", has_more=False, warning="one; two")


@dataclass
class Scripted(ListSource):
    """Sends these chunks one after another, and fails afterwards."""

    chunks: Sequence[Chunk[JSON]] = ()

    async def chunk(self, after: str, limit: int) -> Chunk[JSON]:
        self.requests.append((after, limit))
        if len(self.requests) > len(self.chunks):
            raise ToolError("upstream_unavailable", "down")
        return self.chunks[len(self.requests) - 1]


async def test_a_failure_after_skipped_items_keeps_their_count_and_the_place_after_them() -> None:
    source = Scripted([], chunks=[Chunk((), has_more=True, last="item_3", passed=(3,))])
    stop = Stop("requests", has_more=True, warning=FAILED, last="item_3", passed=3)
    assert await walked(source, 20) == ([], stop)
    assert source.requests == [("", 20), ("item_3", 23)]


async def test_an_empty_list_that_promises_more_is_asked_once() -> None:
    source = Scripted([], chunks=[Chunk((), has_more=True)])
    stop = Stop("requests", has_more=True, warning=EMPTY, reachable=False)
    assert await walked(source, 20) == ([], stop)
    assert source.requests == [("", 20)]


@pytest.mark.parametrize(
    ("source", "after"),
    [(ListSource(MESSAGES), "msg_249"), (RepeatsAnId(MESSAGES), "msg_3"), (ListSource([]), "")],
    ids=["no items", "the item itself", "from the start"],
)
async def test_whether_after_is_ignored_is_not_checked_if_the_first_page_shows_it(
    source: ListSource, after: str
) -> None:
    fresh = replace(source, requests=[])
    await walked(fresh, 5, after, requests=1, checks_after=True)
    assert fresh.requests == [(after, 5)]


class MixedInPagesOfTen(Mixed):
    async def chunk(self, after: str, limit: int) -> Chunk[JSON]:
        return await super().chunk(after, max(limit, 10))


async def test_a_list_that_goes_on_after_a_skipped_item_does_not_ignore_after() -> None:
    # The first page after this item starts with the same message as the list.
    items = [message(0, role="tool"), *(message(number) for number in range(1, 9))]
    found = await walked(MixedInPagesOfTen(items), 20, "msg_0", checks_after=True)
    assert found == (IDS[1:9], Stop("end", has_more=False))


async def test_a_page_from_the_start_of_the_list_shows_that_after_is_ignored() -> None:
    whole = Chunk(tuple(MESSAGES[:9]), has_more=False, from_start=True)
    assert await walked(Scripted([], chunks=[whole]), 20, "msg_3") == (
        IDS[4:9],
        Stop("end", has_more=False, ignores_after=True),
    )


async def test_repeated_items_are_named_on_the_page_that_has_others_too_or_is_the_last() -> None:
    assert await walked(RepeatsTheFirst(MESSAGES), 50) == (
        IDS[:50],
        Stop("limit", has_more=True, warning=REPEATED),
    )
    first = Chunk(tuple(MESSAGES[:9]), has_more=True)
    again = Chunk(tuple(MESSAGES[:8]), has_more=False)
    assert await walked(Scripted([], chunks=[first, again]), 20) == (
        IDS[:9],
        Stop("end", has_more=False, warning=REPEATED),
    )


@pytest.mark.parametrize(("items", "passed"), [(0, (3,)), (1, (0, 1))])
async def test_a_page_with_skipped_items_is_no_end_of_a_list_that_does_not_name_its_end(
    items: int, passed: tuple[int, ...]
) -> None:
    first = Chunk(tuple(MESSAGES[:items]), has_more=None, last="item_3", passed=passed)
    rest = Chunk(tuple(MESSAGES[items:3]), has_more=False)
    assert await walked(Scripted([], chunks=[first, rest]), 20) == (
        IDS[:3],
        Stop("end", has_more=False, passed=sum(passed)),
    )


@pytest.mark.parametrize(
    ("second", "by"),
    [
        (Chunk((MESSAGES[2],), has_more=False), "limit"),
        (Chunk((), has_more=None, last="item_9", passed=(5,)), "size"),
    ],
    ids=["another item", "more skipped items than the page has space for"],
)
async def test_the_next_page_starts_after_the_skipped_items_that_a_page_has_counted(
    second: Chunk[JSON], by: StoppedBy
) -> None:
    first = Chunk(tuple(MESSAGES[:2]), has_more=None, last="item_3", passed=(0, 0, 2))
    walk = Walk(2, 50, anyio.current_time() + 60)
    source = Scripted([], chunks=[first, second])
    stop = await walk.over(source, "", lambda *_: True, lambda stop: stop.passed <= 2)
    assert stop == Stop(by, has_more=True, last="item_3", passed=2)


async def test_a_walk_over_places_goes_on_after_a_page_of_nothing_but_repeated_items() -> None:
    chunks = [
        Chunk(tuple(MESSAGES[:2]), has_more=True, keys=("p0", "p1"), has_places=True),
        Chunk((MESSAGES[1],), has_more=True, last="p2", keys=("p2",), has_places=True),
        Chunk((MESSAGES[2],), has_more=False, keys=("p3",), has_places=True),
    ]
    source = Scripted([], chunks=chunks)
    assert await walked(source, 20) == (IDS[:3], Stop("end", has_more=False))
    assert source.requests == [("", 20), ("p1", 18), ("p2", 18)]
