"""No text that a model reads names a tool that it is not offered."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from mcp import Client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from backscroll.mcp.server import build
from backscroll.settings.model import SERVES, TOOLSETS, Settings
from backscroll_tools.client.profiles import PROFILES
from backscroll_tools.registry import TOOLS
from tests.http.serving import ERAS, MODERN, call, post, running, settings_of
from tests.inventory import least_calls
from tests.loopback import served

NAMES: Final = frozenset(tool.name for tool in TOOLS)
FAILURES: Final[dict[str, Response]] = {
    "not found": JSONResponse({"error": {"message": "No such object.", "code": None}}, 404),
    "not served": JSONResponse({"detail": "Not Found"}, 404),
    "broken": JSONResponse({}, 500),
    "no message": JSONResponse({"id": "msg_1", "type": "reasoning"}),
    "locked": JSONResponse({"error": {"message": "Locked.", "code": "conversation_locked"}}, 409),
}


def named(*texts: object) -> set[str]:
    """Return the tools that some texts name."""
    whole = json.dumps(texts, default=lambda value: value.model_dump(mode="json"))
    return {name for name in NAMES if name in whole}


@asynccontextmanager
async def failing(response: Response) -> AsyncIterator[str]:
    async def answer(_: Request) -> Response:
        return response

    async with served(
        Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST", "DELETE"])])
    ) as url:
        yield url


async def assert_names_only_what_is_offered(settings: Settings) -> None:
    async with Client(build(settings)) as host:
        offered = (await host.list_tools()).tools
        allowed = {tool.name for tool in offered}
        results = await asyncio.gather(
            *(
                host.call_tool(tool.name, arguments)
                for tool in offered
                for arguments in least_calls(tool.input_schema)
            )
        )
        assert named(host.instructions, offered, results) - allowed == set()


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
async def test_no_upstream_s_models_read_of_tools_that_it_cannot_serve(failure: Response) -> None:
    retried = failure.status_code in {409, 500}  # which takes its time
    toolsets, reading = (TOOLSETS[:1], (False,)) if retried else (TOOLSETS, (False, True))
    async with failing(failure) as url:
        for toolset, read_only in itertools.product(toolsets, reading):
            # All at once, because most of the time is pauses before requests are repeated.
            async with asyncio.TaskGroup() as group:
                for upstream in PROFILES:
                    settings = Settings(
                        upstream=upstream,
                        base_url=url,
                        api_key="k",
                        toolsets=(toolset,),
                        read_only=read_only,
                        deadline_s=1,
                    )
                    group.create_task(assert_names_only_what_is_offered(settings))


@pytest.mark.parametrize("group", SERVES)
async def test_an_upstream_of_one_group_of_endpoints_names_the_tools_of_that_group(
    group: str,
) -> None:
    async with failing(FAILURES["not found"]) as url:
        await assert_names_only_what_is_offered(
            Settings(upstream="compatible", base_url=url, serves=(group,), deadline_s=1)
        )


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("query", ["", "?read_only=true", "?toolsets=messages&read_only=true"])
async def test_what_a_url_withholds_is_named_nowhere(query: str, era: str, tmp_path: Path) -> None:
    hello = {
        "protocolVersion": era,
        "capabilities": {},
        "clientInfo": {"name": "a-host", "version": "1"},
    }
    async with running(settings_of(tmp_path)) as server:
        url = server.url + query
        if era == MODERN:
            greeted = await post(url, "server/discover", era=era)
        else:
            greeted = await post(url, "initialize", hello, era=era)
        listed = (await post(url, era=era)).json()["result"]["tools"]
        missing = await call(url, "list-messages", thread_id="thread_none")

    instructions = greeted.json()["result"]["instructions"]
    allowed = {tool["name"] for tool in listed}
    assert named(instructions, listed, missing) - allowed == set()
    assert ("reads and writes" in instructions) is ("create-message" in allowed)
