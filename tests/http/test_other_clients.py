"""Third-party clients over HTTP: npm's SDK for 2025-11-25, its successor, and FastMCP."""

import asyncio
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from backscroll.store.app import open_store
from backscroll.store.archive.records import ImportedMessage, ImportedThread
from tests.clients import sessions
from tests.faults.figures import record
from tests.http.serving import LEGACY, MODERN, Running, running, settings_of
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
async def test_another_client_lists_tools_writes_reads_and_receives_progress_and_errors(
    client: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, http_auth="token", result_chars=200_000)
    messages = [ImportedMessage(role="user", content="m", created_at=1)] * 100
    thread = ImportedThread(key="", id="thread_long", created_at=1, messages=messages)
    async with open_store(settings.database_url) as store:
        await store.import_thread(thread)
    async with running(settings) as server:
        came = await session(
            server,
            client,
            to("create-message", thread_id=thread.id, role="user", content="é\u2028🙂"),
            to("list-messages", thread_id=thread.id, limit=500),
            to("list-messages", thread_id="thread_none"),
            to("list-messages", thread_id=thread.id, limit="20"),
            to("no-such-tool"),
            token=await server.token(),
        )

    assert came["version"] == VERSIONS[client]
    assert came["tools"] == NAMES
    written, read, missing, invalid, unknown = came["answers"]
    assert not written["result"].get("isError")
    texts = [message["text"] for message in read["result"]["structuredContent"]["messages"]]
    assert texts == ["é\u2028🙂", *["m"] * 100]
    assert read["progress"] == [[100, 500]]
    for answer, code in ((missing, "not_found"), (invalid, "invalid_arguments")):
        assert answer["result"]["isError"] is True
        assert answer["result"]["content"][0]["text"].startswith(f"{code}: ")
    assert unknown["error"]["code"] == -32602
    done = f"{came['version']}: listed the tools, wrote, read, heard of errors"
    record(f"over HTTP, the client `{client}`", done)


@each_client
async def test_another_client_is_let_in_only_with_its_token(client: str, tmp_path: Path) -> None:
    async with running(settings_of(tmp_path, http_auth="token")) as server:
        token = await server.token()
        with pytest.raises(subprocess.CalledProcessError) as caught:
            await session(server, client, token=f"{token[:-1]}!")

    assert "The token is unknown" in "".join(caught.value.__notes__)
