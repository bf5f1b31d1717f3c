"""Batches of messages in one body, which only MCP 2025-03-26 has."""

import asyncio
import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from backscroll.http.batches import MESSAGES
from tests.http.serving import LEGACY, WAIT_S, headers, message, refusal_of, running, settings_of
from tests.http.stalling import stalling
from tests.loopback import NO_TLS

WITH_BATCHES: Final = "2025-03-26"
NOTE: Final = {"jsonrpc": "2.0", "method": "notifications/initialized"}
REPLY: Final = {"jsonrpc": "2.0", "id": 1, "result": {}}
PING: Final = message("ping", {}, LEGACY, "p")
NO_BATCHES: Final = (
    "Only MCP 2025-03-26 has batches. Send one message per body, or send the header "
    "MCP-Protocol-Version: 2025-03-26."
)
NOT_JSON: Final = (
    "The body is not JSON: expecting value at byte 3. Send one complete JSON-RPC message per body."
)


def called(request_id: object, **arguments: object) -> dict[str, Any]:
    """Return a tool call."""
    params = {"name": "create-message", "arguments": {"role": "user", **arguments}}
    return message("tools/call", params, LEGACY, request_id)


async def sent(
    url: str, batch: Sequence[object] | bytes, version: str | None = WITH_BATCHES, token: str = ""
) -> httpx2.Response:
    """Send a batch and return the response."""
    given = headers("", {}, version or "", token)
    if version is None:
        del given["mcp-protocol-version"]
    content = batch if isinstance(batch, bytes) else json.dumps(batch).encode()
    async with httpx2.AsyncClient(verify=NO_TLS, timeout=WAIT_S) as http:
        return await http.post(url, content=content, headers=given)


def outcomes(response: httpx2.Response) -> list[tuple[object, object]]:
    """Return each reply's id, and its error's message or whether it is a call's."""
    assert response.status_code == 200, response.text
    return [
        (
            reply["id"],
            reply["error"]["message"] if "error" in reply else "content" in reply["result"],
        )
        for reply in response.json()
    ]


@pytest.mark.parametrize("version", [WITH_BATCHES, "", None])
async def test_a_batch_gets_one_array_with_a_reply_to_each_request(
    version: str | None, tmp_path: Path
) -> None:
    async with running(settings_of(tmp_path)) as server:
        large = called(3, content="x" * 200_000)
        hello = message("initialize", {}, LEGACY, 4)
        progress = called(5, content="a")
        progress["params"]["_meta"] = {"progressToken": 1}
        batch = [NOTE, called("a", content="a"), PING, 7, REPLY, {"id": 2}, large, hello, progress]
        response = await sent(server.url, batch, version)

    assert response.headers["content-type"] == "application/json"
    assert outcomes(response) == [
        ("a", True),
        ("p", False),
        (None, "A message must be a JSON object."),
        (2, 'jsonrpc must be "2.0".'),
        (3, True),
        (4, "initialize must not be part of a batch. Send it alone."),
        (5, True),
    ]
    texts = [reply["result"].get("isError") for reply in response.json() if "result" in reply]
    assert texts == [False, None, False, False]


async def test_a_batch_without_requests_is_accepted_without_a_body(tmp_path: Path) -> None:
    async with running(settings_of(tmp_path)) as server:
        responses = [
            await sent(server.url, batch) for batch in ([NOTE, NOTE], [REPLY], [NOTE, REPLY])
        ]

    assert [(one.status_code, one.content) for one in responses] == [(202, b"")] * 3


@pytest.mark.parametrize("version", ["2024-11-05", "2025-06-18", "2025-11-25", "2026-07-28"])
async def test_a_batch_in_another_version_is_told_how_to_send_its_messages(
    version: str, tmp_path: Path
) -> None:
    async with running(settings_of(tmp_path)) as server:
        refused = await sent(server.url, [PING], version)

    assert refusal_of(refused) == (400, NO_BATCHES)


async def test_a_batch_that_is_empty_too_long_or_not_json_is_one_error(tmp_path: Path) -> None:
    async with running(settings_of(tmp_path)) as server:
        most = await sent(server.url, [PING] * MESSAGES)
        refused = [await sent(server.url, batch) for batch in ([], [PING] * (MESSAGES + 1), b"[1,")]

    assert len(most.json()) == MESSAGES
    assert [refusal_of(each) for each in refused] == [
        (400, "A batch must have at least one message."),
        (400, f"A batch may have at most {MESSAGES} messages. Send fewer at once."),
        (400, NOT_JSON),
    ]


async def test_each_message_of_a_batch_counts_as_if_it_was_sent_alone(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, http_auth="token", http_caller_rate=0.4)
    async with running(settings, clock=lambda: 0.0) as server:
        with caplog.at_level(logging.INFO, "backscroll.audit"):
            ada, bob = await server.token("ada"), await server.token("bob")
            batch = [NOTE, *(called(number, content="a") for number in range(5))]
            response = await sent(server.url, batch, token=ada)
            await sent(server.url, [PING] * 4, token=bob)
            refused = await sent(server.url, [REPLY], token=ada)
        scraped = await _scraped(server.origin, bob)

    slow = "You sent more than 0.4 requests a second over 10 seconds. Try again in 3 s."
    assert outcomes(response) == [(0, True), (1, True), (2, True), (3, slow), (4, slow)]
    assert refusal_of(refused)[0] == 429
    audited = [json.loads(one.message) for one in caplog.records if one.name == "backscroll.audit"]
    assert [(one["caller"], one["tool"], one["outcome"]) for one in audited] == [
        ("ada", "create-message", "ok")
    ] * 3
    assert 'backscroll_calls_total{outcome="ok",tool="create-message"} 3.0' in scraped


async def test_a_batch_of_notifications_above_the_rate_is_refused(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, http_auth="token", http_caller_rate=0.2)
    async with running(settings, clock=lambda: 0.0) as server:
        refused = await sent(server.url, [NOTE] * 4, token=await server.token("ada"))

    assert refusal_of(refused) == (
        429,
        "You sent more than 0.2 requests a second over 10 seconds. Try again in 5 s.",
    )
    assert refused.headers["retry-after"] == "5"


async def test_a_client_that_disconnects_ends_its_batch(tmp_path: Path) -> None:
    params = {"name": "list-messages", "arguments": {"thread_id": "thread_1"}}
    calls = [message("tools/call", params, LEGACY, number) for number in range(3)]
    async with (
        stalling() as upstream,
        running(settings_of(tmp_path, base_url=upstream.url)) as server,
    ):
        sending = asyncio.create_task(sent(server.url, calls))
        await upstream.asked()
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        async with asyncio.timeout(WAIT_S):
            await server.opened.slots.empty()

    assert upstream.count == 1


async def _scraped(origin: str, token: str) -> str:
    async with httpx2.AsyncClient(verify=NO_TLS, timeout=WAIT_S) as http:
        given = {"authorization": f"Bearer {token}"}
        return (await http.get(f"{origin}/metrics", headers=given)).text
