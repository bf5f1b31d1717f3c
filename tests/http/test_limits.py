"""How much may be under way, and how often one caller may ask."""

import asyncio
from pathlib import Path

import pytest

from backscroll.http.limits import Rates
from backscroll.http.refusals import RefusedError
from tests.http.serving import WAIT_S, call, post, refusal_of, running, settings_of
from tests.http.stalling import stalling


async def test_who_comes_when_all_places_are_taken_is_told_when_to_come_back(
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

    assert refusal_of(refused) == (503, "1 requests are under way already. Try again in 1 s.")
    assert refused.headers["retry-after"] == "1"
    assert after.status_code == 200


async def test_a_caller_that_takes_its_places_leaves_those_of_others(tmp_path: Path) -> None:
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
        "1 requests of yours are under way already. Try again in 1 s.",
    )
    assert refused.headers["retry-after"] == "1"
    assert other.status_code == 200


async def test_a_caller_that_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with running(settings_of(tmp_path, http_auth="token", http_caller_rate=1)) as server:
        ada, bob = await server.token("ada"), await server.token("bob")
        async with asyncio.timeout(WAIT_S):
            responses = await asyncio.gather(*(post(server.url, token=ada) for _ in range(15)))
        other = await post(server.url, token=bob)

    statuses = [response.status_code for response in responses]
    refused = next(response for response in responses if response.status_code == 429)
    assert statuses.count(200) >= 10
    assert refused.headers["retry-after"] == "1"
    assert refusal_of(refused)[1] == (
        "More than 1 requests a second over 10 seconds. Try again in 1 s."
    )
    assert other.status_code == 200


def test_a_rate_is_taken_over_ten_seconds_and_comes_back_as_time_goes_by() -> None:
    now = [0.0]
    rates = Rates(2, lambda: now[0])
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
