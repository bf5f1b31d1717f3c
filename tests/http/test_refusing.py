"""Requests that are refused before their body is read: answered and closed, the body unread."""

import asyncio
import contextlib
import gc
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import h11
import pytest

from backscroll.http.serving.framing import CHUNK_BYTES, FREE_CHUNKS, FramedConnection
from backscroll.http.serving.lingering import CUT_S, LINGER_BYTES, LingeringTransport
from backscroll.http.serving.receiving import PunctualProtocol
from tests.http.certificates import new_certificate
from tests.http.counting import calls_of
from tests.http.serving import (
    ERAS,
    MODERN,
    WAIT_S,
    headers,
    message,
    post,
    raw,
    running,
    settings_of,
)
from tests.http.stalling import stalling

MEBIBYTE = 1 << 20
SOCKETS_BYTES = 32 << 20
"""More than what the buffers of a connection's two sockets hold."""

TINY = b"1\r\nx\r\n"


def head(*, path: str = "/mcp", method: str = "POST", **fields: str) -> bytes:
    """Return the head of a request with a chunked body; an empty field is left out."""
    given = {"host": "localhost", "transfer-encoding": "chunked", "accept": "application/json"}
    given |= {"content-type": "application/json"}
    given |= {name.replace("_", "-"): value for name, value in fields.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value)
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode()


async def exchanged(port: int, sent: bytes) -> bytes:
    """Send bytes, and return everything received until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    async with asyncio.timeout(WAIT_S):
        reply = await reader.read()
    writer.close()
    return reply


def certified(tmp_path: Path) -> tuple[dict[str, str], ssl.SSLContext]:
    """Return settings for TLS, and what trusts their certificate."""
    certificate, key = new_certificate(tmp_path)
    files = {"tls_cert_file": str(certificate), "tls_key_file": str(key)}
    return files, ssl.create_default_context(cafile=certificate)


async def cut_off(writer: asyncio.StreamWriter) -> int:
    """Send small chunks until the server accepts no more; return how many bytes it accepted."""
    count = 0
    with contextlib.suppress(ConnectionError):
        while True:
            writer.write(TINY * 20_000)
            await writer.drain()
            count += len(TINY) * 20_000
    writer.close()
    return count


REFUSED: dict[str, tuple[bytes, bytes]] = {
    "no token": (head(), b"401"),
    "a token that is unknown": (head(authorization=f"Bearer bks_{'A' * 43}"), b"401"),
    "another host": (head(host="evil.example"), b"421"),
    "another origin": (head(origin="https://evil.example"), b"403"),
    "another method": (head(method="PUT"), b"405"),
    "an unknown path": (head(path="/nothing"), b"404"),
    "an unknown parameter": (head(path="/mcp?x=1"), b"400"),
    "metrics without a token": (head(path="/metrics", method="GET"), b"401"),
    "metrics by another method": (head(path="/metrics"), b"405"),
    "health, which is answered at once": (head(path="/healthz", method="GET"), b"200"),
    "a preflight": (
        head(
            method="OPTIONS",
            origin="http://localhost",
            access_control_request_method="POST",
        ),
        b"200",
    ),
}


@pytest.mark.parametrize("why", REFUSED)
async def test_a_response_that_needed_no_body_ends_the_connection(why: str, tmp_path: Path) -> None:
    sent, status = REFUSED[why]
    async with running(settings_of(tmp_path, http_auth="token")) as server:
        with calls_of(FramedConnection.next_event) as (events,):
            reply = await exchanged(server.port, sent + TINY * 40_000)

    assert reply[9:12] == status
    assert b"connection: close\r\n" in reply.partition(b"\r\n\r\n")[0].lower() + b"\r\n"
    assert reply.count(b"HTTP/1.1 ") == 1
    assert events.count <= 5


async def test_a_caller_beyond_its_rate_is_refused_before_its_body_is_read(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, http_auth="token", http_caller_rate=1)
    async with running(settings, clock=lambda: 0.0) as server:
        token = await server.token()
        responses = [await post(server.url, token=token) for _ in range(10)]
        reply = await exchanged(server.port, head(authorization=f"Bearer {token}") + TINY)

    assert {response.status_code for response in responses} == {200}
    assert reply.startswith(b"HTTP/1.1 429 ")
    assert b"connection: close" in reply.lower()


async def test_a_server_that_is_shutting_down_reads_no_body(tmp_path: Path) -> None:
    async with running(settings_of(tmp_path)) as server:
        server.opened.stop.set()
        reply = await exchanged(server.port, head() + TINY)

    assert reply.startswith(b"HTTP/1.1 503 ")
    assert b"connection: close" in reply.lower()


async def test_bytes_after_a_refusal_are_discarded_up_to_a_limit(tmp_path: Path) -> None:
    async with running(settings_of(tmp_path, http_auth="token")) as server:
        with calls_of(FramedConnection.next_event) as (events,):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(head())
            async with asyncio.timeout(WAIT_S):
                reply = await reader.read()
                accepted = await cut_off(writer)

    assert reply.startswith(b"HTTP/1.1 401 ")
    assert events.count <= 5
    assert accepted < LINGER_BYTES + SOCKETS_BYTES


async def test_nothing_is_read_after_the_response_to_a_complete_request(tmp_path: Path) -> None:
    sent = raw("tools/list", {}, MODERN).replace(b"accept:", b"connection: close\r\naccept:")
    async with running(settings_of(tmp_path)) as server:
        with calls_of(LingeringTransport.throw_away) as (reads,):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(sent)
            async with asyncio.timeout(WAIT_S):
                reply = await reader.read()
                await cut_off(writer)

    assert reply.startswith(b"HTTP/1.1 200 ")
    assert reads.count == 0


async def test_a_request_that_is_followed_by_garbage_is_refused_without_an_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    params = {"name": "list-messages", "arguments": {"thread_id": "thread_1"}}
    sent = raw("tools/call", params, MODERN).replace(b"accept:", b"connection: close\r\naccept:")
    async with stalling() as upstream, running(settings_of(tmp_path, base_url=upstream.url)) as one:
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
        writer.write(sent)
        await upstream.asked()
        writer.write(b"garbage")
        status = await reader.readline()
        upstream.go_on()
        await one.opened.slots.empty()
        writer.close()

    assert status == b"HTTP/1.1 400 Bad Request\r\n"
    assert [record for record in caplog.records if record.exc_info] == []


@asynccontextmanager
async def accepted() -> AsyncIterator[
    tuple[asyncio.StreamWriter, asyncio.Transport, socket.socket]
]:
    """Yield a server's end of a connection, its transport, and the client's socket."""
    loop = asyncio.get_running_loop()
    made: asyncio.Future[asyncio.StreamWriter] = loop.create_future()
    server = await asyncio.start_server(lambda _, writer: made.set_result(writer), "127.0.0.1", 0)
    async with server, asyncio.timeout(WAIT_S):
        with socket.create_connection(server.sockets[0].getsockname()) as client:
            writer = await made
            yield writer, cast("asyncio.Transport", writer.transport), client


async def test_a_client_that_does_not_receive_the_rest_of_its_response_is_cut_off() -> None:
    async with accepted() as (writer, transport, _):
        writer.write(b"x" * SOCKETS_BYTES)
        loop = asyncio.get_running_loop()
        LingeringTransport(transport, loop, lambda: False, cut_s=0.01).close()
        await writer.wait_closed()


async def test_a_client_that_has_reset_its_connection_is_no_error() -> None:
    async with accepted() as (writer, transport, client):
        transport.pause_reading()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        ending = LingeringTransport(transport, asyncio.get_running_loop(), lambda: True)
        ending.close()
        ending.finish()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_what_is_closing_is_closed_once_and_still_receives_to_discard_it() -> None:
    async with accepted() as (_, transport, client):
        transport.pause_reading()
        asked = 0

        def is_sending() -> bool:
            nonlocal asked
            asked += 1
            return True

        ending = LingeringTransport(transport, asyncio.get_running_loop(), is_sending)
        before = ending.is_closing()
        ending.close()
        ending.close()
        client.settimeout(WAIT_S)
        assert client.recv(1) == b""  # the response has ended

        assert (before, ending.is_closing(), asked) == (False, True, 1)
        assert transport.is_reading()
        ending.finish()


async def test_a_connection_that_has_ended_leaves_nothing_in_memory(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, http_auth="token", http_receive_s=3600)
    async with running(settings) as server:
        await exchanged(server.port, head() + TINY)
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.close()
        await exchanged(server.port, b"garbage\r\n\r\n")
        async with asyncio.timeout(CUT_S):
            while any(isinstance(one, PunctualProtocol) for one in gc.get_objects()):
                await asyncio.sleep(0)
                gc.collect()


@pytest.mark.parametrize("secure", [False, True])
async def test_a_client_that_goes_on_sending_after_a_refusal_can_read_it(
    secure: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files, trusting = certified(tmp_path) if secure else ({}, None)
    async with running(settings_of(tmp_path, http_auth="token", **files)) as server:
        reader, writer = await asyncio.open_connection("localhost", server.port, ssl=trusting)
        writer.write(head(transfer_encoding="", content_length=str(LINGER_BYTES)))
        for _ in range(8):
            await asyncio.sleep(0)
            writer.write(b"x" * (LINGER_BYTES // 16))
            await writer.drain()
        async with asyncio.timeout(WAIT_S):
            reply = await reader.read()
        writer.close()

    assert reply.startswith(b"HTTP/1.1 401 ")
    assert reply.endswith(b"}")
    assert [record for record in caplog.records if record.exc_info] == []


async def test_a_refused_request_whose_body_is_complete_leaves_the_connection_open(
    tmp_path: Path,
) -> None:
    refused = raw("tools/list", {}, MODERN)
    async with running(settings_of(tmp_path, http_auth="token")) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(refused + refused.replace(b"accept:", b"connection: close\r\naccept:"))
        async with asyncio.timeout(WAIT_S):
            reply = await reader.read()
        writer.close()

    assert reply.count(b"HTTP/1.1 401 ") == 2


def chunked(era: str, token: str, size: int, **padding: str) -> bytes:
    """Return a request for the list of tools whose body is in chunks of one size."""
    body = json.dumps(message("tools/list", padding, era)).encode()
    chunks = (body[at : at + size] for at in range(0, len(body), size))
    fields = headers("tools/list", {}, era, token) | {"connection": "close"}
    whole = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head(**fields) + whole + b"0\r\n\r\n"


@pytest.mark.parametrize("era", ERAS)
async def test_a_body_in_small_chunks_is_read_up_to_a_number_of_them(
    era: str, tmp_path: Path
) -> None:
    async with running(settings_of(tmp_path, http_auth="token")) as server:
        token = await server.token()
        few = await exchanged(server.port, chunked(era, token, 1))
        tiny = chunked(era, token, 1, padding="x" * MEBIBYTE)
        with calls_of(FramedConnection.next_event) as (events,):
            many = await exchanged(server.port, tiny)

    assert few.startswith(b"HTTP/1.1 200 ")
    assert many.startswith(b"HTTP/1.1 400 ")
    assert b"The body has too many small chunks." in many
    assert events.count <= FREE_CHUNKS * (1 + 1 / CHUNK_BYTES) + 10


def test_a_body_in_chunks_of_some_size_is_read_whole() -> None:
    connection = FramedConnection()
    connection.receive_data(head())
    assert isinstance(connection.next_event(), h11.Request)
    connection.want_body()
    size = CHUNK_BYTES
    connection.receive_data((b"%x\r\n%b\r\n" % (size, b"x" * size)) * 20_000 + b"0\r\n\r\n")
    read = 0
    while isinstance(event := connection.next_event(), h11.Data):
        read += len(event.data)

    assert isinstance(event, h11.EndOfMessage)
    assert read == size * 20_000
