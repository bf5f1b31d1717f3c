"""An upstream that needs a key, if the operator has none: each caller brings its own."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from backscroll.commands.doctor.examination import examine
from backscroll.commands.serve.over_stdio import serve
from backscroll.commands.token.issuing import issue, new_token
from backscroll.http.serving import run
from backscroll.mcp.server import build
from backscroll.settings.loading import load, sources
from backscroll.settings.parsing import SettingsError
from backscroll.upstream.credentials import NoKeyError
from tests.http.serving import (
    WAIT_S,
    Process,
    call,
    running,
    settings_of,
    started,
    text_of,
)
from tests.loopback import NO_TLS, served

KEYS = {"Bearer sk-ada", "Bearer sk-bob"}
NO_KEY = (
    "auth_failed: This server has no key for openai, and your token does not name one.\n"
    "Next: Ask the operator for a token created with --upstream-key-variable, or to set "
    "BACKSCROLL_API_KEY (or OPENAI_API_KEY) for the server.\n"
    "Retry: safe, but pointless until the operator fixes the key; nothing was written."
)


@asynccontextmanager
async def asking_for_keys() -> AsyncIterator[tuple[str, list[str | None]]]:
    """Serve an upstream that accepts only `KEYS`; yield its address, and the keys it received."""
    seen: list[str | None] = []

    async def answer(request: Request) -> JSONResponse:
        seen.append(request.headers.get("authorization"))
        if seen[-1] not in KEYS:
            error = {"message": "You didn't provide an API key.", "type": "invalid_request_error"}
            return JSONResponse({"error": error | {"param": None, "code": None}}, 401)
        return JSONResponse({"object": "list", "data": [], "has_more": False})

    routes = [Route("/v1/{path:path}", answer, methods=["GET", "POST"])]
    async with served(Starlette(routes=routes)) as origin:
        yield f"{origin}/v1", seen


async def status_of(server: Process) -> tuple[int, object]:
    async with httpx2.AsyncClient(verify=NO_TLS, timeout=WAIT_S) as http:
        response = await http.get(f"http://127.0.0.1:{server.port}/readyz")
    return response.status_code, response.json()


async def test_a_server_without_a_key_uses_only_each_callers_own_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADA_KEY", "sk-ada")
    monkeypatch.setenv("BOB_KEY", "sk-bob")
    async with asking_for_keys() as (url, seen):
        settings = settings_of(tmp_path, upstream="openai", base_url=url, http_auth="token")
        async with running(settings) as server:
            results = [
                await call(server.url, "list-chat-completions", token)
                for token in [
                    await server.token("ada", key_variable="ADA_KEY"),
                    await server.token("tom"),
                    await server.token("bob", key_variable="BOB_KEY"),
                    await server.token("eve", key_variable="EVE_KEY"),
                ]
            ]
            written = await call(
                server.url, "create-message", await server.token("tom"), role="user", content="Hi"
            )

    assert [result.get("isError", False) for result in results] == [False, True, False, True]
    assert text_of(results[1]) == text_of(written) == NO_KEY
    assert "in EVE_KEY, which is not set" in text_of(results[3])
    assert seen == ["Bearer sk-ada", "Bearer sk-bob"]


async def test_a_server_process_without_a_key_starts_and_is_ready_while_its_upstream_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("ADA_KEY", "sk-ada")
    database = tmp_path / "store.db"
    secret = await issue(f"sqlite:///{database}", new_token("ada", key_variable="ADA_KEY"))
    async with asking_for_keys() as (url, seen):
        settings = {"http_auth": "token", "upstream": "openai", "base_url": url}
        async with started(database, **settings) as server:
            ready = await status_of(server)
            asked = list(seen)
            result = await call(server.url, "list-chat-completions", secret)

    assert ready == (200, {"status": "ready"})
    assert asked == [None]
    assert not result.get("isError", False)
    assert seen[-1] == "Bearer sk-ada"


@pytest.mark.parametrize(
    ("upstream", "named"),
    [("openai", "BACKSCROLL_API_KEY (or OPENAI_API_KEY)"), ("azure", "BACKSCROLL_API_KEY")],
)
@pytest.mark.parametrize("auth", ["none", "oauth"])
async def test_a_server_does_not_start_without_a_key_if_tokens_cannot_bring_one(
    auth: str, upstream: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    environ = {
        "BACKSCROLL_DATABASE": f"sqlite:///{tmp_path / 'store.db'}",
        "BACKSCROLL_HTTP_AUTH": auth,
        "BACKSCROLL_UPSTREAM": upstream,
        "BACKSCROLL_BASE_URL": "http://127.0.0.1:1/v1",
    }

    with pytest.raises(SettingsError) as refused:
        await run.serve(load(None, environ), "127.0.0.1", 0)

    assert str(refused.value) == f"{named} is needed for the upstream {upstream}."


@pytest.mark.parametrize(
    ("upstream", "tool", "argument"),
    [("azure", "get-chat-messages", "completion_id"), ("foundry", "list-messages", "thread_id")],
)
async def test_the_rule_holds_for_every_upstream_that_needs_a_key(
    upstream: str, tool: str, argument: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)  # as if it were not installed
    async with asking_for_keys() as (url, seen):
        settings = settings_of(tmp_path, upstream=upstream, base_url=url, http_auth="token")
        async with running(settings) as server:
            token = await server.token()
            refused = await call(server.url, tool, token, **{argument: "x_1"})

    named = NO_KEY.replace("openai", upstream, 1).replace(" (or OPENAI_API_KEY)", "")
    assert text_of(refused) == named
    assert seen == []


async def test_a_server_without_a_key_is_not_ready_if_its_upstream_is_unreachable(
    tmp_path: Path,
) -> None:
    settings = settings_of(
        tmp_path, upstream="openai", base_url="http://127.0.0.1:1/v1", http_auth="token"
    )
    async with (
        running(settings) as server,
        httpx2.AsyncClient(verify=NO_TLS, timeout=WAIT_S) as http,
    ):
        response = await http.get(f"{server.origin}/readyz")

    assert (response.status_code, response.json()) == (503, {"status": "no upstream"})


async def test_the_doctor_names_what_it_cannot_check_without_a_key(tmp_path: Path) -> None:
    async with asking_for_keys() as (url, seen):
        environ = {
            "BACKSCROLL_UPSTREAM": "openai",
            "BACKSCROLL_BASE_URL": url,
            "BACKSCROLL_HTTP_AUTH": "token",
            "BACKSCROLL_DATABASE": f"sqlite:///{tmp_path / 'store.db'}",
        }
        diagnosis = await examine(load(None, environ), sources(None, environ), environ)

    asked = [
        (check.name, check.verdict, check.detail, check.next_step) for check in diagnosis.checks
    ]
    detail = "requires a key; callers' own keys were not tested"
    step = "Test with a key: BACKSCROLL_API_KEY=… backscroll doctor"
    groups = ("conversations", "agent sessions", "stored completions", "responses")
    assert sorted(asked) == sorted((group, "unclear", detail, step) for group in groups)
    assert diagnosis.is_well
    assert set(seen) == {None}


def test_over_stdio_the_operators_key_is_needed_whatever_the_http_settings() -> None:
    environ = {"BACKSCROLL_UPSTREAM": "openai", "BACKSCROLL_HTTP_AUTH": "token"}
    settings = load(None, environ)

    for start in (serve, build):
        with pytest.raises(
            NoKeyError, match=r"^BACKSCROLL_API_KEY \(or OPENAI_API_KEY\) is needed"
        ):
            start(settings)


@pytest.mark.parametrize("key", ["", " ", "\n", "${KEY}", "${input:key}", "$ADA_KEY"])
async def test_a_caller_s_key_that_is_blank_or_unresolved_is_never_sent(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVE_KEY", key)
    async with asking_for_keys() as (url, seen):
        settings = settings_of(tmp_path, upstream="openai", base_url=url, http_auth="token")
        async with running(settings) as server:
            token = await server.token("eve", key_variable="EVE_KEY")
            result = await call(server.url, "list-chat-completions", token)

    assert text_of(result).splitlines()[0] == (
        "auth_failed: Your token uses the key in EVE_KEY, which is not set or is not a valid key."
    )
    assert seen == []
