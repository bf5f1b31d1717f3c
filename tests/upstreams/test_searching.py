"""A search of an upstream without an index looks at each message once, whatever its pages do."""

import pytest

from backscroll_tools.models import JSON
from tests.upstreams import paging
from tests.upstreams.peculiar import Behaviour
from tests.upstreams.test_around import HONEST
from tests.upstreams.world import COUNT, THREAD, world


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
