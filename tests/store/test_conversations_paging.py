"""Pages of a conversation's items against a plain list."""

import asyncio

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.conftest import examples_share_a_store, on_one_engine
from tests.store.wire import add_items, error, new_conversation, page


def _expected(
    order: str, present: list[int], limit: int, after: int | None
) -> tuple[list[int], bool]:
    """Return a page of ``present`` and its ``has_more``, by the plainest means."""
    listed = present if order == "asc" else present[::-1]
    sign = 1 if order == "asc" else -1
    if after is not None:
        listed = [each for each in listed if sign * each > sign * after]
    return listed[:limit], len(listed) > limit


@on_one_engine
@examples_share_a_store
@given(data=st.data(), length=st.integers(1, 12), order=st.sampled_from(["asc", "desc"]))
async def test_every_page_is_the_one_that_a_plain_list_has(
    api: httpx2.AsyncClient, data: st.DataObject, length: int, order: str
) -> None:
    conversation_id = await new_conversation(api)
    kinds = ["message", "reasoning", "not invented yet"]
    items = [
        {"type": kinds[number % 3], "role": "user", "content": str(number)}
        for number in range(length)
    ]
    ids = [item["id"] for item in await add_items(api, conversation_id, *items)]
    url = f"/conversations/{conversation_id}/items"
    deleted = data.draw(st.sets(st.sampled_from(range(length))))
    for number in deleted:
        await api.delete(f"{url}/{ids[number]}")
    present = [number for number in range(length) if number not in deleted]
    for _ in range(3):
        limit = data.draw(st.integers(1, length + 1))
        after = data.draw(st.none() | st.sampled_from(range(length)))
        params: dict[str, str | int] = {"limit": limit, "order": order}
        params |= {"after": ids[after]} if after is not None else {}
        listed = await page(api, url, **params)
        found = [ids.index(item["id"]) for item in listed["data"]]
        assert (found, listed["has_more"]) == _expected(order, present, limit, after)


@pytest.mark.parametrize(
    ("params", "param", "code"),
    [
        ({"limit": "0"}, "limit", "integer_below_min_value"),
        ({"limit": "101"}, "limit", "integer_above_max_value"),
        ({"limit": "1.5"}, "limit", "invalid_type"),
        ({"order": "newest"}, "order", "invalid_value"),
    ],
)
async def test_a_page_that_cannot_be_is_refused(
    api: httpx2.AsyncClient, params: dict[str, str], param: str, code: str
) -> None:
    url = f"/conversations/{await new_conversation(api)}/items"
    envelope = error(await api.get(url, params=params), 400)
    assert (envelope["param"], envelope["code"]) == (param, code)


async def test_a_page_has_twenty_items_newest_first_and_a_hundred_at_most(
    api: httpx2.AsyncClient,
) -> None:
    conversation_id = await new_conversation(api)
    made = []
    for _ in range(6):
        made += await add_items(api, conversation_id, *[{"role": "user", "content": "a"}] * 20)
    url = f"/conversations/{conversation_id}/items"
    default = await page(api, url)
    assert default["data"] == made[:-21:-1]
    assert (default["first_id"], default["last_id"], default["has_more"]) == (
        made[-1]["id"],
        made[-20]["id"],
        True,
    )
    assert (await page(api, url, limit=100, order="asc"))["data"] == made[:100]


async def test_before_and_include_are_not_looked_at(api: httpx2.AsyncClient) -> None:
    conversation_id = await new_conversation(api, ("0", "1", "2"))
    url = f"/conversations/{conversation_id}/items"
    whole = await page(api, url)
    asked = {"before": whole["last_id"], "include[]": "message.output_text.logprobs"}
    assert await page(api, url, **asked) == whole


async def test_items_written_at_once_keep_their_batches_together(
    api: httpx2.AsyncClient,
) -> None:
    conversation_id = await new_conversation(api)
    batches = await asyncio.gather(
        *(
            add_items(
                api,
                conversation_id,
                *({"role": "user", "content": f"{writer}-{at}"} for at in range(5)),
            )
            for writer in range(8)
        )
    )
    listed = await page(api, f"/conversations/{conversation_id}/items", order="asc", limit=100)
    found = listed["data"]
    assert len(found) == 40
    in_batches = [found[start : start + 5] for start in range(0, 40, 5)]
    assert sorted(in_batches, key=str) == sorted(batches, key=str)
