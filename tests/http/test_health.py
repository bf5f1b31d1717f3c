"""Whether a server is alive, and whether it can serve."""

import socket
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from backscroll.http import health
from tests.http.serving import WAIT_S, running, settings_of
from tests.http.stalling import stalling
from tests.loopback import served
from tests.pace import paced_s


async def asked(origin: str, *paths: str, **headers: str) -> list[tuple[int, object]]:
    async with httpx2.AsyncClient(timeout=WAIT_S, headers=headers) as http:
        responses = [await http.get(origin + path) for path in paths]
    return [(response.status_code, response.json()) for response in responses]


async def test_a_server_with_its_store_is_ready_for_whoever_asks(tmp_path: Path) -> None:
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


async def test_an_upstream_that_does_not_answer_is_not_waited_for_long_nor_asked_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "ANSWER_S", paced_s(0.3))
    monkeypatch.setattr(health, "KEEP_S", 1_000.0)
    async with (
        stalling() as upstream,
        running(settings_of(tmp_path, base_url=upstream.url)) as server,
    ):
        first = await asked(server.origin, "/readyz")
        count = upstream.count  # a read may be tried again in its time
        others = await asked(server.origin, "/readyz", "/readyz")

        assert first + others == [(503, {"status": "no upstream"})] * 3
        assert upstream.count == count


@pytest.mark.parametrize("upstream", ["openai", "azure", "foundry", "compatible"])
async def test_an_upstream_that_answers_anything_is_there(upstream: str, tmp_path: Path) -> None:
    async with served(Starlette()) as origin:  # which answers 404 to everything
        settings = settings_of(tmp_path, upstream=upstream, base_url=origin, api_key="k")
        async with running(settings) as server:
            answers = await asked(server.origin, "/readyz")

    assert answers == [(200, {"status": "ready"})]
