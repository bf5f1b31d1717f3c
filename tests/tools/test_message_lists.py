"""One message is found whether or not the upstream can look single ones up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import ClassVar

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from backscroll_tools.client.call import CallClient
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import COMPATIBLE, Upstream
from backscroll_tools.collections import COMPLETION
from backscroll_tools.errors import ToolError
from backscroll_tools.lookup import PAGES
from backscroll_tools.message_lists import messages_of, raw_message
from backscroll_tools.pages.cursor import ListPosition
from tests.loopback import NO_TLS, served

NEWEST_FIRST = ListPosition("get-chat-messages", "chatcmpl-1", "desc")


@dataclass
class Messages:
    """An upstream's list of a completion's messages, oldest first whatever is asked for.

    Attributes:
        total: how many there are.
        turns: whether the list starts again at its end.
    """

    PATH: ClassVar = "/v1/chat/completions/chatcmpl-1/messages"

    total: int
    turns: bool = False
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: Request) -> JSONResponse:
        self.asked.append(request.query_params["order"])
        after = request.query_params.get("after", "msg_-1")
        first, limit = int(after.removeprefix("msg_")) + 1, int(request.query_params["limit"])
        if self.turns:
            numbers = [(first + step) % self.total for step in range(limit)]
        else:
            numbers = list(range(first, min(first + limit, self.total)))
        rows = [{"id": f"msg_{number}", "role": "user", "content": "a"} for number in numbers]
        more = self.turns or first + limit < self.total
        return JSONResponse({"object": "list", "data": rows, "has_more": more})

    @asynccontextmanager
    async def client(self) -> AsyncIterator[CallClient]:
        app = Starlette(routes=[Route(self.PATH, self.answer)])
        async with served(app) as url, httpx2.AsyncClient(verify=NO_TLS) as http:
            yield CallClient(Client(http, Upstream(COMPATIBLE, f"{url}/v1")))


@pytest.mark.parametrize(("number", "pages"), [(99, 1), (100, 2), (249, 3)])
async def test_a_message_that_cannot_be_looked_up_is_found_by_reading_the_list(
    number: int, pages: int
) -> None:
    upstream = Messages(250)
    async with upstream.client() as client:
        raw = await raw_message(client, COMPLETION, "chatcmpl-1", f"msg_{number}")

    assert raw == {"id": f"msg_{number}", "role": "user", "content": "a"}
    assert upstream.asked == ["desc", "asc", *["asc"] * pages]


@pytest.mark.parametrize("total", [0, 1, 250])
async def test_a_message_that_the_list_does_not_hold_is_not_found(total: int) -> None:
    async with Messages(total).client() as client:
        with pytest.raises(ToolError) as caught:
            await raw_message(client, COMPLETION, "chatcmpl-1", "msg_-9")
        gone = await messages_of(client, COMPLETION, "chatcmpl-1", NEWEST_FIRST).item("msg_-9")

    assert caught.value.code == "not_found"
    assert caught.value.message == "There is no message msg_-9 in chatcmpl-1."
    assert gone is None


@pytest.mark.parametrize(("total", "requests"), [(1, 2), (7_001, PAGES)])
async def test_a_list_without_end_is_left_after_as_many_requests_as_a_call_may_make(
    total: int, requests: int
) -> None:
    upstream = Messages(total, turns=True)
    async with upstream.client() as client:
        with pytest.raises(ToolError) as caught:
            await raw_message(client, COMPLETION, "chatcmpl-1", "msg_-9", "desc")

    assert caught.value.code == "not_found"
    assert upstream.asked == ["asc", "desc", *["desc"] * requests]
