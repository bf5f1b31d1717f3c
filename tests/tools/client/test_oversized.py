"""An item that is too large to be read has a stand-in in its place, and the walk goes on."""

import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from backscroll_tools.client.call import CallClient
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import COMPATIBLE, EMBEDDED, Upstream
from backscroll_tools.client.requests import Slice, list_messages, retrieve_message
from backscroll_tools.errors import ToolError

ELSEWHERE = Upstream(COMPATIBLE, "http://upstream.invalid/v1")
LARGE = "x" * 3_000
TEMPLATES = {
    "id first": {"id": "msg_2", "role": "user", "created_at": 7, "content": LARGE},
    "id last": {"content": LARGE, "id": "msg_2"},
}


def client(items: list[object], **envelope: object) -> CallClient:
    body = json.dumps({"object": "list", "data": items, **envelope}).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 500):
            yield body[at : at + 500]

    async def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=pieces())

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    return CallClient(Client(http, ELSEWHERE, reply_bytes=1_000))


READ = list_messages("thread_1", Slice(1, "desc"))
WHY = "bytes, more than BACKSCROLL_REPLY_BYTES, 1000)"


async def test_an_item_that_is_too_large_is_told_by_its_id_short_fields_and_size() -> None:
    page = await client([TEMPLATES["id first"]], last_id="msg_2").page(READ)
    (item,) = page.items
    omitted = item.pop("omitted")
    assert item == {"id": "msg_2", "role": "user", "created_at": 7}
    assert omitted.startswith("the content (about 31")
    assert omitted.endswith(WHY)
    assert page.has_more is None


async def test_an_id_behind_the_content_is_found_at_the_end_of_the_reply() -> None:
    page = await client([TEMPLATES["id last"]], last_id="msg_2", has_more=True).page(READ)
    assert [item["id"] for item in page.items] == ["msg_2"]


async def test_an_item_whose_id_is_not_known_is_an_error_that_names_the_setting() -> None:
    with pytest.raises(ToolError) as failed:
        await client([TEMPLATES["id last"]]).page(READ)
    assert failed.value.render() == (
        "upstream_invalid: The upstream's reply is larger than 0.000953674 MiB.\n"
        "Next: Ask the operator to raise BACKSCROLL_REPLY_BYTES.\n"
        "Retry: safe, but pointless until the limit is raised."
    )


async def test_a_single_message_that_is_too_large_is_an_error_that_names_the_setting() -> None:
    with pytest.raises(ToolError, match="larger than") as failed:
        await client([TEMPLATES["id first"]]).send(retrieve_message("thread_1", "msg_2"))
    assert failed.value.next_step == "Ask the operator to raise BACKSCROLL_REPLY_BYTES."


async def test_after_a_page_that_was_too_large_the_next_ones_are_asked_for_as_fit() -> None:
    asked: list[int] = []

    async def answer(request: httpx2.Request) -> httpx2.Response:
        limit = int(request.url.params["limit"])
        asked.append(limit)
        rows = [{"id": f"msg_{number}", "content": "x" * 70} for number in range(limit)]
        body = json.dumps({"data": rows, "has_more": True}).encode()
        return httpx2.Response(200, stream=httpx2.ByteStream(body))

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    calls = CallClient(Client(http, ELSEWHERE, reply_bytes=1_000))
    for _ in range(3):
        await calls.page(list_messages("thread_1", Slice(100, "desc")))
    assert asked == [100, 25, 6, 7, 7]


async def test_after_an_item_that_was_too_large_the_next_page_asks_for_four() -> None:
    asked: list[int] = []

    async def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(int(request.url.params["limit"]))
        is_first = "after" not in request.url.params
        item = TEMPLATES["id first"] if is_first else {"id": "msg_3"}
        envelope = {"last_id": "msg_2"} if is_first else {}
        body = json.dumps({"data": [item], "has_more": True, **envelope}).encode()
        return httpx2.Response(200, stream=httpx2.ByteStream(body))

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    calls = CallClient(Client(http, ELSEWHERE, reply_bytes=1_000))
    for after in ("", "msg_2"):
        await calls.page(list_messages("thread_1", Slice(100, "desc", after)))
    assert asked == [100, 25, 6, 1, 4]


def test_a_reply_from_this_process_has_no_limit() -> None:
    http = httpx2.AsyncClient()
    assert Client(http, EMBEDDED).reply_bytes == float("inf")
    assert Client(http, ELSEWHERE).reply_bytes == 8 * 1024 * 1024
