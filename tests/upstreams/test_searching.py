"""A search of an upstream without an index looks at each message once, whatever its pages do."""

import pytest

from backscroll_tools.models import JSON
from tests.upstreams import paging
from tests.upstreams.peculiar import Behaviour
from tests.upstreams.test_around import HONEST
from tests.upstreams.world import COUNT, LONG, LONG_COUNT, THREAD, world


def found(hit: JSON) -> list[str]:
    """Return the ids of the messages that a hit joins, oldest first."""
    said = (*hit.get("before", ()), hit, *hit.get("after", ()))
    return [each["id"] for each in said if "id" in each]


@pytest.mark.parametrize("order", ["relevance", "newest", "oldest"])
@pytest.mark.parametrize("behaviour", HONEST, ids=str)
async def test_each_message_is_found_once(behaviour: Behaviour, order: str) -> None:
    async with world(behaviour.answer, behaviour.settings) as upstream:
        pages = await upstream.pages(
            "search-messages", thread_id=THREAD, query="text", order=order, limit=20
        )

    ids = [each for page in pages for hit in page["hits"] for each in found(hit)]
    assert sorted(ids) == sorted(f"msg_{number}" for number in range(COUNT))


@pytest.mark.parametrize("behaviour", [paging.DROPS_QUERY, paging.EMPTY_BUT_MORE], ids=str)
async def test_a_search_that_cannot_reach_all_messages_says_so(behaviour: Behaviour) -> None:
    async with world(behaviour.answer, behaviour.settings) as upstream:
        pages = await upstream.pages(
            "search-messages", thread_id=THREAD, query="text", order="newest", limit=20
        )

    ids = [each for page in pages for hit in page["hits"] for each in found(hit)]
    last = pages[-1]["page"]
    assert ids == [f"msg_{number}" for number in range(COUNT - 20, COUNT)]
    assert (last["has_more"], last["next_cursor"]) == (True, None)
    assert last["warning"]


WHOLE = (paging.HAS_MORE_ABSENT, paging.NO_IDS)
"""Behaviours in spite of which a long thread is read whole."""

CUT = (paging.DROPS_QUERY, paging.EMPTY_BUT_MORE)


@pytest.mark.parametrize("behaviour", [*WHOLE, *CUT], ids=str)
async def test_a_long_thread_is_searched_from_both_ends_as_from_one(behaviour: Behaviour) -> None:
    call = {"thread_id": LONG, "query": "text 1500", "limit": 5}
    async with world(behaviour.answer, behaviour.settings, long=True) as upstream:
        both = await upstream.call("search-messages", **call)
        orders = [asked["order"] for asked in upstream.asked]
        upstream.client.has_one_order = True
        one = await upstream.call("search-messages", **call)

    assert both["hits"] == one["hits"]
    assert both["page"]["scanned"] == one["page"]["scanned"]
    if behaviour in WHOLE:
        assert both["page"]["scanned"] == LONG_COUNT
        assert orders.count("asc") > 10
        assert orders.count("desc") < 20
