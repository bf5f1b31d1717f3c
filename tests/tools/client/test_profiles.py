"""A kind of upstream is one value: a new one is added here, and read and written through."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from backscroll.commands.doctor.examination import examine
from backscroll.mcp.server import build
from backscroll.settings import model as settings_module
from backscroll.settings.model import Settings
from backscroll.store.app import Store, open_store
from backscroll.upstream.connection import upstream_of
from backscroll_tools.client.groups import GROUPS, LIST_THREADS, MESSAGE_FILES, THREADS
from backscroll_tools.client.profiles import PROFILES, Profile
from backscroll_tools.models import JSON
from tests.loopback import served

PARLEY = Profile(
    name="parley",
    serves=frozenset({THREADS}),
    auth="api-key",
    base_suffix="/api",
    prefixes={THREADS: "/agents"},
    queries={THREADS: (("api-version", "2"),)},
    trusts_has_more=False,
)
"""An upstream that nobody has heard of; this value is all that Backscroll knows of it."""

TEXTS = [f"message {number}" for number in range(250)]


def parley(store: Store) -> Starlette:
    """Return Parley: the store behind other paths and another header, never saying has_more."""

    async def answer(request: Request) -> Response:
        if request.headers.get("api-key") != "key-1":
            return JSONResponse({"error": {"message": "Who are you?"}}, 401)
        if request.query_params.get("api-version") != "2":
            return JSONResponse({"error": {"message": "Which version?"}}, 400)
        query = {
            name: value for name, value in request.query_params.items() if name != "api-version"
        }
        transport = httpx2.ASGITransport(store.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://store/v1") as http:
            reply = await http.request(
                request.method,
                f"/threads/{request.path_params['rest']}",
                params=query,
                headers={"OpenAI-Beta": "assistants=v2", "Content-Type": "application/json"},
                content=await request.body(),
            )
        body = reply.json()
        return JSONResponse(
            body | ({"has_more": False} if "data" in body else {}), reply.status_code
        )

    route = Route("/api/agents/threads/{rest:path}", answer, methods=["GET", "POST"])
    return Starlette(routes=[route])


async def new_thread(store: Store) -> str:
    transport = httpx2.ASGITransport(store.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://store/v1") as http:
        headers = {"OpenAI-Beta": "assistants=v2"}
        thread: JSON = (await http.post("/threads", json={}, headers=headers)).json()
        for text in TEXTS:
            body = {"role": "user", "content": text}
            path = f"/threads/{thread['id']}/messages"
            assert (await http.post(path, json=body, headers=headers)).status_code == 200
    return str(thread["id"])


async def walked(client: Client, arguments: dict[str, Any]) -> AsyncIterator[JSON]:
    """Yield the pages of a thread, at most ten, by their cursors."""
    cursor: JSON = {}
    for _ in range(10):
        result = await client.call_tool("list-messages", arguments | cursor)
        page: JSON = result.structured_content or {}
        yield page
        if not page["page"]["has_more"]:
            return
        cursor = {"cursor": page["page"]["next_cursor"]}


async def test_a_new_upstream_is_one_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROFILES, PARLEY.name, PARLEY)
    async with (
        open_store(f"sqlite:///{tmp_path / 'store.db'}") as store,
        served(parley(store)) as url,
    ):
        thread_id = await new_thread(store)
        settings = Settings(upstream="parley", base_url=url, api_key="key-1")
        async with Client(build(settings)) as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            pages = [page async for page in walked(client, {"thread_id": thread_id, "limit": 120})]
            written = await client.call_tool(
                "create-message", {"thread_id": thread_id, "role": "user", "content": "the last"}
            )
            newest = await client.call_tool("list-messages", {"thread_id": thread_id, "limit": 1})
        diagnosis = await examine(settings, {})

    assert tools == [
        "list-messages",
        "list-message-files",
        "create-message",
        "get-message",
        "search-messages",
    ]
    assert [page["page"]["returned"] for page in pages] == [120, 120, 10]
    read = [message["text"] for page in pages for message in page["messages"]]
    assert read == TEXTS[::-1]
    assert not written.is_error, written.content
    assert newest.structured_content is not None
    assert newest.structured_content["messages"][0]["text"] == "the last"
    assert diagnosis.is_well
    assert diagnosis.address == f"{url}/api"


def test_what_a_setting_may_name_is_what_there_are_profiles_of() -> None:
    assert tuple(PROFILES) == settings_module.UPSTREAMS
    assert [profile.name for profile in PROFILES.values()] == list(PROFILES)
    assert tuple(GROUPS) == settings_module.SERVES


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_every_profile_serves_something_and_lists_threads_only_where_it_has_them(
    profile: Profile,
) -> None:
    assert profile.serves
    assert THREADS in profile.serves or not profile.serves & {LIST_THREADS, MESSAGE_FILES}
    assert profile.prefixes.keys() | profile.queries.keys() <= profile.serves


@pytest.mark.parametrize(
    ("upstream", "given", "used"),
    [
        ("openai", "", "https://api.openai.com/v1"),
        ("openai", "https://eu.example/v1/", "https://eu.example/v1"),
        ("azure", "https://a.example", "https://a.example/openai/v1"),
        ("azure", "https://a.example/openai/v1/", "https://a.example/openai/v1"),
        ("foundry", "https://a.example/api/projects/p/", "https://a.example/api/projects/p"),
        ("compatible", "http://127.0.0.1:8321/v1", "http://127.0.0.1:8321/v1"),
    ],
)
def test_a_base_url_is_taken_as_operators_write_it(upstream: str, given: str, used: str) -> None:
    settings = Settings(upstream=upstream, base_url=given, api_key="key-1")

    assert upstream_of(settings).base_url == used
