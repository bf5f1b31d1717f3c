"""Idle connections are kept per caller, for a limited time and a limited number of callers."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
import pytest

from backscroll_tools.client.connections import Connections
from tests.faults.surplus import Surplus

ADA = {"authorization": "Bearer sk-ada"}
BOB = {"authorization": "Bearer sk-bob"}


async def get(http: Connections, upstream: Surplus, headers: Mapping[str, str]) -> int:
    """Read a message; return how many connections the upstream has seen."""
    url = f"{upstream.url}/threads/thread_1/messages/msg_1"
    response = await http.send(httpx2.Request("GET", url, headers=headers))
    assert response.status_code == 200
    return upstream.connections


async def connections_of(callers: Sequence[Mapping[str, str]], http: Connections) -> list[int]:
    """Return how many connections there had been after each of some requests."""
    async with Surplus([]).serving() as upstream, http:
        return [await get(http, upstream, headers) for headers in callers]


async def test_one_caller_uses_its_connection_again() -> None:
    assert await connections_of([ADA] * 20, Connections()) == [1] * 20


@pytest.mark.parametrize(
    "other",
    [
        BOB,
        {},
        {"api-key": "sk-ada"},
        ADA | {"openai-organization": "org-1"},
        ADA | {"openai-project": "proj-1"},
        ADA | {"x-unheard-of": "1"},
    ],
)
async def test_whoever_differs_in_anything_has_connections_of_its_own(
    other: Mapping[str, str],
) -> None:
    assert await connections_of([ADA, other, ADA, other], Connections()) == [1, 2, 2, 2]


@pytest.mark.parametrize("header", ["idempotency-key", "openai-beta", "user-agent"])
async def test_what_says_nothing_of_the_caller_makes_no_difference(header: str) -> None:
    assert await connections_of([ADA, ADA | {header: "x"}], Connections()) == [1, 1]


async def test_no_connection_is_kept_where_none_is_to_be() -> None:
    assert await connections_of([ADA] * 3, Connections(kept=0)) == [1, 2, 3]


@pytest.mark.parametrize("bound", [{"callers": 2}, {"in_all": 2}])
async def test_those_who_asked_last_keep_their_connections(bound: dict[str, Any]) -> None:
    cyd = {"authorization": "Bearer sk-cyd"}
    asked = [ADA, BOB, ADA, cyd, ADA, BOB]
    assert await connections_of(asked, Connections(**bound)) == [1, 2, 2, 3, 3, 4]


async def test_a_connection_that_rested_too_long_is_closed_when_anybody_asks() -> None:
    async with Surplus([]).serving() as upstream, Connections(idle_s=0.0) as http:
        for headers in (ADA, BOB):
            await get(http, upstream, headers)
        assert http.open <= 1
        assert await get(http, upstream, ADA) == 3


async def test_after_the_end_no_connection_is_left() -> None:
    async with Surplus([]).serving() as upstream:
        async with Connections() as http:
            await get(http, upstream, ADA)
            assert http.open == 1
        assert http.open == 0


async def test_requests_go_by_the_proxy_of_the_environment_unless_it_excepts_their_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = "http://elsewhere.invalid/v1/threads/thread_1/messages/msg_1"
    async with Surplus([]).serving() as proxy, Connections() as http:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1"))
        for _ in range(2):
            assert (await http.send(httpx2.Request("GET", url))).status_code == 200
        monkeypatch.setenv("no_proxy", "elsewhere.invalid")
        with pytest.raises(httpx2.ConnectError):
            await http.send(httpx2.Request("GET", url, headers=ADA))

    assert [one.path for one in proxy.asked] == [url, url]
    assert proxy.connections == 1


async def test_requests_above_the_limit_wait_until_others_have_ended() -> None:
    async with (
        Surplus([]).serving() as upstream,
        Connections(most=2) as http,
        Connections() as other,
    ):
        url = f"{upstream.url}/threads/thread_1/messages/msg_1"
        open_ones = [await http.send(httpx2.Request("GET", url), stream=True) for _ in range(2)]
        third = asyncio.create_task(http.send(httpx2.Request("GET", url)))
        await get(other, upstream, BOB)  # more turns of the loop than a request takes
        assert not third.done()
        await open_ones[0].aclose()
        assert (await third).status_code == 200
        await open_ones[1].aclose()
        assert upstream.connections == 4
