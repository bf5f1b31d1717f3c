"""Whatever an upstream does to paging: each message once and in order, or a page that says why."""

from dataclasses import dataclass

import pytest

from backscroll_tools.client.replies import CONTRARY, UNNAMED
from backscroll_tools.models import JSON
from backscroll_tools.pages.stop import ABSENT, FAILED, IGNORED, REPEATED, STUCK
from backscroll_tools.pages.stop import EMPTY as EMPTY_PAGE
from backscroll_tools.tool import Bounds
from tests.upstreams import paging
from tests.upstreams.covering import shows
from tests.upstreams.peculiar import Behaviour
from tests.upstreams.world import COUNT, EMPTY, LONG, LONG_COUNT, THREAD, numbers, world

NEWEST_FIRST = list(range(COUNT))[::-1]
END: JSON = {"has_more": False, "stopped_by": "end"}
OUT_OF_REACH: JSON = {"has_more": True, "stopped_by": "requests"}


@dataclass(frozen=True)
class Walked:
    """What a walk by pages of 30 shows: messages, how the last page ends, requests in all."""

    shown: list[int]
    ends: JSON
    requests: int


WALKS = {
    paging.DROPS_QUERY: Walked(NEWEST_FIRST[:20], {**OUT_OF_REACH, "warning": STUCK}, 3),
    paging.IGNORES_AFTER: Walked(NEWEST_FIRST, END, 3),
    paging.REPEATS_ITEM: Walked(NEWEST_FIRST, END, 2),
    paging.REPEATS_ITEMS: Walked(NEWEST_FIRST, END, 2),
    paging.IN_TURN: Walked(NEWEST_FIRST[:20], {**OUT_OF_REACH, "warning": STUCK}, 4),
    paging.EMPTY_BUT_MORE: Walked(NEWEST_FIRST[:30], {**OUT_OF_REACH, "warning": EMPTY_PAGE}, 2),
    paging.PROMISES_MORE: Walked(NEWEST_FIRST[:40], {**END, "warning": ABSENT}, 3),
    paging.HAS_MORE_ABSENT: Walked(NEWEST_FIRST, END, 3),
    paging.HAS_MORE_FALSE: Walked(NEWEST_FIRST, END, 3),
    paging.HAS_MORE_TRUE: Walked(NEWEST_FIRST, {**OUT_OF_REACH, "warning": EMPTY_PAGE}, 3),
    paging.BEFORE_IS_NEWEST: Walked(NEWEST_FIRST, END, 2),
    paging.BEFORE_IGNORED: Walked(NEWEST_FIRST, END, 2),
    paging.ENDS_NULL: Walked(NEWEST_FIRST, END, 2),
    paging.ENDS_EMPTY: Walked(NEWEST_FIRST, END, 2),
    paging.ENDS_NONE: Walked(NEWEST_FIRST, END, 2),
    paging.OTHER_DEFAULT: Walked(NEWEST_FIRST, END, 2),
    paging.TIES: Walked(NEWEST_FIRST, END, 2),
    paging.PAGE_OF_100: Walked(NEWEST_FIRST, END, 2),
    paging.NO_IDS: Walked(NEWEST_FIRST, {**END, "warning": UNNAMED}, 2),
}


def ending(page: JSON) -> JSON:
    """Return how a page ends; one without a cursor says the end, or why none follows."""
    end: JSON = page["page"]
    return {name: end[name] for name in ("has_more", "stopped_by", "warning") if name in end}


@shows(*WALKS)
@pytest.mark.parametrize("behaviour", WALKS, ids=str)
async def test_a_walk_shows_each_message_once_and_in_order_and_says_why_it_ends(
    behaviour: Behaviour,
) -> None:
    expected = WALKS[behaviour]
    async with world(behaviour.answer, behaviour.settings) as upstream:
        pages = await upstream.pages("list-messages", thread_id=THREAD, limit=30)

    assert numbers(pages) == expected.shown
    assert ending(pages[-1]) == expected.ends
    assert all(ending(page)["stopped_by"] == "limit" for page in pages[:-1])
    assert len(upstream.asked) == expected.requests


@shows(paging.SAME_ID_AGAIN)
async def test_ids_that_come_again_on_a_later_page_are_told() -> None:
    async with world(paging.SAME_ID_AGAIN.answer) as upstream:
        page = await upstream.call("list-messages", thread_id=THREAD, limit=100)

    shown = [number for number in NEWEST_FIRST if number not in {22, 21}]
    assert numbers([page]) == shown
    assert ending(page) == {**END, "warning": REPEATED}


@shows(paging.PROMISES_MORE)
@pytest.mark.parametrize("limit", [40, 100])
async def test_an_end_that_the_page_before_contradicts_is_told(limit: int) -> None:
    async with world(paging.PROMISES_MORE.answer) as upstream:
        pages = await upstream.pages("list-messages", thread_id=THREAD, limit=limit)

    assert numbers(pages) == NEWEST_FIRST[:40]
    assert ending(pages[-1]) == {**END, "warning": ABSENT}


@shows(paging.IGNORES_AFTER)
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 7, 20])
async def test_a_list_that_ignores_after_is_read_from_one_page_of_100(
    limit: int, order: str
) -> None:
    async with world(paging.IGNORES_AFTER.answer) as upstream:
        pages = await upstream.pages("list-messages", thread_id=THREAD, limit=limit, order=order)

    assert numbers(pages) == (NEWEST_FIRST if order == "desc" else NEWEST_FIRST[::-1])
    assert ending(pages[-1]) == END
    assert len(upstream.asked) == len(pages) + 1


@shows(paging.IGNORES_AFTER)
async def test_messages_beyond_the_first_100_of_a_list_that_ignores_after_are_told() -> None:
    async with world(paging.IGNORES_AFTER.answer, long=True) as upstream:
        pages = await upstream.pages("list-messages", thread_id=LONG, limit=30)

    assert numbers(pages) == list(range(LONG_COUNT))[:-101:-1]
    assert ending(pages[-1]) == {**OUT_OF_REACH, "warning": STUCK}


@shows(paging.IGNORES_AFTER)
async def test_a_short_id_is_searched_for_at_both_ends_of_a_list_that_ignores_after() -> None:
    async with world(paging.IGNORES_AFTER.answer, long=True) as upstream:
        oldest = await upstream.call("list-messages", thread_id=LONG, order="asc", limit=1)
        whole = oldest["messages"][0]["id"]
        found = await upstream.call("get-message", thread_id=LONG, message_id=f"~{whole[-9:]}")
        error = await upstream.error("get-message", thread_id=LONG, message_id="~.....")

    assert found["message"]["id"] == whole
    assert error.message == f"None of the newest 100 and oldest 100 ids in {LONG} ends with ......"


@shows(paging.IGNORES_AFTER, paging.DROPS_QUERY)
@pytest.mark.parametrize(
    ("behaviour", "start", "shown", "ends"),
    [
        (paging.IGNORES_AFTER, {"after": "msg_12"}, NEWEST_FIRST[-12:], END),
        (
            paging.IGNORES_AFTER,
            {"before": "msg_12"},
            NEWEST_FIRST[-33:-13],
            {"has_more": True, "stopped_by": "limit"},
        ),
        (paging.IGNORES_AFTER, {"after": "msg_unknown"}, [], {**OUT_OF_REACH, "warning": IGNORED}),
        (paging.DROPS_QUERY, {"after": "msg_12"}, [], {**OUT_OF_REACH, "warning": IGNORED}),
    ],
)
async def test_a_page_never_shows_the_start_of_the_list_as_what_follows_a_message(
    behaviour: Behaviour, start: dict[str, str], shown: list[int], ends: JSON
) -> None:
    async with world(behaviour.answer, behaviour.settings) as upstream:
        page = await upstream.call("list-messages", thread_id=THREAD, limit=20, **start)

    assert numbers([page]) == shown
    assert ending(page) == ends
    assert len(upstream.asked) == 3


async def test_a_cursor_of_a_list_that_ignores_after_may_be_followed_with_a_larger_limit() -> None:
    async with world(paging.IGNORES_AFTER.answer) as upstream:
        first = await upstream.call("list-messages", thread_id=THREAD, limit=20)
        cursor = first["page"]["next_cursor"]
        page = await upstream.call("list-messages", thread_id=THREAD, limit=24, cursor=cursor)

    assert numbers([first, page]) == NEWEST_FIRST[:44]


async def test_a_page_after_a_message_takes_one_more_request_of_an_unknown_upstream() -> None:
    async with world(paging.TIES.answer) as upstream:
        page = await upstream.call("list-messages", thread_id=THREAD, after="msg_12", limit=5)

    assert numbers([page]) == NEWEST_FIRST[-12:-7]
    assert len(upstream.asked) == 2


@pytest.mark.parametrize("behaviour", WALKS, ids=str)
async def test_a_thread_without_messages_is_a_page_without_messages(behaviour: Behaviour) -> None:
    async with world(behaviour.answer, behaviour.settings) as upstream:
        page = await upstream.call("list-messages", thread_id=EMPTY)

    if behaviour in {paging.EMPTY_BUT_MORE, paging.HAS_MORE_TRUE, paging.IN_TURN}:
        assert ending(page) == {**OUT_OF_REACH, "warning": EMPTY_PAGE}
    else:
        assert ending(page)["stopped_by"] == "end"
    assert page["messages"] == []
    assert len(upstream.asked) == 1


@shows(paging.IGNORES_LIMIT)
async def test_a_whole_thread_in_one_reply_is_read_page_by_page() -> None:
    async with world(paging.IGNORES_LIMIT.answer, long=True) as upstream:
        pages = await upstream.pages(
            "list-messages", Bounds(result_chars=200_000), thread_id=LONG, limit=500
        )

    assert numbers(pages) == list(range(LONG_COUNT))[::-1]
    assert [len(page["messages"]) for page in pages] == [500] * 6
    assert ending(pages[-1]) == END
    assert len(upstream.asked) == 6


@shows(paging.BEFORE_IS_NEWEST, paging.BEFORE_IGNORED, paging.IGNORES_LIMIT)
@pytest.mark.parametrize(
    "behaviour", [paging.BEFORE_IS_NEWEST, paging.BEFORE_IGNORED, paging.IGNORES_LIMIT], ids=str
)
async def test_what_comes_ahead_of_a_message_is_what_is_next_to_it(behaviour: Behaviour) -> None:
    async with world(behaviour.answer) as upstream:
        page = await upstream.call("list-messages", thread_id=THREAD, before="msg_20", limit=5)
        before = await upstream.call(
            "list-messages", thread_id=THREAD, cursor=page["page"]["next_cursor"], limit=5
        )

    assert numbers([page, before]) == [25, 24, 23, 22, 21, 30, 29, 28, 27, 26]


@shows(paging.DROPS_QUERY)
async def test_a_dropped_order_is_told_and_never_turned_into_other_messages() -> None:
    async with world(paging.DROPS_QUERY.answer) as upstream:
        oldest_first = await upstream.call("list-messages", thread_id=THREAD, order="asc", limit=30)
        ahead = await upstream.error("list-messages", thread_id=THREAD, before="msg_30")

    assert ending(oldest_first) == {**OUT_OF_REACH, "warning": f"{CONTRARY}; {STUCK}"}
    assert ahead.render() == (
        "upstream_invalid: The upstream sent items in reverse order, so items before an id cannot "
        "be requested.\n"
        "Next: Call again without before, and continue with next_cursor.\n"
        "Retry: safe, but the upstream may send the same reply again."
    )


@shows(paging.IGNORES_RUN, paging.DROPS_QUERY)
@pytest.mark.parametrize("behaviour", [paging.IGNORES_RUN, paging.DROPS_QUERY], ids=str)
async def test_messages_of_other_runs_are_passed_over(behaviour: Behaviour) -> None:
    async with world(behaviour.answer) as upstream:
        pages = await upstream.pages(
            "list-messages", thread_id=THREAD, run_id="run_1", order="desc", limit=4
        )

    odd = [number for number in NEWEST_FIRST if number % 2]
    assert numbers(pages) == (odd if behaviour is paging.IGNORES_RUN else odd[:10])


@shows(paging.LAGS)
async def test_a_list_that_lags_behind_a_create_shows_the_message_later() -> None:
    async with world(paging.LAGS.answer) as upstream:
        seen = [
            numbers([await upstream.call("list-messages", thread_id=THREAD, limit=2 + again)])[0]
            for again in range(4)
        ]

    assert seen == [43, 43, 43, 44]


@shows(paging.AFTER_GONE_404, paging.AFTER_GONE_400)
@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (paging.AFTER_GONE_404, "Conversation item 'msg_15' not found in conversation 'thread_1'."),
        (
            paging.AFTER_GONE_400,
            "Failed to list chat completion messages: cursor 'msg_15' not found.",
        ),
    ],
    ids=str,
)
async def test_a_message_deleted_under_the_cursor_is_named_with_the_way_on(
    behaviour: Behaviour, said: str
) -> None:
    async with world(behaviour.answer) as upstream:
        first = await upstream.call("list-messages", thread_id=THREAD, limit=30)
        lost = await upstream.error(
            "list-messages", thread_id=THREAD, cursor=first["page"]["next_cursor"]
        )
        on = await upstream.pages("list-messages", thread_id=THREAD, after="msg_16", limit=30)

    assert lost.render() == (
        f"not_found: The upstream does not know msg_15, which this page starts after ({said}).\n"
        "Next: If it was deleted, pass the id of another item as after (or before), or start again "
        "without cursor.\n"
        "Retry: safe, but pointless until the ids are corrected; nothing was written."
    )
    assert numbers([first, *on]) == [*NEWEST_FIRST[:30], *NEWEST_FIRST[29:]]


@shows(paging.AFTER_FAILS)
async def test_an_upstream_that_fails_on_every_cursor_gives_its_first_page() -> None:
    async with world(paging.AFTER_FAILS.answer) as upstream:
        whole = await upstream.call("list-messages", thread_id=THREAD, limit=100)
        part = await upstream.call("list-messages", thread_id=THREAD, limit=30)
        lost = await upstream.error(
            "list-messages", thread_id=THREAD, cursor=part["page"]["next_cursor"]
        )

    assert numbers([whole]) == NEWEST_FIRST
    assert ending(whole) == END
    assert numbers([part]) == NEWEST_FIRST[:30]
    assert ending(part) == {**OUT_OF_REACH, "warning": FAILED}
    assert lost.code == "upstream_unavailable"
