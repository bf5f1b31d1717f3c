"""The audit log, and the request ids by which an operator finds a failed call."""

import asyncio
import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.http.serving import (
    ERAS,
    WAIT_S,
    call,
    post,
    raw,
    running,
    settings_of,
    text_of,
)
from tests.http.stalling import stalling
from tests.pace import paced_s


class Noted:
    """The audit log."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def lines(self) -> list[dict[str, Any]]:
        """Return the entries so far."""
        records = self._caplog.records
        return [json.loads(one.message) for one in records if one.name == "backscroll.audit"]


@pytest.fixture
def noted(caplog: pytest.LogCaptureFixture) -> Iterator[Noted]:
    """The audit log, read when a test asks for its entries."""
    with caplog.at_level(logging.INFO, "backscroll.audit"):
        yield Noted(caplog)


async def test_a_call_is_logged_with_its_caller_tool_ids_and_outcome(
    noted: Noted, tmp_path: Path
) -> None:
    async with running(settings_of(tmp_path, http_auth="token")) as server:
        token = await server.token("ada")
        made = await call(server.url, "create-message", token, role="user", content="x y")
        thread_id = made["structuredContent"]["thread_id"]
        message_id = made["structuredContent"]["message"]["id"]
        params = {"name": "list-messages", "arguments": {"thread_id": thread_id}}
        more = {"x-request-id": "trace-1"}
        named = await post(server.url, "tools/call", params, token=token, more=more)
        await call(server.url, "get-message", token, thread_id="two words", message_id="msg_1")

    lines = noted.lines()
    (caller_id,) = {line.pop("caller_id") for line in lines}
    times = [line.pop("ms") for line in lines]
    minted = [lines[index].pop("request_id") for index in (0, 2)]
    assert caller_id.startswith("tok_")
    assert all(0 < ms < WAIT_S * 1000 for ms in times)
    assert len(set(minted)) == 2
    assert named.headers["x-request-id"] == "trace-1"
    assert lines == [
        {
            "caller": "ada",
            "tool": "create-message",
            "thread_id": thread_id,
            "message_id": message_id,
            "outcome": "ok",
        },
        {
            "caller": "ada",
            "tool": "list-messages",
            "thread_id": thread_id,
            "outcome": "ok",
            "request_id": "trace-1",
        },
        {
            "caller": "ada",
            "tool": "get-message",
            "message_id": "msg_1",
            "outcome": "invalid_arguments",
        },
    ]


@pytest.mark.parametrize("era", ERAS)
async def test_a_call_whose_client_hangs_up_is_logged_as_cancelled(
    era: str, noted: Noted, tmp_path: Path
) -> None:
    async with (
        stalling() as upstream,
        running(settings_of(tmp_path, base_url=upstream.url)) as server,
    ):
        params = {"name": "list-messages", "arguments": {"thread_id": "thread_1"}}
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(raw("tools/call", params, era))
        await upstream.asked()
        writer.close()
        async with asyncio.timeout(WAIT_S):
            await server.opened.slots.empty()

    assert [line["outcome"] for line in noted.lines()] == ["cancelled"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("trace-9", True), ("a b", False), ("x" * 129, False), ("", False)],
)
async def test_an_upstream_error_contains_the_request_id(
    sent: str, kept: bool, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    # Five attempts take up to 4 s. A shorter deadline could end the call during one of them.
    settings = settings_of(tmp_path, base_url=url, deadline_s=paced_s(6.0))
    params = {"name": "list-messages", "arguments": {"thread_id": "thread_1"}}
    async with running(settings) as server:
        response = await post(server.url, "tools/call", params, more={"x-request-id": sent})

    name = response.headers["x-request-id"]
    text = text_of(response.json()["result"])
    assert (name == sent) is kept
    assert text.startswith("upstream_unavailable: ")
    assert text.endswith(f"\nRequest id, for the operator: {name}")
