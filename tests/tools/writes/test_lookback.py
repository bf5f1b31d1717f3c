"""A message that may have been written is found page by page, or not told of."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import httpx2
import pytest

from backscroll_tools.client.call import CallClient
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import COMPATIBLE, Upstream
from backscroll_tools.models import JSON
from backscroll_tools.writes import keys
from backscroll_tools.writes.lookback import PAGES, Search, UndecidedError

UPSTREAM = Upstream(replace(COMPATIBLE, trusts_has_more=True), "http://upstream.invalid/v1")
NOTHING = keys.digest(keys.NOTHING)


def listed(*names: str, has_more: bool = True, **fields: str) -> JSON:
    return {"data": [{"id": name} for name in names], "has_more": has_more, **fields}


@dataclass
class Lists(httpx2.AsyncBaseTransport):
    """Answers with one list after another, the last for ever; notes what was asked."""

    replies: Sequence[JSON]
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        query = request.url.params
        assert query["order"] == "desc"
        self.asked.append((query.get("after", ""), query["limit"]))
        at = min(len(self.asked), len(self.replies)) - 1
        body = json.dumps(self.replies[at]).encode()
        return httpx2.Response(200, stream=httpx2.ByteStream(body))


def search(
    lists: Lists, is_ours: Callable[[str], bool], *, alone: bool = True, thread: str = "thread_1"
) -> Search:
    client = CallClient(Client(httpx2.AsyncClient(transport=lists), UPSTREAM))
    return Search(client, thread, lambda raw: is_ours(raw["id"]), alone)


def ours(name: str) -> bool:
    return name.startswith("ours")


@pytest.mark.parametrize(
    ("thread", "behind"),
    [
        ("thread_1", [("", "20"), ("b", "100"), ("d", "100")]),
        ("conv_1", [("", "20"), ("x", "100"), ("d", "100")]),
    ],
)  # fmt: skip - a list's own `last_id` is believed of a conversation alone
async def test_each_page_is_asked_for_behind_the_one_before(
    thread: str, behind: list[tuple[str, str]]
) -> None:
    lists = Lists((listed("a", "b", last_id="x"), listed("c", "d"), listed("ours")))
    assert await search(lists, ours, thread=thread).found("") == {"id": "ours"}
    assert lists.asked == behind


async def test_a_search_goes_back_a_thousand_messages_and_no_further() -> None:
    for since in ("", keys.digest("long ago")):
        lists = Lists([listed(f"msg_{page}") for page in range(PAGES + 1)])
        if since:
            with pytest.raises(UndecidedError):
                await search(lists, ours).found(since)
        else:
            assert await search(lists, ours).found(since) is None
        assert len(lists.asked) == PAGES


async def test_an_upstream_that_leads_nowhere_is_not_asked_again() -> None:
    for first in (listed(), listed("a"), listed("a", "b")):
        lists = Lists((first, listed()))
        assert await search(lists, ours).found("") is None
        with pytest.raises(UndecidedError):
            await search(Lists((first, listed())), ours).found(keys.digest("noted"))
        assert len(lists.asked) == (2 if first["data"] else 1)


async def test_what_stands_behind_the_noted_message_is_ours_and_the_oldest_such() -> None:
    page = listed("new", "ours_2", "ours_1", "noted", "ours_0")
    lists = Lists((page,))
    assert await search(lists, ours, alone=False).found(keys.digest("noted")) == {"id": "ours_1"}
    assert await search(lists, ours).found(keys.digest("noted")) == {"id": "ours_2"}
    pages = (listed("ours_2", "a"), listed("b", "ours_1"), listed("c", "noted", "ours_0"))
    found = await search(Lists(pages), ours, alone=False).found(keys.digest("noted"))
    assert found == {"id": "ours_1"}


async def test_what_is_ours_alone_is_ours_wherever_it_stands() -> None:
    lists = Lists((listed("noted", "ours"),))
    assert await search(lists, ours).found(keys.digest("noted")) == {"id": "ours"}
    assert await search(lists, ours, alone=False).found(keys.digest("noted")) is None


@pytest.mark.parametrize("alone", [True, False])
async def test_a_whole_list_without_it_tells_that_it_is_not_there(alone: bool) -> None:
    lists = Lists((listed("a", "b", has_more=False),))
    for since in ("", NOTHING, keys.digest("gone")):
        assert await search(lists, ours, alone=alone).found(since) is None


async def test_what_is_like_ours_is_not_told_from_older_ones_without_the_noted_message() -> None:
    lists = Lists((listed("a", "ours", has_more=False),))
    assert await search(lists, ours, alone=False).found(NOTHING) == {"id": "ours"}
    for since in ("", keys.digest("gone")):
        with pytest.raises(UndecidedError):
            await search(lists, ours, alone=False).found(since)


async def test_a_list_with_items_left_out_tells_nothing_once_there_is_a_place_to_look() -> None:
    lists = Lists(({"data": [{"id": "a"}, {}], "has_more": False},))
    assert await search(lists, ours).found("") is None
    for since in (NOTHING, keys.digest("a")):
        with pytest.raises(UndecidedError):
            await search(lists, ours).found(since)


async def test_the_newest_message_is_noted_by_its_mark() -> None:
    for thread in ("thread_1", "conv_1"):
        lists = Lists((listed("a", "b"), listed(has_more=False)))
        newest = search(lists, ours, thread=thread)
        assert await newest.newest() == keys.digest("a")
        assert await newest.newest() == NOTHING
        assert lists.asked == [("", "1"), ("", "1")]
