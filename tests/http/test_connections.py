"""Idle connections: they are closed in time, and do not use up what others need."""

import asyncio
import signal
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from backscroll.http.app import opened
from backscroll.http.auth import access
from backscroll.http.serving import connection_limits
from backscroll.http.serving.connection_limits import BoundedServer, Listener, most_connections
from backscroll.http.serving.receiving import protocol
from backscroll.process.listening import listen
from tests.http.certificates import new_certificate
from tests.http.serving import MODERN, WAIT_S, call, raw, settings_of, started
from tests.http.stalling import stalling
from tests.loopback import NO_TLS
from tests.pace import paced_s

MOST = 16
FILES = 128
LIST = raw("tools/list", {}, MODERN)
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def bounded(
    tmp_path: Path,
    most: int = MOST,
    receive_s: float = WAIT_S,
    **settings: Any,  # noqa: ANN401 - as Settings
) -> AsyncIterator[int]:
    """Serve with limits on connections, and yield the port."""
    wanted = settings_of(tmp_path, **settings)
    with listen("127.0.0.1", 0) as listener:
        async with opened(wanted, access.allowed(wanted, "127.0.0.1")) as served:
            config = uvicorn.Config(
                served.app,
                http=protocol(receive_s),
                lifespan="off",
                log_config=None,
                ssl_certfile=wanted.tls_cert_file or None,
                ssl_keyfile=wanted.tls_key_file or None,
                timeout_graceful_shutdown=1,
            )
            server = BoundedServer(config, receive_s, most)
            task = asyncio.create_task(server.serve([listener]))
            try:
                yield listener.getsockname()[1]
            finally:
                server.should_exit = True
                await task


@asynccontextmanager
async def connected(
    port: int, count: int = 1, trusting: ssl.SSLContext | None = None
) -> AsyncIterator[list[Connection]]:
    """Yield connections, opened one after the other."""
    named = None if trusting is None else "localhost"
    async with AsyncExitStack() as stack:
        made: list[Connection] = []
        for _ in range(count):
            opening = asyncio.open_connection(
                "127.0.0.1", port, ssl=trusting, server_hostname=named
            )
            made.append(await opening)
            stack.callback(made[-1][1].close)
        yield made


async def end(reader: asyncio.StreamReader) -> bytes:
    """Return everything received until the server closes or resets the connection."""
    async with asyncio.timeout(WAIT_S):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def answered(connection: Connection) -> bytes:
    """Send a request, and return the first line of the response."""
    reader, writer = connection
    writer.write(LIST)
    async with asyncio.timeout(WAIT_S):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
    return head.partition(b"\r\n")[0]


def certified(tmp_path: Path) -> dict[str, Any]:
    certificate, key = new_certificate(tmp_path)
    return {"tls_cert_file": str(certificate), "tls_key_file": str(key)}


ASYNCIO_S = 60
"""asyncio's own time limit for a TLS handshake, in seconds."""


async def test_a_missing_tls_handshake_times_out_like_missing_headers(
    tmp_path: Path,
) -> None:
    async with (
        bounded(tmp_path, receive_s=paced_s(0.2), **certified(tmp_path)) as port,
        connected(port, 2) as made,
    ):
        made[1][1].write(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a TLS handshake
        async with asyncio.timeout(ASYNCIO_S - 10):
            said = [await end(reader) for reader, _ in made]

    assert said == [b"", b""]


@pytest.mark.parametrize("secure", [False, True])
async def test_a_flood_of_idle_connections_keeps_nobody_out(tmp_path: Path, secure: bool) -> None:
    files: dict[str, Any] = certified(tmp_path) if secure else {}
    trusting: Any = ssl.create_default_context(cafile=files["tls_cert_file"]) if secure else True
    origin = f"{'https' if secure else 'http'}://localhost"
    async with bounded(tmp_path, **files) as port, connected(port, MOST * 8) as made:
        async with httpx2.AsyncClient(verify=trusting, timeout=WAIT_S) as http:
            alive = await http.get(f"{origin}:{port}/healthz")
            ready = await http.get(f"{origin}:{port}/readyz")
        ends = [asyncio.create_task(end(reader)) for reader, _ in made]
        left = set(ends)
        while len(left) > MOST:
            _, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        for one in left:
            one.cancel()

    assert (alive.status_code, ready.status_code) == (200, 200)
    assert left


@pytest.mark.parametrize("secure", [False, True])
async def test_connections_without_a_request_are_closed_before_those_with_one(
    tmp_path: Path, secure: bool
) -> None:
    files: dict[str, Any] = certified(tmp_path) if secure else {}
    trusting = ssl.create_default_context(cafile=files["tls_cert_file"]) if secure else None
    async with (
        bounded(tmp_path, **files) as port,
        connected(port, trusting=trusting) as used,
        connected(port, MOST // 2, trusting),
    ):
        first = await answered(used[0])
        async with connected(port, MOST * 4) as made:
            await end(made[0][0])
            again = await answered(used[0])

    assert first == again == b"HTTP/1.1 200 OK"


async def test_a_request_under_way_is_never_cut_off_for_a_new_connection(tmp_path: Path) -> None:
    async with (
        stalling() as upstream,
        bounded(tmp_path, most=1, base_url=upstream.url) as port,
    ):
        url = f"http://127.0.0.1:{port}/mcp"
        running = asyncio.create_task(call(url, "list-messages", thread_id="thread_1"))
        await upstream.asked()
        async with connected(port, 5) as made:
            refused = [await end(reader) for reader, _ in made]
        upstream.go_on()
        result = await running
        async with connected(port) as made:
            after = await answered(made[0])

    assert refused == [b""] * 5
    assert not result.get("isError", False)
    assert after == b"HTTP/1.1 200 OK"


async def test_a_process_that_may_open_few_files_keeps_enough_for_its_store_and_its_health(
    tmp_path: Path,
) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with AsyncExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, before[1]))
        try:
            server = await stack.enter_async_context(started(tmp_path / "x.db"))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        await stack.enter_async_context(connected(server.port, FILES * 2))
        async with httpx2.AsyncClient(verify=NO_TLS, timeout=WAIT_S) as http:
            alive = await http.get(server.url.replace("/mcp", "/healthz"))
        written = await call(server.url, "create-message", role="user", content="Hi")
        server.tell(signal.SIGTERM)
        assert server.process.stderr is not None
        said = (await server.process.stderr.read()).decode()

    assert alive.status_code == 200
    assert not written.get("isError", False)
    assert "out of system resource" not in said


def test_connections_that_are_slow_to_close_are_waited_for_and_then_others_are_closed() -> None:
    with ExitStack() as stack:
        listening = stack.enter_context(listen("127.0.0.1", 0))
        listener = stack.enter_context(Listener(listening, 2, dict, closing_s=paced_s(0.3)))
        clients = [
            stack.enter_context(socket.create_connection(listening.getsockname(), timeout=WAIT_S))
            for _ in range(4)
        ]
        # Nothing here closes a connection that was shut down.
        accepted = [stack.enter_context(listener.accept()[0]) for _ in range(3)]
        with pytest.raises(BlockingIOError):
            listener.accept()
        until = time.monotonic() + WAIT_S
        while len(accepted) < 4 and time.monotonic() < until:
            with suppress(BlockingIOError):
                accepted.append(stack.enter_context(listener.accept()[0]))
        ends = [client.recv(1) for client in clients[:2]]
        accepted[2].sendall(b"x")
        third = clients[2].recv(1)

    assert (len(accepted), ends, third) == (4, [b"", b""], b"x")


def test_a_process_keeps_half_of_its_files_for_everything_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resource = pytest.importorskip("resource")
    limits = {256: 128, 1024: 512, 1 << 20: connection_limits.MOST, resource.RLIM_INFINITY: 4096}
    found = {}
    for files in limits:
        # Of the machine's own limits only lower ones could be set, and not raised again.
        monkeypatch.setattr(resource, "getrlimit", lambda _, soft=files: (soft, soft))
        found[files] = most_connections()

    assert found == limits
