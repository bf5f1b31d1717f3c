"""A list that is read from both of its ends has each item once, whatever happens meanwhile."""

import dataclasses
from collections.abc import Callable
from typing import Any, Final

import anyio
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools.client.call import CallClient
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import COMPATIBLE, EMBEDDED, Upstream
from backscroll_tools.client.replies import CONTRARY, UNNAMED
from backscroll_tools.collections import collection_of
from backscroll_tools.errors import ToolError
from backscroll_tools.message_lists import messages_of
from backscroll_tools.models import Message, Order
from backscroll_tools.pages.both_ends import PAGES, WAITING_BYTES, from_both_ends
from backscroll_tools.pages.cursor import ListPosition
from backscroll_tools.pages.source import Chunk, Chunks
from backscroll_tools.pages.stop import EMPTY, FAILED, Stop
from backscroll_tools.pages.walk import Walk
from tests.simulation.clock import run
from tests.tools.pages.changing import THREAD, Changing

AWAY: Final = Upstream(COMPATIBLE, "http://upstream.invalid/v1")
END: Final = Stop("end", has_more=False)
OPPOSITE: Final[dict[Order, Order]] = {"asc": "desc", "desc": "asc"}

orders = st.sampled_from(("asc", "desc"))
waits = st.lists(st.floats(0.01, 1), min_size=1, max_size=8).map(tuple)
changes = st.lists(
    st.tuples(st.integers(0, 3), st.lists(st.integers(0, 70), max_size=6).map(tuple)), max_size=20
).map(tuple)


async def read(
    upstream: Changing,
    order: Order = "asc",
    *,
    after: str = "",
    owner: str = THREAD,
    ends: int = 2,
    requests: float = 200,
    deadline_s: float = 10_000,
    pages: int = PAGES,
    waiting_bytes: int = WAITING_BYTES,
    client: Client | None = None,
    from_end: Callable[[Chunks[Message]], Chunks[Message]] = lambda source: source,
) -> tuple[list[int], Stop]:
    """Read a thread from one or both of its ends. Return the numbers of its messages.

    What the second walk reads is `from_end` of the thread in the opposite order.
    """
    found: list[int] = []

    def take(message: Message, _key: str, _passed: int) -> bool:
        found.append(int(message["id"].removeprefix("msg_")))
        return True

    def listed(client: CallClient, order: Order) -> Chunks[Message]:
        collection = collection_of(AWAY.profile, owner)
        return messages_of(client, collection, owner, ListPosition("", owner, order))

    began, before = anyio.current_time(), len(upstream.requests)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(upstream)) as http:
        ends_at = began + deadline_s
        call = CallClient(client or Client(http, AWAY, chance=lambda: 0.5), requests, ends_at)
        far = (lambda beside: from_end(listed(beside, OPPOSITE[order]))) if ends == 2 else None
        async with from_both_ends(call, listed(call, order), far, pages, waiting_bytes) as source:
            stop = await Walk(10_000, 1_000, ends_at).over(source, after, take, lambda _: True)
    upstream.took_s = anyio.current_time() - began
    assert call.tally.requests == len(upstream.requests) - before <= requests
    return found, stop


def in_order(numbers: list[int], order: Order) -> list[int]:
    return sorted(numbers, reverse=order == "desc")


@given(st.integers(0, 120), st.integers(1, 9), orders, waits, st.booleans())
def test_a_list_read_from_both_ends_is_the_list(
    size: int, page: int, order: Order, delays: tuple[float, ...], absent: bool
) -> None:
    has_more = "absent" if absent else "truth"
    upstream = Changing(size, 100 if absent else page, delays_s=delays, has_more=has_more)

    assert run(read(upstream, order)) == (
        in_order(list(range(size)), order),
        END,
    )
    assert upstream.most_at_once <= 2


CHANGING: Final = st.builds(
    Changing,
    size=st.integers(0, 60),
    page=st.integers(3, 9),
    after=st.sampled_from(("holds", "refuses", "again")),
    repeats=st.integers(0, 2),
    delays_s=waits,
    changes=changes,
)


@given(CHANGING, orders)
def test_what_is_there_throughout_is_read_once_and_in_order(
    upstream: Changing, order: Order
) -> None:
    before = upstream.kept

    found, stop = run(read(upstream, order))

    assert len(set(found)) == len(found)
    assert set(found) <= set(range(upstream.size))
    if upstream.after != "again":  # else new messages are sent amid old ones
        assert found == in_order(found, order)
    if upstream.after == "holds" and not upstream.repeats:
        assert stop == END
    if not stop.has_more:
        assert set(before) - upstream.deleted <= set(found)


@given(
    st.integers(0, 60),
    st.integers(1, 9),
    st.frozensets(st.integers(0, 59)),
    orders,
    waits,
)
def test_calls_of_tools_are_passed_over_as_by_one_walk(
    size: int, page: int, calls: frozenset[int], order: Order, delays: tuple[float, ...]
) -> None:
    def upstream() -> Changing:
        return Changing(size, page, calls=calls, delays_s=delays)

    found, stop = run(read(upstream(), order, owner="conv_1"))
    _, alone = run(read(upstream(), order, owner="conv_1", ends=1))

    assert found == in_order(list(set(range(size)) - calls), order)
    assert replace(stop, last="") == replace(alone, last="")


@pytest.mark.parametrize(
    ("calls", "after"),
    [
        ({5, 7, 8}, ""),
        ({1, 3, 4}, ""),
        ({1, 2, 3, 4, 5}, ""),
        ({4, 5, 6, 7, 8}, ""),
        ({2, 3, 4, 5, 6, 7}, ""),
        ({3, 4, 5, 6, 7, 8}, ""),
        ({5, 7}, "msg_1"),
    ],
)
def test_each_call_of_a_tool_is_counted_once_where_the_walks_meet(
    calls: set[int], after: str
) -> None:
    def upstream() -> Changing:
        # The second walk reads all of the list while the first one waits for its second page.
        delays_s = (0.05, 9.0, *[0.01] * 20)
        return Changing(12, 4, calls=frozenset(calls), delays_s=delays_s)

    both = upstream()
    found, stop = run(read(both, owner="conv_1", after=after))
    _, alone = run(read(upstream(), owner="conv_1", after=after, ends=1))

    start = 2 if after else 0
    assert found == [number for number in range(start, 12) if number not in calls]
    assert replace(stop, last="") == replace(alone, last="")
    assert stop.passed == len(calls)
    assert [order for order, _ in both.requests].count("asc") == 2


def test_two_items_that_both_walks_have_read_are_enough() -> None:
    upstream = Changing(8, 2, delays_s=(0.05, 0.06, 0.05, 0.05, 0.05))
    assert run(read(upstream)) == (list(range(8)), END)
    # The last request of the second walk is under way as the first one reads these two.
    expected = ["asc", "asc", "desc", "desc", "asc", "desc"]
    assert [order for order, _ in upstream.requests] == expected


def test_the_second_walk_ends_at_the_start_of_the_list_although_the_walks_have_not_met() -> None:
    upstream = Changing(2, 1, delays_s=(0.05, 9.0, 0.01, 0.01, 0.01))
    assert run(read(upstream)) == ([0, 1], END)
    expected = [("asc", ""), ("asc", "msg_0"), ("desc", ""), ("desc", "msg_1")]
    assert upstream.requests == expected


def test_a_second_walk_that_finds_nothing_but_a_promise_of_more_ends() -> None:
    # The first walk waits for its second page until the second one has ended.
    emptied = ((0, ()), (0, ()), (0, (0, 1, 2)))
    upstream = Changing(3, has_more="true", delays_s=(0.05, 9.0, 0.01, 0.01), changes=emptied)
    found, stop = run(read(upstream))
    assert (found, stop.warning) == ([0, 1, 2], EMPTY)
    assert upstream.requests == [("asc", ""), ("asc", "msg_2"), ("desc", "")]


LIES: Final = {
    "ignores order": Changing(45, 10, ignores=frozenset({"order"})),
    "ignores after": Changing(45, 10, ignores=frozenset({"after"})),
    "ignores both": Changing(45, 10, ignores=frozenset({"order", "after"})),
    "ignores order, one a page": Changing(9, 1, ignores=frozenset({"order"})),
    "repeats one": Changing(45, 10, repeats=1),
    "repeats most": Changing(45, 10, repeats=9),
    "repeats all": Changing(45, 10, repeats=10),
    "always more": Changing(45, 10, has_more="true"),
    "never more": Changing(45, 10, has_more="false"),
    "says nothing of more": Changing(45, 10, has_more="absent"),
    "never more, full pages": Changing(450, has_more="false"),
}


@pytest.mark.parametrize("lie", LIES)
@given(order=orders, delays=waits, after=st.sampled_from(("", "msg_4")))
def test_a_lying_upstream_is_read_as_from_one_end(
    lie: str, order: Order, delays: tuple[float, ...], after: str
) -> None:
    lying = dataclasses.replace(LIES[lie], delays_s=delays)

    def fresh() -> Changing:
        return dataclasses.replace(lying, requests=[], sent_at=[])

    alone = run(read(fresh(), order, after=after, ends=1))
    found, stop = run(read(fresh(), order, after=after))

    assert found == alone[0]
    assert stop in {alone[1], END}


@pytest.mark.parametrize("repeats", [1, 9])
def test_a_second_walk_that_reads_an_item_twice_ends_and_is_not_used(repeats: int) -> None:
    upstream = Changing(450, repeats=repeats, page=10)
    found, stop = run(read(upstream, requests=20))
    alone = run(read(Changing(450, repeats=repeats, page=10), requests=18, ends=1))

    assert [order for order, _ in upstream.requests].count("desc") == 2
    assert (found, stop) == alone


def test_a_second_walk_that_has_read_an_item_twice_is_not_used_where_the_walks_meet() -> None:
    alone, both = (Changing(45, 10, repeats=1) for _ in range(2))
    assert run(read(both)) == run(read(alone, ends=1))
    assert [asked for asked in both.requests if asked[0] == "asc"] == alone.requests
    assert len(both.requests) == len(alone.requests) + 2


LONG: Final = 3_950


@pytest.mark.parametrize("order", OPPOSITE)
def test_reading_from_both_ends_takes_about_half_of_the_time(order: Order) -> None:
    alone, both = Changing(LONG), Changing(LONG)

    assert run(read(alone, order, ends=1)) == run(read(both, order))
    assert (len(alone.requests), len(both.requests)) == (40, 41)
    assert (alone.took_s, both.took_s) == pytest.approx((40 * 0.05, 21 * 0.05))
    assert (alone.most_at_once, both.most_at_once) == (1, 2)


@pytest.mark.parametrize("size", [0, 1, 99])
def test_a_list_of_one_page_is_read_with_one_request(size: int) -> None:
    upstream = Changing(size)
    assert run(read(upstream)) == (list(range(size)), END)
    assert upstream.requests == [("asc", "")]


def test_the_second_walk_ends_at_its_limits() -> None:
    upstream = Changing(LONG)
    assert run(read(upstream, pages=3)) == (list(range(LONG)), END)
    assert [order for order, _ in upstream.requests].count("desc") == 3

    upstream = Changing(LONG, text="x" * 1_000)
    assert run(read(upstream, waiting_bytes=250_000)) == (list(range(LONG)), END)
    assert [order for order, _ in upstream.requests].count("desc") == 3


@pytest.mark.parametrize(("requests", "second"), [(9, 4), (50, 20)])
def test_both_walks_share_the_requests_of_a_call(requests: int, second: int) -> None:
    upstream = Changing(6_000)
    found, stop = run(read(upstream, requests=requests))

    assert len(upstream.requests) == requests
    assert [order for order, _ in upstream.requests].count("desc") == second
    read_by_first = list(range(100 * (requests - second)))
    assert (found, stop) == (read_by_first, Stop("requests", has_more=True))


def test_the_last_request_of_a_call_may_be_the_one_that_completes_the_list() -> None:
    upstream = Changing(250, delays_s=(0.05, 0.05, 1))
    assert run(read(upstream, requests=3)) == (list(range(250)), END)
    assert [order for order, _ in upstream.requests] == ["asc", "asc", "desc"]


def test_a_list_whose_first_page_cannot_be_read_has_its_failure() -> None:
    upstream = Changing(LONG, failures=dict.fromkeys(range(2), (503, 0)))
    with pytest.raises(ToolError, match="more upstream requests"):
        run(read(upstream, requests=2))
    assert [order for order, _ in upstream.requests] == ["asc", "asc"]


@pytest.mark.parametrize("status", [429, 500, 404, 401])
def test_a_second_walk_that_fails_is_not_tried_again(status: int) -> None:
    upstream = Changing(LONG, failures={4: (status, 0)})
    assert run(read(upstream)) == (list(range(LONG)), END)
    assert upstream.requests[4][0] == "desc"
    assert [order for order, _ in upstream.requests].count("desc") == 2


def test_the_pause_that_the_second_walk_is_asked_for_is_kept() -> None:
    upstream = Changing(LONG, failures={4: (429, 7)})
    assert run(read(upstream)) == (list(range(LONG)), END)
    at = upstream.sent_at[4] + 0.05
    assert not [each for each in upstream.sent_at if at < each < at + 7]


def test_nothing_is_sent_while_the_first_walk_pauses() -> None:
    upstream = Changing(LONG, failures={3: (429, 7)})
    assert run(read(upstream)) == (list(range(LONG)), END)
    assert [order for order, _ in upstream.requests[1:5]] == ["asc", "desc", "asc", "desc"]
    at = upstream.sent_at[3] + 0.05
    assert not [each for each in upstream.sent_at if at < each < at + 7]


@pytest.mark.parametrize("pause_s", [90, 57], ids=["beyond", "until"])
def test_a_pause_as_long_as_the_call_ends_the_walk_with_what_was_read(pause_s: float) -> None:
    upstream = Changing(LONG, failures={4: (429, pause_s)}, delays_s=(1,))
    found, stop = run(read(upstream, deadline_s=60))
    assert (found, stop) == (list(range(400)), Stop("requests", has_more=True, warning=FAILED))
    # The failure arrives after 3 seconds, while the first walk reads its last page.
    assert upstream.took_s == 4


class Fails(Struct):
    """The end of a list that cannot be read, for a reason that is no failed request."""

    source: Chunks[Message]

    async def chunk(self, after: str, limit: int) -> Chunk[Message]:
        await self.source.chunk(after, limit)
        raise ToolError("not_found", "There is no such message.")


def test_no_pause_follows_a_failure_that_asks_for_none() -> None:
    alone, both = Changing(LONG), Changing(LONG)
    assert run(read(both, from_end=Fails)) == run(read(alone, ends=1)) == (list(range(LONG)), END)
    assert both.took_s == alone.took_s
    assert [order for order, _ in both.requests].count("desc") == 1


def test_a_first_walk_that_fails_ends_both() -> None:
    upstream = Changing(LONG, failures=dict.fromkeys(range(3, 99), (401, 0)))
    found, stop = run(read(upstream))
    assert (found, stop) == (list(range(200)), Stop("requests", has_more=True, warning=FAILED))
    assert len(upstream.requests) <= 5


def test_the_deadline_ends_both_walks() -> None:
    upstream = Changing(LONG, delays_s=(0.05, 0.05, 0.05, *[99] * 20))
    found, stop = run(read(upstream, deadline_s=1))
    assert (found, stop) == (list(range(200)), Stop("requests", has_more=True, warning=FAILED))
    assert upstream.took_s < 1


class Flawed(Struct):
    """A list whose pages have a flaw."""

    source: Chunks[Message]
    flaw: dict[str, Any]

    async def chunk(self, after: str, limit: int) -> Chunk[Message]:
        return replace(await self.source.chunk(after, limit), **self.flaw)


@pytest.mark.parametrize(
    ("upstream", "flaw", "requests"),
    [
        (Changing(LONG, ignores=frozenset({"order"})), {}, 1),
        (Changing(9, 1, ignores=frozenset({"order"})), {}, 2),
        (Changing(450, 10, repeats=1), {}, 2),
        (Changing(LONG), {"from_start": True}, 1),
        (Changing(LONG), {"warning": f"{UNNAMED}; {CONTRARY}"}, 1),
    ],
    ids=["ignores order", "one a page", "repeats one", "from start", "in reverse order"],
)
def test_an_upstream_that_does_not_serve_both_orders_is_asked_from_its_end_once(
    upstream: Changing, flaw: dict[str, Any], requests: int
) -> None:
    fresh = dataclasses.replace(upstream, requests=[], sent_at=[])

    async def twice() -> list[int]:
        """Return the number of requests of each call that read the list from its end."""
        counts: list[int] = []
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(fresh)) as http:
            client = Client(http, AWAY)
            for _ in range(2):
                fresh.requests.clear()
                found, _ = await read(fresh, client=client, from_end=lambda end: Flawed(end, flaw))
                assert found == list(range(upstream.size))
                counts.append([order for order, _ in fresh.requests].count("desc"))
        return counts

    assert run(twice()) == [requests, 0]


def test_the_embedded_store_is_read_from_one_end() -> None:
    upstream = Changing(LONG)

    async def embedded() -> tuple[list[int], Stop]:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(upstream)) as http:
            return await read(upstream, client=Client(http, EMBEDDED))

    assert run(embedded()) == (list(range(LONG)), END)
    assert {order for order, _ in upstream.requests} == {"asc"}
