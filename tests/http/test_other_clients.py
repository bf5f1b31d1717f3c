"""Third-party clients over HTTP: npm's SDK for 2025-11-25, its successor, and FastMCP."""

import asyncio
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from tests.clients import sessions
from tests.faults.figures import record
from tests.http.serving import LEGACY, MODERN, Running, call, running, settings_of
from tests.inventory import NAMES

JSON = dict[str, Any]
VERSIONS: Final = {
    sessions.SDK: LEGACY,
    sessions.CLIENT: MODERN,
    sessions.FASTMCP: MODERN,
}
elsewhere = pytest.mark.skipif(not sessions.PEERS.exists(), reason="`make test` installs it")
each_client = pytest.mark.parametrize(
    "client", [sessions.SDK, sessions.CLIENT, pytest.param(sessions.FASTMCP, marks=elsewhere)]
)


async def session(server: Running, client: str, *calls: JSON, token: str = "") -> JSON:
    return await asyncio.to_thread(sessions.session, client, server.url, token, calls)


def to(tool: str, **arguments: object) -> JSON:
    return {"tool": tool, "arguments": arguments}


@each_client
async def test_another_client_lists_tools_writes_reads_and_receives_errors(
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

    assert written["version"] == came["version"] == VERSIONS[client]
    assert came["tools"] == NAMES
    read, missing, invalid, unknown = came["answers"]
    assert [message["text"] for message in read["result"]["structuredContent"]["messages"]] == [
        "é\u2028🙂"
    ]
    for answer, code in ((missing, "not_found"), (invalid, "invalid_arguments")):
        assert answer["result"]["isError"] is True
        assert answer["result"]["content"][0]["text"].startswith(f"{code}: ")
    assert unknown["error"]["code"] == -32602
    done = f"{came['version']}: listed the tools, wrote, read, heard of errors"
    record(f"over HTTP, the client `{client}`", done)


@each_client
async def test_another_client_receives_progress_of_a_long_walk(client: str, tmp_path: Path) -> None:
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
async def test_another_client_is_let_in_only_with_its_token(client: str, tmp_path: Path) -> None:
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
    assert "The token is unknown" in "".join(caught.value.__notes__)
