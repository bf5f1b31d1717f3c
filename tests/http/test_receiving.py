"""Requests that arrive too slowly, too large or broken."""

import asyncio
import contextlib
import json
import socket
from pathlib import Path

import anyio.lowlevel
import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from backscroll.http.serving.receiving import PunctualProtocol, protocol
from tests.http.counting import calls_of
from tests.http.serving import (
    ERAS,
    MODERN,
    WAIT_S,
    call,
    headers,
    message,
    post,
    raw,
    running,
    settings_of,
    text_of,
)
from tests.loopback import NO_TLS, served
from tests.pace import paced_s

RECEIVE_S = paced_s(0.5)
LIST = raw("tools/list", {}, MODERN)
BODY_MISSING = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n"
HEAD, _, BODY = LIST.partition(b"\r\n\r\n")


async def sent(port: int, *parts: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send the beginning of something, and return the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    return reader, writer


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Return everything received until the server closes the connection."""
    async with asyncio.timeout(WAIT_S):
        return await reader.read()


async def answer(reader: asyncio.StreamReader) -> bytes:
    """Return one response, whose connection stays open."""
    async with asyncio.timeout(WAIT_S):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return head + await reader.readexactly(length)


async def test_a_request_that_is_not_received_in_time_is_dropped(tmp_path: Path) -> None:
    head = HEAD + b"\r\n\r\n"
    async with running(settings_of(tmp_path, http_receive_s=RECEIVE_S)) as server:
        begun = [
            await sent(server.port, part)
            for part in (b"", b"POST /mcp HT", HEAD, head, head + BODY[:-1])
        ]
        replies = [await rest(reader) for reader, _ in begun]
        for _, writer in begun:
            writer.close()

    assert len(set(replies)) == 1
    assert replies[0].startswith(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n")
    assert replies[0].endswith(b"\r\n\r\nThe request was sent too slowly.")


async def test_a_trickle_of_bytes_does_not_extend_the_time(tmp_path: Path) -> None:
    async with running(settings_of(tmp_path, http_receive_s=RECEIVE_S)) as server:
        reader, writer = await sent(server.port)

        async def drip() -> None:
            for index in range(len(LIST)):
                writer.write(LIST[index : index + 1])
                await asyncio.sleep(RECEIVE_S / 10)

        dripping = asyncio.create_task(drip())
        reply = await rest(reader)
        dripping.cancel()
        writer.close()

    assert reply.startswith(b"HTTP/1.1 408 ")


async def test_a_client_that_does_not_read_is_cut_off(tmp_path: Path) -> None:
    count = 60
    async with running(settings_of(tmp_path, result_chars=200_000), read_s=0.1) as server:
        content = {"role": "user", "content": "x" * 90_000}
        made = await call(server.url, "create-message", **content)
        arguments = {"thread_id": made["structuredContent"]["thread_id"]}
        request = raw("tools/call", {"name": "list-messages", "arguments": arguments}, MODERN)
        client = socket.create_connection(("127.0.0.1", server.port))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 17)
        reader, writer = await asyncio.open_connection(sock=client, limit=1024)
        with calls_of(PunctualProtocol.pause_writing, PunctualProtocol.connection_lost) as calls:
            pauses, lost = calls
            writer.write(request * count)
            async with asyncio.timeout(WAIT_S):
                while not pauses.count:
                    await anyio.lowlevel.checkpoint()
                before = lost.count
                while lost.count == before:
                    await anyio.lowlevel.checkpoint()
        said = bytearray()
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(WAIT_S):
                while chunk := await reader.read(1 << 20):
                    said += chunk
        writer.close()
        await server.opened.slots.empty()
        alive = await post(server.url)

    assert alive.status_code == 200
    assert 0 < said.count(b"HTTP/1.1 200 OK") < count


async def test_a_client_that_reads_again_in_time_is_not_cut_off(tmp_path: Path) -> None:
    read_s = paced_s(0.5)
    async with running(settings_of(tmp_path, result_chars=200_000), read_s=read_s) as server:
        content = {"role": "user", "content": "x" * 90_000}
        made = await call(server.url, "create-message", **content)
        arguments = {"thread_id": made["structuredContent"]["thread_id"]}
        request = raw("tools/call", {"name": "list-messages", "arguments": arguments}, MODERN)
        client = socket.create_connection(("127.0.0.1", server.port))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        reader, writer = await asyncio.open_connection(sock=client, limit=1024)
        loop = asyncio.get_running_loop()
        with calls_of(PunctualProtocol.pause_writing) as (pauses,):
            writer.write(request * 60)
            async with asyncio.timeout(WAIT_S):
                while not pauses.count:
                    await anyio.lowlevel.checkpoint()
        replies = [await answer(reader) for _ in range(60)]
        until = loop.time() + read_s
        while loop.time() < until:
            writer.write(LIST)
            replies.append(await answer(reader))
        writer.close()

    assert all(reply.startswith(b"HTTP/1.1 200 OK\r\n") for reply in replies)


async def test_a_body_that_trickles_in_after_a_refusal_is_dropped_too(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, http_receive_s=RECEIVE_S)
    refused = HEAD.replace(b"host: localhost", b"host: evil.example") + b"\r\n\r\n" + BODY[:-1]
    async with running(settings) as server:
        reader, writer = await sent(server.port, refused)
        reply = await rest(reader)
        writer.close()

    assert reply.startswith(b"HTTP/1.1 421 ")
    assert reply.count(b"HTTP/1.1 ") == 1


async def test_a_response_that_has_begun_is_not_followed_by_another_if_the_body_is_late() -> None:
    async def streaming(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        await asyncio.Event().wait()

    async with served(streaming, protocol(0.05)) as origin:
        port = int(origin.rpartition(":")[2])
        reader, writer = await sent(
            port, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n"
        )
        reply = await rest(reader)
        writer.close()

    assert reply.endswith(b"\r\n\r\n5\r\nbegun\r\n")
    assert reply.count(b"HTTP/1.1 ") == 1


async def test_the_time_limit_starts_again_with_each_request_on_a_connection(
    tmp_path: Path,
) -> None:
    async with running(settings_of(tmp_path, http_receive_s=RECEIVE_S)) as server:
        reader, writer = await sent(server.port, LIST)
        replies = [await answer(reader)]
        await asyncio.sleep(RECEIVE_S * 2)  # an idle connection is not a slow request
        writer.write(LIST + LIST)
        replies += [await answer(reader), await answer(reader)]
        writer.write(LIST[:50])
        late = await rest(reader)
        writer.close()

    assert all(reply.startswith(b"HTTP/1.1 200 OK\r\n") for reply in replies)
    assert late.startswith(b"HTTP/1.1 408 ")


async def test_a_chunked_body_is_not_late_while_the_application_has_not_asked_for_it() -> None:
    asking = asyncio.Event()

    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        await asking.wait()  # such as for an issuer's keys
        await Response(await Request(scope, receive).body())(scope, receive, send)

    whole = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n"
    async with served(late, protocol(RECEIVE_S)) as origin:
        port = int(origin.rpartition(":")[2])
        reader, writer = await sent(port, whole)
        silent, other = await sent(port)
        cut_off = await rest(silent)  # the time limit has passed
        asking.set()
        reply = await answer(reader)
        writer.close()
        other.close()

    assert cut_off.startswith(b"HTTP/1.1 408 ")
    assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
    assert reply.endswith(b"\r\n\r\none")


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_of_five_mebibytes_is_refused(era: str, chunked: bool, tmp_path: Path) -> None:
    large = b"x" * (5 << 20)
    fields = headers("tools/list", {}, era) | {"host": "localhost", "connection": "close"}
    if chunked:
        fields["transfer-encoding"] = "chunked"
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(large), large)
    else:
        fields["content-length"] = str(len(large))
        body = large
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    async with running(settings_of(tmp_path)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(f"POST /mcp HTTP/1.1\r\n{head}\r\n".encode() + body)
        reply = await answer(reader)
        writer.close()
        alive = await post(server.url)

    assert reply.startswith(b"HTTP/1.1 413 ")
    assert alive.status_code == 200


async def test_a_body_that_is_no_message_is_refused(tmp_path: Path) -> None:
    sentences = {
        b"": "The body is empty.",
        b"[]": (
            "Only MCP 2025-03-26 has batches. Send one message per body, or send the header "
            "MCP-Protocol-Version: 2025-03-26."
        ),
        b"{}": 'jsonrpc must be \\"2.0\\".',
        b'{"jsonrpc": "2.0", "method": 1, "id": 1}': "method must be a string.",
    }
    replies: dict[bytes, bytes] = {}
    async with running(settings_of(tmp_path)) as server:
        for body in sentences:
            length = b"content-length: %d"
            request = HEAD.replace(length % len(BODY), length % len(body)) + b"\r\n\r\n" + body
            reader, writer = await sent(server.port, request)
            replies[body] = await answer(reader)
            writer.close()

    for body, reply in replies.items():
        assert reply.startswith(b"HTTP/1.1 400 "), body
        assert f'"{sentences[body]}"' in reply.decode()


@pytest.mark.parametrize("era", ERAS)
async def test_a_call_with_flawed_arguments_is_refused_in_a_result_that_the_model_reads(
    era: str, tmp_path: Path
) -> None:
    arguments = {"role": "user", "content": "PLACE"}
    request = raw("tools/call", {"name": "create-message", "arguments": arguments}, era)
    flawed = request.replace(b"PLACE", b"\xffLACE")
    async with running(settings_of(tmp_path)) as server:
        reader, writer = await sent(server.port, flawed)
        reply = await answer(reader)
        writer.close()
        threads = await post(server.url, "tools/call", {"name": "list-threads", "arguments": {}})

    assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"invalid_arguments: " in reply
    assert threads.json()["result"]["structuredContent"]["threads"] == []


@pytest.mark.parametrize("era", ERAS)
async def test_a_byte_order_mark_and_arguments_as_json_text_are_understood(
    era: str, tmp_path: Path
) -> None:
    params = {"name": "create-message", "arguments": '{"role": "user", "content": "%s"}'}
    async with running(settings_of(tmp_path)) as server:
        for content in ("é", "x" * 100_000):
            text = params["arguments"] % content
            body = json.dumps(message("tools/call", {**params, "arguments": text}, era)).encode()
            async with httpx2.AsyncClient(verify=NO_TLS, timeout=WAIT_S) as http:
                written = await http.post(
                    server.url,
                    content=b"\xef\xbb\xbf" + body,
                    headers=headers("tools/call", params, era),
                )
            assert written.json()["result"]["isError"] is False
        wrong = await post(server.url, "tools/call", {**params, "arguments": [1]}, era=era)

    assert text_of(wrong.json()["result"]).startswith(
        "invalid_arguments: The arguments of a call must be one JSON object"
    )


@pytest.mark.parametrize(
    ("header", "value"), [("mcp-method", "tools/list"), ("mcp-name", "list-messages")]
)
async def test_headers_that_disagree_with_the_body_are_refused(
    header: str, value: str, tmp_path: Path
) -> None:
    params = {"name": "list-threads", "arguments": {}}
    async with running(settings_of(tmp_path)) as server:
        response = await post(server.url, "tools/call", params, more={header: value})

    assert response.status_code == 400
    assert response.json()["error"]["code"] == -32020


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_get_and_delete_are_not_allowed(method: str, tmp_path: Path) -> None:
    async with running(settings_of(tmp_path)) as server:
        reader, writer = await sent(server.port, HEAD.replace(b"POST", method.encode(), 1))
        writer.write(b"\r\n\r\n" + BODY)
        reply = await answer(reader)
        writer.close()

    assert reply.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nallow: POST\r\n" in reply
