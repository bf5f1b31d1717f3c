"""The server as a process: how it starts, fails to start, and ends."""

import asyncio
import json
import signal
import socket
import ssl
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from backscroll.database.faults import StoreError
from backscroll.http.serving import run
from backscroll.process.exits import CommandError
from tests.http.certificates import new_certificate
from tests.http.serving import WAIT_S, call, post, refusal_of, refused, settings_of, started
from tests.http.stalling import stalling
from tests.loopback import NO_TLS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")


UVICORN_TICK_S: Final = 0.1
"""How often uvicorn looks whether it should end, in seconds."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_on_shutdown_open_requests_are_finished_and_new_ones_refused(
    number: signal.Signals, tmp_path: Path
) -> None:
    async with (
        stalling() as upstream,
        started(tmp_path / "x.db", base_url=upstream.url, upstream="store") as server,
    ):
        running = asyncio.create_task(call(server.url, "list-messages", thread_id="thread_1"))
        await upstream.asked()
        server.tell(number)
        ready = await until_unready(server.url)
        new = await post(server.url)
        alive = await get(server.url, "/healthz")
        await stays_unready(server.url)
        upstream.go_on()
        result = await running
        code = await server.ended()

    assert ready.json() == {"status": "stopping"}
    assert refusal_of(new) == (503, "The server is shutting down. Try again.")
    assert (new.headers["retry-after"], new.headers["connection"]) == ("1", "close")
    assert alive.status_code == 200
    assert not result["isError"]
    assert code == 0


async def test_requests_that_outlast_the_shutdown_are_cut_off(tmp_path: Path) -> None:
    async with (
        stalling() as upstream,
        started(
            tmp_path / "x.db", base_url=upstream.url, upstream="store", http_drain_s="0.2"
        ) as server,
    ):
        running = asyncio.create_task(call(server.url, "list-messages", thread_id="thread_1"))
        await upstream.asked()
        server.tell(signal.SIGTERM)
        code = await server.ended()
        with pytest.raises((httpx2.HTTPError, AssertionError)):
            await running

    assert code == 0


async def test_a_second_signal_ends_the_server_at_once(tmp_path: Path) -> None:
    async with (
        stalling() as upstream,
        started(tmp_path / "x.db", base_url=upstream.url, upstream="store") as server,
    ):
        running = asyncio.create_task(call(server.url, "list-messages", thread_id="thread_1"))
        await upstream.asked()
        server.tell(signal.SIGTERM)
        await until_unready(server.url)
        server.tell(signal.SIGTERM)
        code = await server.ended()
        with pytest.raises(httpx2.HTTPError):
            await running

    assert code == -signal.SIGTERM


async def test_a_port_that_is_taken_is_named_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = await refused(tmp_path / "x.db", "--port", str(port))

    assert line == (
        f"backscroll: cannot listen on 127.0.0.1:{port} (Address already in use): "
        "choose another with --port"
    )


EXPOSED: Final = {
    "http_auth": "token",
    "allowed_hosts": ("a.example",),
    "allowed_origins": ("none",),
}


@pytest.mark.parametrize(
    ("host", "settings", "start"),
    [
        ("192.0.2.1", {}, "--host 192.0.2.1 lets other machines call: set BACKSCROLL_HTTP_AUTH"),
        ("192.0.2.1", EXPOSED, "--host 192.0.2.1 is not an address of this machine: "),
        ("a.invalid", EXPOSED, "--host a.invalid is not an address of this machine: "),
        ("127.0.0.1", {"database": "mysql://x/y"}, "The store cannot be opened: BACKSCROLL_DATA"),
        (
            "127.0.0.1",
            {"database": "mysql://x/y", "http_workers": 2},
            "The store cannot be opened: BACKSCROLL_DATA",
        ),
        (
            "127.0.0.1",
            {"database": "mysql://x/y", "http_auth": "token"},
            "BACKSCROLL_DATABASE must be ",
        ),
        ("127.0.0.1", {"tls_cert_file": "cert.pem"}, "BACKSCROLL_TLS_KEY_FILE is needed too: "),
        (
            "127.0.0.1",
            {"tls_cert_file": "/nowhere.pem", "tls_key_file": "/nowhere.pem"},
            "/nowhere.pem cannot be read: No such file or directory",
        ),
        (
            "127.0.0.1",
            {"tls_cert_file": __file__, "tls_key_file": __file__},
            f"{__file__} and {__file__} are not a certificate and its key: ",
        ),
    ],
)
async def test_a_server_that_cannot_start_says_why_in_one_line(
    host: str, settings: dict[str, Any], start: str, tmp_path: Path
) -> None:
    with pytest.raises((CommandError, StoreError)) as refused:
        await run.serve(settings_of(tmp_path, **settings), host, 0)

    assert str(refused.value).startswith(start)
    assert "\n" not in str(refused.value)


async def test_a_server_with_a_certificate_serves_https(tmp_path: Path) -> None:
    certificate, key = new_certificate(tmp_path)
    files = {"tls_cert_file": str(certificate), "tls_key_file": str(key)}
    async with started(tmp_path / "x.db", **files) as server:
        trusting = ssl.create_default_context(cafile=certificate)
        async with httpx2.AsyncClient(verify=trusting, timeout=WAIT_S) as http:
            response = await http.get(f"https://localhost:{server.port}/readyz")
        server.tell(signal.SIGTERM)
        code = await server.ended()

    assert response.json() == {"status": "ready"}
    assert server.said[-1].startswith("Backscroll serves MCP at https://127.0.0.1:")
    assert code == 0


async def test_the_log_of_calls_is_on_stderr_and_holds_no_text(tmp_path: Path) -> None:
    async with started(tmp_path / "x.db") as server:
        secret = {"role": "user", "content": "s3cret words", "idempotency_key": "k3y"}
        await call(server.url, "create-message", **secret)
        await post(server.url, "tools/call", {"name": "s3cret words", "arguments": {}})
        server.tell(signal.SIGTERM)
        assert server.process.stderr is not None
        said = (await server.process.stderr.read()).decode()

    lines = [json.loads(line.partition("backscroll.audit: ")[2]) for line in said.splitlines()]
    assert [(line["tool"], line["outcome"]) for line in lines] == [
        ("create-message", "ok"),
        ("", "unknown_tool"),
    ]
    assert "s3cret" not in said
    assert "k3y" not in said


async def get(url: str, path: str) -> httpx2.Response:
    async with httpx2.AsyncClient(verify=NO_TLS, timeout=WAIT_S) as http:
        return await http.get(url.removesuffix("/mcp") + path)


async def until_unready(url: str) -> httpx2.Response:
    """Send requests until one is refused because of the shutdown: a signal takes a moment."""
    async with asyncio.timeout(WAIT_S):
        while True:
            with suppress(httpx2.NetworkError):  # from a worker that had no open request
                response = await get(url, "/readyz")
                if response.json() == {"status": "stopping"}:
                    return response


async def stays_unready(url: str) -> None:
    """Check for a while that the server still answers: uvicorn's own shutdown closes the port."""
    until = time.monotonic() + 3 * UVICORN_TICK_S
    while time.monotonic() < until:
        assert (await get(url, "/readyz")).json() == {"status": "stopping"}
