"""No caller gets the answer to another request, whatever a model server leaves on a connection."""

import asyncio
from collections import Counter
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.faults.surplus import KEEPING, KINDS, REPLYING, Kind, Surplus
from tests.loopback import NO_TLS
from tests.store.recorder.recording import Recording, recording_of

NAMES: Final = ("ada", "bob", "cyd")
TURNS: Final = 4

DETECTABLE: Final = sorted(set(KINDS) - {"surplus first"})
"""No client can detect a surplus answer between a request and its answer."""

REFUSED: Final = {204, 304, 404, HTTPStatus.BAD_GATEWAY}
"""The status of an answer without a text, and of one that was not taken."""


def text(reply: httpx2.Response) -> str | int:
    """Return the text of an answer; its status if it has none."""
    if reply.status_code != HTTPStatus.OK:
        return reply.status_code
    said: str = reply.json()["content"][0]["text"]["value"]
    return said


@pytest.mark.parametrize("asks", ["a list", "an answer"])
@pytest.mark.parametrize("kind", DETECTABLE)
async def test_what_an_answer_leaves_behind_answers_no_other_request(kind: Kind, asks: str) -> None:
    plan: list[Kind] = ["clean", kind, "clean", "clean", kind]
    wrong: list[tuple[str, int, str]] = []
    said: Counter[str | int] = Counter()
    async with (
        Surplus(plan).serving() as upstream,
        recording_of(upstream.url) as official,
        httpx2.AsyncClient(base_url=str(official.base_url), verify=NO_TLS) as caller,
    ):
        for number in range(TURNS):
            for name in NAMES:
                headers = {"Authorization": f"Bearer sk-{name}", "X-Request-Id": f"{number}"}
                if asks == "a list":
                    path = f"/models/{name}-{number}"
                    reply = await caller.get(path, headers=headers)
                else:
                    path = "/chat/completions"
                    body = {"model": "m", "messages": []}
                    reply = await caller.post(path, headers=headers, json=body)
                await upstream.late()
                found = text(reply)
                if isinstance(found, int):
                    said[found] += 1
                elif found != f"sk-{name} asked for {path}":
                    wrong.append((name, number, found))

    assert wrong == []
    assert set(said) <= REFUSED
    assert said.total() == {"greeting": 1}.get(kind, 0 if kind in REPLYING else 2)
    keys_of = {(one.connection, one.key) for one in upstream.asked}
    assert len({connection for connection, _ in keys_of}) == len(keys_of)  # a key to a connection
    assert (upstream.connections == len(NAMES)) is (kind in KEEPING)


@pytest.mark.parametrize(
    ("queries", "connections"),
    [(("key=a", "key=b", "key=a"), [1, 2, 3]), (("api-version=1",) * 3, [1, 1, 1])],
)
async def test_a_query_that_may_have_a_key_gets_a_connection_of_its_own(
    queries: tuple[str, ...], connections: list[int]
) -> None:
    async with (
        Surplus([]).serving() as upstream,
        recording_of(upstream.url) as official,
        httpx2.AsyncClient(base_url=str(official.base_url), verify=NO_TLS) as caller,
    ):
        for query in queries:
            assert (await caller.get(f"/models/m?{query}")).status_code == HTTPStatus.OK
    assert [one.connection for one in upstream.asked] == connections


async def test_of_two_lengths_of_a_request_only_the_one_that_counts_is_passed_on(
    here: Recording,
) -> None:
    url = urlsplit(here.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(
        b"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
        b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nwhole\r\n0\r\n\r\n"
    )
    reply = await reader.read()
    writer.close()
    await writer.wait_closed()
    [asked] = await here.model.asked()
    assert b"unknown_url" in reply  # from the model server
    assert asked["body"] == "whole"
    assert "content-length" not in asked["headers"]
