"""To a caller, the data of another caller does not exist."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.http.serving import JSON, Running, call, running, settings_of, text_of
from tests.loopback import NO_TLS, served

MARK = re.compile(r"#\w+")


@asynccontextmanager
async def two(tmp_path: Path, *partitions: str) -> AsyncIterator[tuple[Running, str, str]]:
    """Yield a server and the tokens of two callers."""
    async with running(settings_of(tmp_path, http_auth="token")) as server:
        ours = await server.token("ada", partition=partitions[0])
        others = await server.token("bob", partition=partitions[1])
        yield server, ours, others


def same(result: JSON, other: JSON, ids: dict[str, str]) -> bool:
    """Whether two results are the same except for the ids that were asked for."""
    text, known = text_of(result), text_of(other)
    for real, made_up in ids.items():
        text = text.replace(real, made_up)
    return (result["isError"], text) == (other["isError"], known)


async def test_another_callers_thread_message_and_cursor_look_nonexistent(
    tmp_path: Path,
) -> None:
    async with two(tmp_path, "a", "b") as (server, ours, others):
        first = await call(server.url, "create-message", others, role="user", content="m0")
        made: JSON = first["structuredContent"]
        thread_id, message_id = made["thread_id"], made["message"]["id"]
        for number in (1, 2):
            body = {"thread_id": thread_id, "role": "user", "content": f"m{number}"}
            await call(server.url, "create-message", others, **body)
        page = await call(server.url, "list-messages", others, thread_id=thread_id, limit=1)
        cursor = page["structuredContent"]["page"]["next_cursor"]
        nothing = f"thread_{'x' * 24}"
        none = f"msg_{'x' * 24}"
        asked: list[tuple[str, dict[str, Any]]] = [
            ("list-messages", {"thread_id": thread_id}),
            ("list-messages", {"thread_id": thread_id, "limit": 1, "cursor": cursor}),
            ("get-message", {"thread_id": thread_id, "message_id": message_id}),
            ("list-message-files", {"thread_id": thread_id, "message_id": message_id}),
            ("create-message", {"thread_id": thread_id, "role": "user", "content": "x"}),
        ]
        ids = {thread_id: nothing, message_id: none}
        for tool, arguments in asked:
            made_up = {name: ids.get(value, value) for name, value in arguments.items()}
            made_up.pop("cursor", None)  # a cursor names its own thread
            found = await call(server.url, tool, ours, **arguments)
            missing = await call(server.url, tool, ours, **made_up)
            assert found["isError"], tool
            assert same(found, missing, ids), tool
        threads = await call(server.url, "list-threads", ours)
        kept = await call(server.url, "list-messages", others, thread_id=thread_id)

    assert threads["structuredContent"]["threads"] == []
    assert kept["structuredContent"]["page"]["returned"] == 3


@pytest.mark.parametrize("partitions", [("a", "b"), ("", "")])
async def test_another_callers_idempotency_key_is_free(
    partitions: tuple[str, str], tmp_path: Path
) -> None:
    async with two(tmp_path, *partitions) as (server, ours, others):
        write = {"role": "user", "content": "secret", "idempotency_key": "once"}
        theirs = await call(server.url, "create-message", others, **write)
        mine = await call(server.url, "create-message", ours, **write)
        again = await call(server.url, "create-message", ours, **write)
        another = {**write, "content": "other"}
        refused = await call(server.url, "create-message", ours, **another)

    def thread_of(result: JSON) -> str:
        thread_id: str = result["structuredContent"]["thread_id"]
        return thread_id

    assert thread_of(theirs) != thread_of(mine)
    assert thread_of(again) == thread_of(mine)
    assert refused["isError"]


async def test_callers_without_a_partition_share_what_they_write(tmp_path: Path) -> None:
    async with two(tmp_path, "", "") as (server, ours, others):
        written = await call(server.url, "create-message", others, role="user", content="for all")
        thread_id = written["structuredContent"]["thread_id"]
        read = await call(server.url, "list-messages", ours, thread_id=thread_id)

    assert read["structuredContent"]["messages"][0]["text"] == "for all"


async def test_a_caller_with_its_own_key_reaches_the_upstream_only_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, str | None]] = []

    async def answer(request: Request) -> JSONResponse:
        names = ("authorization", "cookie", "x-request-id", "mcp-name")
        seen.append({name: request.headers.get(name) for name in names})
        empty = {"object": "list", "data": [], "has_more": False}
        return JSONResponse(empty, headers={"set-cookie": "session=1; Path=/"})

    app = Starlette(routes=[Route("/v1/{path:path}", answer)])
    monkeypatch.setenv("ADA_KEY", "sk-ada")
    async with served(app) as upstream:
        settings = settings_of(
            tmp_path,
            upstream="compatible",
            base_url=f"{upstream}/v1",
            api_key="sk-operator",
            http_auth="token",
        )
        async with running(settings) as server:
            ada = await server.token("ada", key_variable="ADA_KEY")
            bob = await server.token("bob")
            lost = await server.token("eve", key_variable="EVE_KEY")
            parted = await server.token("tom", partition="tom")
            for token in (ada, bob):
                result = await call(server.url, "list-messages", token, thread_id="thread_1")
                assert not result["isError"]
            without = await call(server.url, "list-messages", lost, thread_id="thread_1")
            nowhere = await call(server.url, "list-messages", parted, thread_id="thread_1")

    nothing = {"cookie": None, "x-request-id": None, "mcp-name": None}
    assert seen == [
        {"authorization": "Bearer sk-ada", **nothing},
        {"authorization": "Bearer sk-operator", **nothing},
    ]
    assert text_of(without).startswith("auth_failed: Your token uses the key in ")
    assert text_of(nowhere).startswith("forbidden: Your token is for one partition of the store")


async def test_a_token_of_ours_never_reaches_the_upstream(tmp_path: Path) -> None:
    seen: list[str] = []

    async def answer(request: Request) -> JSONResponse:
        seen.append(f"{request.url} {dict(request.headers)}")
        return JSONResponse({"object": "list", "data": [], "has_more": False})

    async with served(Starlette(routes=[Route("/v1/{path:path}", answer)])) as upstream:
        settings = settings_of(
            tmp_path, upstream="compatible", base_url=f"{upstream}/v1", http_auth="token"
        )
        async with running(settings) as server, httpx2.AsyncClient(verify=NO_TLS):
            token = await server.token()
            await call(server.url, "list-messages", token, thread_id="thread_1")

    assert len(seen) == 1
    assert "bks_" not in seen[0]
    assert "authorization" not in seen[0]
