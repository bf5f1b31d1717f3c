"""How many requests may be under way, and how often one caller may send them."""

import asyncio
from pathlib import Path

import pytest

from backscroll.http.limits import RateLimiter
from backscroll.http.refusals import RefusedError
from tests.http.serving import WAIT_S, call, post, refusal_of, running, settings_of
from tests.http.stalling import stalling


async def test_a_request_is_refused_with_a_retry_time_if_all_slots_are_taken(
    tmp_path: Path,
) -> None:
    async with stalling() as upstream:
        settings = settings_of(tmp_path, base_url=upstream.url, http_calls=1)
        async with running(settings) as server:
            first = asyncio.create_task(call(server.url, "list-messages", thread_id="thread_1"))
            await upstream.asked()
            refused = await post(server.url)
            upstream.go_on()
            await first
            after = await post(server.url)

    assert refusal_of(refused) == (
        503,
        "The server has reached its limit of 1 concurrent requests. Try again in 1 s.",
    )
    assert refused.headers["retry-after"] == "1"
    assert after.status_code == 200


async def test_a_caller_that_takes_all_its_slots_leaves_those_of_others(tmp_path: Path) -> None:
    async with stalling() as upstream:
        settings = settings_of(
            tmp_path, base_url=upstream.url, http_auth="token", http_caller_calls=1
        )
        async with running(settings) as server:
            ada, bob = await server.token("ada"), await server.token("bob")
            first = asyncio.create_task(
                call(server.url, "list-messages", ada, thread_id="thread_1")
            )
            await upstream.asked()
            refused = await post(server.url, token=ada)
            other = await post(server.url, token=bob)
            upstream.go_on()
            await first

    assert refusal_of(refused) == (
        429,
        "You have reached your limit of 1 concurrent requests. Try again in 1 s.",
    )
    assert refused.headers["retry-after"] == "1"
    assert other.status_code == 200


async def test_a_caller_above_its_rate_is_refused_with_a_retry_time(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, http_auth="token", http_caller_rate=1)
    async with running(settings, clock=lambda: 0.0) as server:
        ada, bob = await server.token("ada"), await server.token("bob")
        async with asyncio.timeout(WAIT_S):
            responses = await asyncio.gather(*(post(server.url, token=ada) for _ in range(15)))
        other = await post(server.url, token=bob)

    statuses = [response.status_code for response in responses]
    refused = next(response for response in responses if response.status_code == 429)
    assert statuses.count(200) == 10
    assert refused.headers["retry-after"] == "1"
    assert refusal_of(refused)[1] == (
        "You sent more than 1 requests a second over 10 seconds. Try again in 1 s."
    )
    assert other.status_code == 200


def test_a_rate_allows_ten_seconds_at_once_and_refills_over_time() -> None:
    now = [0.0]
    rates = RateLimiter(2, lambda: now[0])
    for _ in range(20):
        rates.take("ada")
    with pytest.raises(RefusedError) as refused:
        rates.take("ada")
    now[0] = 0.5
    rates.take("ada")
    with pytest.raises(RefusedError):
        rates.take("ada")
    now[0] = 1_000.0
    for _ in range(20):
        rates.take("ada")
    with pytest.raises(RefusedError):
        rates.take("ada")

    assert refused.value.headers == {"Retry-After": "1"}
