"""What goes wrong below HTTP: closed connections, redirects, headers that are dropped."""

import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from backscroll_tools.client import requests
from backscroll_tools.errors import ToolError
from backscroll_tools.tool import Call
from tests.loopback import NO_TLS
from tests.upstreams.connecting import REDIRECTS, SILENTLY_CLOSED, SILENTLY_CLOSED_WRITE, closing
from tests.upstreams.covering import shows
from tests.upstreams.peculiar import Answer, Asked, Exchange, answer, peculiar
from tests.upstreams.world import KEY, THREAD, World, connected, world

LIST = f"GET /v1/threads/{THREAD}/messages?limit=20&order=desc HTTP/1.1"
WRITE = f"POST /v1/threads/{THREAD}/messages HTTP/1.1"
PAGE = json.dumps({"object": "list", "data": [], "has_more": False}).encode()
READ = requests.retrieve_message(THREAD, "msg_1")
MESSAGE = json.dumps({"id": "msg_1", "role": "user", "content": "hi"}).encode()


@pytest.fixture
async def elsewhere() -> AsyncIterator[tuple[str, list[Asked]]]:
    """Another origin, which answers like an upstream and keeps what it is asked."""

    async def answering(_: Exchange) -> Answer:
        return answer({"object": "list", "data": [{"id": "msg_0", "role": "user"}]})

    async with (
        httpx2.AsyncClient(verify=NO_TLS) as unused,
        peculiar(answering, unused) as (base_url, asked),
    ):
        yield base_url, asked


@shows(SILENTLY_CLOSED)
async def test_a_read_on_a_connection_that_was_closed_silently_is_sent_again() -> None:
    async with closing(PAGE) as (base_url, server), connected(base_url, retries=9) as client:
        upstream = World(client, [])
        pages = [await upstream.call("list-messages", thread_id=THREAD) for _ in range(3)]

    assert [page["page"]["stopped_by"] for page in pages] == ["end"] * 3
    assert server.answered == [LIST] * 3
    assert server.reset == [LIST] * 2


@shows(SILENTLY_CLOSED_WRITE)
async def test_a_write_never_goes_over_a_connection_that_may_have_been_closed() -> None:
    async with (
        closing(MESSAGE) as (base_url, server),
        connected(base_url, retries=9, idempotency_keys=True) as client,
    ):
        upstream = World(client, [])
        arguments = {"thread_id": THREAD, "message_id": "msg_1"}
        for _ in range(3):
            await upstream.call("get-message", **arguments)
            created = await upstream.call(
                "create-message", thread_id=THREAD, role="user", content="hi"
            )
            assert created["message"] == {"id": "msg_1", "role": "user"}

    assert server.answered.count(WRITE) == 3
    assert WRITE not in server.reset


@shows(*REDIRECTS.values())
@pytest.mark.parametrize("status", REDIRECTS)
async def test_a_redirect_is_never_followed_and_the_key_never_sent_along(
    status: int, elsewhere: tuple[str, list[Asked]]
) -> None:
    origin, asked_elsewhere = elsewhere

    async def answering(exchange: Exchange) -> Answer:
        said = await REDIRECTS[status].answer(exchange)
        return Answer(said.status, said.body, {"location": origin + exchange.asked.path})

    async with world(answering) as upstream:
        read = await upstream.error("list-messages", thread_id=THREAD)
        written = await upstream.error(
            "create-message", thread_id=THREAD, role="user", content="hi"
        )

    for error in (read, written):
        assert error.code == "upstream_invalid"
        assert error.message == f"The upstream answered with HTTP status {status}."
        assert error.next_step.startswith("Ask the operator to check BACKSCROLL_BASE_URL.")
    assert len(upstream.asked) == 2
    assert asked_elsewhere == []


async def test_an_upstream_that_hears_no_organization_is_asked_all_the_same() -> None:
    async with world(_as_it_is, {"organization": "org-1", "project": "proj_1"}) as upstream:
        await upstream.call("list-messages", thread_id=THREAD)

    (asked,) = upstream.asked
    assert asked.headers["openai-organization"] == "org-1"
    assert asked.headers["openai-project"] == "proj_1"
    assert asked.headers["authorization"] == f"Bearer {KEY}"


async def _as_it_is(exchange: Exchange) -> Answer:
    return await exchange.ask()


async def test_no_call_makes_more_requests_than_one_call_may() -> None:
    """A list of one new message a page, for ever: the walk ends at the cap, and says so."""

    async def answering(exchange: Exchange) -> Answer:
        row = {"id": f"msg_{len(exchange.earlier)}", "role": "user", "content": "more"}
        if not exchange.asked.is_list:
            return answer({**row, "id": "msg_1"})
        return answer({"object": "list", "data": [row], "has_more": True})

    async with world(answering) as upstream:
        page = await upstream.call("list-messages", thread_id=THREAD, limit=500)
        spent = Call.begin(upstream.client).client
        for _ in range(50):
            await spent.send(READ)
        with pytest.raises(ToolError, match="more upstream requests than one call may"):
            await spent.send(READ)

    assert page["page"]["returned"] == 50
    assert page["page"]["stopped_by"] == "requests"
    assert page["page"]["has_more"] is True
    assert page["page"]["next_cursor"] is not None
    assert len(upstream.asked) == 100
