"""`backscroll view`: one page, on this machine, that reads and nothing else."""

import json
import re
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from mcp import Client

from backscroll.commands.view.page_app import BODY_BYTES, Access, page_app
from backscroll.commands.view.view_server import server_for_page
from backscroll.mcp.server import build
from backscroll.settings.model import Settings
from tests.pace import limit_s
from tests.server.command_line import COMMAND, backscroll, variables

PORT: Final = 8123
ORIGIN: Final = f"http://127.0.0.1:{PORT}"
WAIT_S: Final = limit_s(30)
NOT_ALLOWED: Final = [
    ({"Host": "evil.example"}, 421),
    ({"Host": f"evil.example:{PORT}"}, 421),
    ({"Host": "127.0.0.1"}, 421),
    ({"Origin": "http://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": f"https://127.0.0.1:{PORT}"}, 403),
]


@asynccontextmanager
async def viewing(settings: Settings) -> AsyncIterator[tuple[httpx2.AsyncClient, Access]]:
    """A browser that calls the page's server, and the code that the link has."""
    access = Access()
    async with Client(server_for_page(settings)) as client:
        transport = httpx2.ASGITransport(page_app(client, access, PORT))
        async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as browser:
            yield browser, access


def store(tmp_path: Path, **others: Any) -> Settings:  # noqa: ANN401 - any field of Settings
    return Settings(database=f"sqlite:///{tmp_path / 'x.db'}", **others)


async def secret_of(browser: httpx2.AsyncClient, access: Access) -> dict[str, str]:
    """Exchange the code; return the headers of the page's calls."""
    reply = await browser.post("/session", json={"code": access.code})
    return {"Authorization": f"Bearer {reply.json()['secret']}"}


def call(name: str, **arguments: object) -> dict[str, Any]:
    params = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


async def test_the_page_exchanges_its_code_once_and_reads(tmp_path: Path) -> None:
    settings = store(tmp_path, output="text")
    async with Client(build(replace(settings, output="both"))) as writer:
        written = await writer.call_tool(
            "create-message", {"role": "user", "content": "<b>hello</b>"}
        )
    thread_id = (written.structured_content or {})["thread_id"]
    async with viewing(settings) as (browser, access):
        page = await browser.get("/")
        headers = await secret_of(browser, access)
        again = await browser.post("/session", json={"code": access.code})
        reply = (
            await browser.post(
                "/rpc", json=call("list-messages", thread_id=thread_id), headers=headers
            )
        ).json()

    assert page.status_code == 200
    assert page.text.startswith("<!doctype html>")
    assert (again.status_code, again.json()["error"]["message"]) == (
        403,
        "This link is wrong or was used already: run backscroll view again.",
    )
    assert (reply["jsonrpc"], reply["id"]) == ("2.0", 1)
    (message,) = reply["result"]["structuredContent"]["messages"]
    assert "<b>hello</b>" in json.dumps(message)


async def test_every_response_forbids_caching_framing_and_foreign_scripts(tmp_path: Path) -> None:
    async with viewing(store(tmp_path)) as (browser, _):
        page, missing = await browser.get("/"), await browser.get("/none")

    for reply in (page, missing):
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in reply.headers
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert policy.count("'sha256-") == len(re.findall("<(?:script|style)>", page.text))
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert missing.status_code == 404


@pytest.mark.parametrize(("headers", "status"), NOT_ALLOWED)
async def test_another_host_or_origin_is_refused(
    headers: dict[str, str], status: int, tmp_path: Path
) -> None:
    async with viewing(store(tmp_path)) as (browser, access):
        page = await browser.get("/", headers=headers)
        session = await browser.post("/session", json={"code": access.code}, headers=headers)
        own = await browser.post("/session", json={"code": access.code}, headers={"Origin": ORIGIN})

    assert (page.status_code, session.status_code) == (status, status)
    assert own.status_code == 200


async def test_without_its_secret_the_page_reads_nothing(tmp_path: Path) -> None:
    async with viewing(store(tmp_path)) as (browser, access):
        wrong_code = await browser.post("/session", json={"code": "x"})
        no_code = await browser.post("/session", json={})
        missing = await browser.post("/rpc", json=call("list-threads"))
        await secret_of(browser, access)
        wrong = await browser.post(
            "/rpc", json=call("list-threads"), headers={"Authorization": f"Bearer {access.code}"}
        )

    assert [wrong_code.status_code, no_code.status_code] == [403, 403]
    assert [missing.status_code, wrong.status_code] == [401, 401]


@pytest.mark.parametrize("name", ["create-message", "delete-thread", "get-object", "list-runs"])
async def test_a_tool_that_writes_or_is_not_of_the_default_toolset_is_refused(
    name: str, tmp_path: Path
) -> None:
    async with viewing(store(tmp_path, toolsets=("all",))) as (browser, access):
        headers = await secret_of(browser, access)
        reply = await browser.post(
            "/rpc", json=call(name, role="user", content="hi"), headers=headers
        )
        threads = await browser.post("/rpc", json=call("list-threads"), headers=headers)

    assert reply.json()["error"]["code"] == -32602
    assert threads.json()["result"]["structuredContent"]["threads"] == []


async def test_a_request_in_another_form_is_refused(tmp_path: Path) -> None:
    as_json = {"Content-Type": "application/json"}
    async with viewing(store(tmp_path)) as (browser, access):
        headers = await secret_of(browser, access)
        other = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        listing = await browser.post("/rpc", json=other, headers=headers)
        unnamed = await browser.post(
            "/rpc", json={**other, "method": "tools/call"}, headers=headers
        )
        flawed = await browser.post("/rpc", content=b'{"a":', headers=headers | as_json)
        form = await browser.post("/rpc", content=b"a=b", headers=headers)
        long = await browser.post(
            "/rpc", content=b" " * (BODY_BYTES + 1), headers=headers | as_json
        )

    assert [each.json()["error"]["code"] for each in (listing, unnamed)] == [-32600, -32602]
    assert [each.status_code for each in (flawed, form, long)] == [400, 415, 413]


async def test_an_upstream_that_hangs_ends_a_call_at_its_deadline(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        upstream = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        settings = store(
            tmp_path, upstream="compatible", base_url=upstream, api_key="key", deadline_s=1.0
        )
        async with viewing(settings) as (browser, access):
            headers = await secret_of(browser, access)
            asked = call("list-messages", thread_id="thread_one")
            reply = await browser.post("/rpc", json=asked, headers=headers)

    result = reply.json()["result"]
    assert result["isError"]
    # Which of the two it is depends on whether a connection attempt or the call ends first.
    code = result["content"][0]["text"].partition(":")[0]
    assert code in {"upstream_unavailable", "deadline_exceeded"}


def test_the_process_prints_a_link_logs_no_secret_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    environ = variables(database=f"sqlite:///{tmp_path / 'x.db'}", log_level="debug")
    with subprocess.Popen(
        [*COMMAND, "view", "thread/1", "--no-browser"],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as command:
        assert command.stderr is not None
        try:
            found = None
            while found is None:
                line = command.stderr.readline()
                assert line
                found = re.fullmatch(
                    r"(http://127\.0\.0\.1:\d+)/#([\w-]{43})&thread=thread%2F1\n", line
                )
            url, code = found.groups()
            reply = httpx2.post(f"{url}/session", json={"code": code}, timeout=WAIT_S)
            secret = reply.json()["secret"]
            httpx2.post(
                f"{url}/rpc",
                json=call("list-threads"),
                headers={"Authorization": f"Bearer {secret}"},
                timeout=WAIT_S,
            )
            command.send_signal(signal.SIGINT)
            out, logged = command.communicate(timeout=WAIT_S)
        finally:
            command.kill()

    assert (command.returncode, out) == (0, "")
    assert secret not in logged
    assert code not in logged


def test_a_database_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("no database" * 1000)

    result = backscroll(f"sqlite:///{tmp_path / 'x.db'}", "view", "--no-browser")

    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
