"""Hostile bodies are an error, and neither memory nor a crash."""

import asyncio
import contextlib
import gzip
import json
import os
import re
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from backscroll_tools.client.profiles import STORE
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.tool import Result
from tests.faults.figures import record, sized
from tests.faults.proxy import Proxy
from tests.faults.upstream import call, client_of
from tests.pace import limit_s

ROOT: Final = Path(__file__).parents[2]
MIB: Final = 1 << 20
UNPACKED_MIB: Final = sized(quick=64, long=256)
MESSAGE: Final = {"id": "msg_1", "role": "user", "content": "a"}
THREAD: Final = {"thread_id": "thread_1"}


def envelope(*items: JSON) -> bytes:
    return json.dumps({"object": "list", "data": items, "has_more": False}).encode()


@asynccontextmanager
async def answering(answer: Callable[[str], bytes], *headers: str) -> AsyncIterator[Proxy]:
    """Serve what `answer` makes of a request's first line; the proxy value only says where."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        body = answer(head.split("\r\n", 1)[0])
        lines = ("HTTP/1.1 200 OK", f"Content-Length: {len(body)}", "Connection: close", *headers)
        writer.write("\r\n".join((*lines, "", "")).encode() + body)
        with contextlib.suppress(OSError):  # the client need not read it to its end
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield Proxy(0, port=server.sockets[0].getsockname()[1])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>", id="HTML"),
        pytest.param(envelope(MESSAGE)[:-7], id="cut short"),
        pytest.param(envelope(MESSAGE).replace(b'"a"', b'"\xff"'), id="not UTF-8"),
        pytest.param(envelope(MESSAGE).replace(b'"a"', b'"\xed\xa0\x80"'), id="raw surrogate"),
        pytest.param(envelope(MESSAGE).replace(b'"a"', b'"\\ud800"'), id="lone surrogate"),
        pytest.param(envelope(MESSAGE).replace(b'"a"', b"NaN"), id="NaN"),
        pytest.param(envelope(MESSAGE).replace(b'"a"', b"-Infinity"), id="infinity"),
        pytest.param(envelope(MESSAGE).replace(b'"a"', b"1e999"), id="huge number"),
        pytest.param(envelope(MESSAGE).replace(b'"role"', b'"id"'), id="key twice"),
        pytest.param(
            envelope(MESSAGE).replace(b'"a"', b"[" * 100_000 + b"]" * 100_000), id="nested arrays"
        ),
        pytest.param(
            envelope(MESSAGE).replace(b'"a"', b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
            id="nested objects",
        ),
        pytest.param(b"1" * 8_000_000, id="eight million digits"),
        pytest.param(b"[" * 100_000, id="opened and never closed"),
        pytest.param(
            b"{" + b",".join(b'"%d":1' % at for at in range(500_000)) + b',"499999":1}',
            id="half a million keys, the last twice",
        ),
    ],
)
async def test_a_reply_that_is_no_sound_json_is_upstream_invalid(body: bytes) -> None:
    async with answering(lambda _: body) as where, client_of(where, STORE) as client:
        outcome = await call(client, "list-messages", THREAD, limit_s(10))
    assert isinstance(outcome, ToolError)
    assert outcome.code == "upstream_invalid"
    assert outcome.message == "The upstream's reply is not a JSON object."


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        pytest.param("gzip", gzip.compress(envelope(MESSAGE))[:-9], id="gzip cut short"),
        pytest.param("gzip", b"plain", id="no gzip at all"),
        pytest.param("deflate", zlib.compress(envelope(MESSAGE))[:-3], id="deflate cut short"),
        pytest.param("br", envelope(MESSAGE), id="not asked for"),
        pytest.param("gzip, gzip", gzip.compress(gzip.compress(envelope(MESSAGE))), id="twice"),
    ],
)
async def test_a_reply_that_is_packed_wrongly_is_upstream_invalid(
    encoding: str, body: bytes
) -> None:
    async with (
        answering(lambda _: body, f"Content-Encoding: {encoding}") as where,
        client_of(where, STORE) as client,
    ):
        outcome = await call(client, "list-messages", THREAD, limit_s(10))
    assert isinstance(outcome, ToolError)
    assert outcome.code == "upstream_invalid"
    assert outcome.message == "The upstream's reply is truncated or not correctly compressed."


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_packed_reply_is_read(encoding: str) -> None:
    plain = envelope(MESSAGE)
    packed = gzip.compress(plain) if encoding == "gzip" else zlib.compress(plain)
    async with (
        answering(lambda _: packed, f"Content-Encoding: {encoding}") as where,
        client_of(where, STORE) as client,
    ):
        outcome = await call(client, "list-messages", THREAD, limit_s(10))
    assert isinstance(outcome, Result)
    assert [message["id"] for message in outcome.structured["messages"]] == ["msg_1"]


async def test_what_stands_behind_a_packed_reply_is_counted() -> None:
    bodies = gzip.compress(envelope(MESSAGE)) + bytes(9 * MIB)
    async with (
        answering(lambda _: bodies, "Content-Encoding: gzip") as where,
        client_of(where, STORE) as client,
    ):
        outcome = await call(client, "get-message", {**THREAD, "message_id": "msg_1"}, limit_s(10))
    assert isinstance(outcome, ToolError)
    assert outcome.message == "The upstream's reply is larger than 8 MiB."


async def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones() -> None:
    asked: list[int] = []
    texts = ["x" * 100_000] * 100

    def answer(line: str) -> bytes:
        limit = int(re.findall(r"limit=(\d+)", line)[0])
        after = re.findall(r"after=msg_(\d+)", line)
        start = int(after[0]) + 1 if after else 0
        asked.append(limit)
        chosen = range(start, min(start + limit, len(texts)))
        items = [{"id": f"msg_{at}", "role": "user", "content": texts[at]} for at in chosen]
        value = {"object": "list", "data": items, "has_more": start + limit < len(texts)}
        return json.dumps(value).encode()

    async with answering(answer) as where, client_of(where, STORE) as client:
        arguments = {**THREAD, "limit": 100, "preview_chars": 10}
        outcome = await call(client, "list-messages", arguments, limit_s(30))
    assert isinstance(outcome, Result), outcome
    assert [message["id"] for message in outcome.structured["messages"]] == [
        f"msg_{at}" for at in range(100)
    ]
    assert asked[:2] == [100, 25]


BOMB: Final = """
import asyncio, resource, sys
from backscroll_tools.client.profiles import STORE
from tests.faults.proxy import Proxy
from tests.faults.test_bodies import THREAD, envelope, answering, MESSAGE
from tests.faults.upstream import call, client_of

def peak():
    # Linux hands ru_maxrss down from the process that started this one; VmHWM is its own.
    try:
        lines = open("/proc/self/status").read().splitlines()
        return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

def forget_peak():
    try:
        open("/proc/self/clear_refs", "w").write("5")
    except OSError:
        pass

async def main():
    async with client_of(Proxy(0, port=int(sys.argv[1])), STORE) as client:
        async with answering(lambda _: envelope(MESSAGE)) as where, client_of(where, STORE) as warm:
            await call(warm, "list-messages", THREAD, 100)
        forget_peak()
        before = peak()
        outcome = await call(client, "get-message", {**THREAD, "message_id": "msg_1"}, 300)
        print(outcome.code, peak() - before)

asyncio.run(main())
"""


async def test_a_gzip_bomb_is_an_error_and_not_memory() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    pieces = [packer.compress(bytes(MIB)) for _ in range(UNPACKED_MIB)]
    bomb = b"".join((*pieces, packer.flush()))
    assert len(bomb) < MIB
    async with answering(lambda _: bomb, "Content-Encoding: gzip") as where:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-W", "ignore", "-c", BOMB, str(where.port)),
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        printed, _ = await child.communicate()
    code, grown = printed.decode().split()
    assert code == "upstream_invalid"
    assert int(grown) < 32 * MIB
    record(
        f"gzip bomb of {UNPACKED_MIB} MiB",
        f"upstream_invalid; memory grew by {int(grown) / MIB:.1f} MiB",
    )
