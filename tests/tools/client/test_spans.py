"""Each attempt to send a request is a span, which names its kind, its number and its reply."""

import httpx2
import pytest
from opentelemetry.trace import SpanKind

from backscroll_tools.client import requests
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import EMBEDDED
from backscroll_tools.client.requests import Slice
from backscroll_tools.errors import ToolError
from tests.tools.spans import recording

READ = requests.list_messages("thread_1", Slice(20, "desc"))
EMPTY = b'{"data": [], "has_more": false}'


async def test_every_attempt_is_a_span_with_its_number_and_what_was_replied() -> None:
    replies = iter((503, None, 200, 400))

    def answer(_: httpx2.Request) -> httpx2.Response:
        status = next(replies)
        if status is None:
            raise httpx2.ReadError("")
        return httpx2.Response(status, stream=httpx2.ByteStream(EMPTY if status == 200 else b""))

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
        client = CallClient(Client(http, EMBEDDED, chance=lambda: 0.0))
        with recording() as spans:
            await client.send(READ)
            with pytest.raises(ToolError):
                await client.send(READ)

    assert spans == [
        (
            "GET threads",
            SpanKind.CLIENT,
            {
                "http.request.method": "GET",
                "http.request.resend_count": number,
                "backscroll.upstream": "store",
                **replied,
            },
        )
        for number, replied in (
            (0, {"http.response.status_code": 503, "http.response.body.size": 0}),
            (1, {"error.type": "upstream_unavailable"}),
            (2, {"http.response.status_code": 200, "http.response.body.size": len(EMPTY)}),
            (0, {"http.response.status_code": 400, "http.response.body.size": 0}),
        )
    ]
