"""The official clients of npm over HTTP: the SDK of 2025-11-25, and its successor."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from backscroll_tools.registry import TOOLS
from tests.clients import nodejs
from tests.http.serving import LEGACY, MODERN, Running, call, running, settings_of

JSON = dict[str, Any]
CLIENTS: Final = {
    "@modelcontextprotocol/sdk": LEGACY,
    "@modelcontextprotocol/client": MODERN,
}
each_client = pytest.mark.parametrize("client", CLIENTS)


async def session(server: Running, client: str, *calls: JSON, token: str = "") -> JSON:
    """Return what came of a client's connection, its listing of the tools, and its calls."""
    asked = {"client": client, "url": server.url, "token": token, "calls": calls}
    script = nodejs.SCRIPTS / "session.cjs"
    printed = await asyncio.to_thread(nodejs.run, script, stdin=json.dumps(asked))
    came: JSON = json.loads(printed)
    return came


def to(tool: str, **arguments: object) -> JSON:
    return {"tool": tool, "arguments": arguments}


@each_client
async def test_a_client_of_npm_lists_tools_writes_reads_and_hears_of_errors(
    client: str, tmp_path: Path
) -> None:
    async with running(settings_of(tmp_path)) as server:
        written = await session(
            server, client, to("create-message", role="user", content="é\u2028🙂")
        )
        thread_id = written["answers"][0]["result"]["structuredContent"]["thread_id"]
        came = await session(
            server,
            client,
            to("list-messages", thread_id=thread_id),
            to("list-messages", thread_id="thread_none"),
            to("list-messages", thread_id=thread_id, limit="20"),
            to("no-such-tool"),
        )

    assert written["version"] == came["version"] == CLIENTS[client]
    assert came["tools"] == [tool.name for tool in TOOLS]
    read, missing, invalid, unknown = came["answers"]
    assert [message["text"] for message in read["result"]["structuredContent"]["messages"]] == [
        "é\u2028🙂"
    ]
    for answer, code in ((missing, "not_found"), (invalid, "invalid_arguments")):
        assert answer["result"]["isError"] is True
        assert answer["result"]["content"][0]["text"].startswith(f"{code}: ")
    assert unknown["error"]["code"] == -32602


@each_client
async def test_a_client_of_npm_hears_how_far_a_long_walk_is(client: str, tmp_path: Path) -> None:
    async with running(settings_of(tmp_path, result_chars=200_000)) as server:
        written = await call(server.url, "create-message", role="user", content="m")
        where = {"thread_id": written["structuredContent"]["thread_id"]}
        more = to("create-message", **where, role="user", content="m")
        walk = to("list-messages", **where, limit=500)
        came = await session(server, client, *[more] * 100, walk)

    answer = came["answers"][-1]
    assert answer["result"]["structuredContent"]["page"]["returned"] == 101
    assert answer["progress"] == [[100, 500]]


@each_client
async def test_a_client_of_npm_is_let_in_with_its_token_alone(client: str, tmp_path: Path) -> None:
    write = to("create-message", role="user", content="mine")
    async with running(settings_of(tmp_path, http_auth="token")) as server:
        reader = await server.token("reader", scopes="read")
        came = await session(server, client, write, token=await server.token())
        refused = await session(server, client, write, token=reader)
        with pytest.raises(subprocess.CalledProcessError) as caught:
            await session(server, client, write, token=f"{reader[:-1]}!")

    assert not came["answers"][0]["result"].get("isError")
    assert "create-message" not in refused["tools"]
    assert refused["answers"][0]["result"]["content"][0]["text"].startswith("read_only: ")
    assert "401" in "".join(caught.value.__notes__)
