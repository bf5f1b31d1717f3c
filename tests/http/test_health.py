"""Whether a server is alive, and whether it can serve."""

# ruff: noqa: ASYNC240 - a test may wait for a file of its own

import asyncio
import socket
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import make_url
from starlette.applications import Starlette
from starlette.routing import Route

from backscroll.http.health import Health
from backscroll.upstream.connection import UpstreamConnection, upstream_of
from tests.http.serving import WAIT_S, running, settings_of
from tests.http.stalling import stalling
from tests.loopback import NO_TLS, served
from tests.pace import paced_s


async def asked(origin: str, *paths: str, **headers: str) -> list[tuple[int, object]]:
    async with httpx2.AsyncClient(verify=NO_TLS, timeout=WAIT_S, headers=headers) as http:
        responses = [await http.get(origin + path) for path in paths]
    return [(response.status_code, response.json()) for response in responses]


async def ready_as(origin: str, status: int) -> object:
    """Return the response once it has a status; a result is reused for a second."""
    async with asyncio.timeout(WAIT_S):
        while True:
            ((answered, body),) = await asked(origin, "/readyz")
            if answered == status:
                return body


async def test_a_server_with_its_store_is_ready_to_any_host_and_origin(tmp_path: Path) -> None:
    async with running(settings_of(tmp_path, http_auth="token")) as server:
        answers = await asked(server.origin, "/healthz", "/readyz", host="10.0.0.7:8000")

    assert answers == [(200, {"status": "alive"}), (200, {"status": "ready"})]


async def test_a_server_whose_upstream_refuses_connections_is_alive_and_not_ready(
    tmp_path: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    async with running(settings_of(tmp_path, base_url=url)) as server:
        answers = await asked(server.origin, "/healthz", "/readyz")

    assert answers == [(200, {"status": "alive"}), (503, {"status": "no upstream"})]


@pytest.mark.parametrize("auth", ["none", "token"])
async def test_a_server_whose_database_is_gone_is_not_ready_until_it_is_back(
    tmp_path: Path, auth: str
) -> None:
    async with served(Starlette()) as origin:
        upstream = {"base_url": origin, "upstream": "compatible"} if auth == "token" else {}
        settings = settings_of(tmp_path, http_auth=auth, **upstream)
        path = Path(str(make_url(settings.database_url).database))
        async with running(settings) as server:
            well = await ready_as(server.origin, 200)
            path.rename(tmp_path / "elsewhere")
            gone = await ready_as(server.origin, 503)
            assert await asked(server.origin, "/healthz") == [(200, {"status": "alive"})]
            (tmp_path / "elsewhere").rename(path)
            back = await ready_as(server.origin, 200)

    reason = "the file or its folder is missing, read-only or not accessible"
    why = f"its file cannot be opened: {reason} (SQLITE_CANTOPEN)"
    assert well == back == {"status": "ready"}
    assert gone == {"status": f"no database: {why}"}


async def test_a_silent_upstream_is_neither_waited_for_long_nor_asked_often(
    tmp_path: Path,
) -> None:
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(stalling())
        settings = settings_of(tmp_path, base_url=upstream.url)
        connection = UpstreamConnection(settings, upstream_of(settings))
        client = await (await stack.enter_async_context(connection)).client()
        health = Health(client, asyncio.Event(), answer_s=paced_s(0.3), keep_s=1_000.0)
        app = Starlette(routes=[Route("/readyz", health.ready)])
        origin = await stack.enter_async_context(served(app))
        first = await asked(origin, "/readyz")
        count = upstream.count  # a read may be retried within its time
        others = await asked(origin, "/readyz", "/readyz")

        assert first + others == [(503, {"status": "no upstream"})] * 3
        assert upstream.count == count


async def test_a_check_that_runs_when_the_shutdown_begins_ends_with_it(tmp_path: Path) -> None:
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(stalling())
        settings = settings_of(tmp_path, base_url=upstream.url)
        connection = UpstreamConnection(settings, upstream_of(settings))
        client = await (await stack.enter_async_context(connection)).client()
        health = Health(client, stop, answer_s=2 * WAIT_S)
        origin = await stack.enter_async_context(
            served(Starlette(routes=[Route("/readyz", health.ready)]))
        )
        first = asyncio.create_task(asked(origin, "/readyz"))
        await upstream.asked()
        stop.set()

        assert await first == [(503, {"status": "stopping"})]
        assert await asked(origin, "/readyz") == [(503, {"status": "stopping"})]


@pytest.mark.parametrize("upstream", ["openai", "azure", "foundry", "compatible"])
async def test_an_upstream_that_answers_anything_counts_as_ready(
    upstream: str, tmp_path: Path
) -> None:
    async with served(Starlette()) as origin:  # which answers 404 to everything
        settings = settings_of(tmp_path, upstream=upstream, base_url=origin, api_key="k")
        async with running(settings) as server:
            answers = await asked(server.origin, "/readyz")

    assert answers == [(200, {"status": "ready"})]
