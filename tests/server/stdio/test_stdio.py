"""The stdio transport from outside: what a host sends as bytes, and what it gets back."""

import asyncio
import dataclasses
import json
import logging
import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast

import pytest
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, ListToolsResult
from starlette.types import ASGIApp, Receive, Scope, Send

from backscroll.mcp import server as mcp_server
from backscroll.mcp.lines import LINE_BYTES
from backscroll.process.logs import NoValuesFormatter
from backscroll.settings.model import Settings
from backscroll.stdio import transport
from backscroll.store.app import open_store
from backscroll.store.archive.records import ImportedMessage, ImportedThread
from tests.loopback import served
from tests.pace import paced_s
from tests.server.stdio.host import ERAS, JSON, REPLY_S, SERVE, Era, connected, environment, started

PING = {"jsonrpc": "2.0", "id": "ping", "method": "ping"}
NO_THREAD = (
    "not_found: No thread found with id 'thread_none'.\n"
    "Next: Check the ids. list-threads shows what exists.\n"
    "Retry: safe, but pointless until the ids are corrected; nothing was written."
)
INITIALIZE: JSON = {
    "jsonrpc": "2.0",
    "id": "hello",
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"},
    },
}
NO_BATCHES = (
    "Only MCP 2025-03-26 has batches. Send one message per line, or agree on that version in "
    "initialize."
)
each_era = pytest.mark.parametrize("era", ERAS)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(database=f"sqlite:///{tmp_path / 'x.db'}", result_chars=200_000)


class Gate:
    """Holds requests to the store until it is opened, and counts those that arrive and give up."""

    def __init__(self, expected: int = 1) -> None:
        self.expected = expected
        self.open = asyncio.Event()
        self.reached = asyncio.Event()
        self.abandoned = asyncio.Event()
        self.held = 0

    def before(self, app: ASGIApp) -> ASGIApp:
        async def gated(scope: Scope, receive: Receive, send: Send) -> None:
            self.held += 1
            if self.held >= self.expected:
                self.reached.set()
            if await self._opens_before_the_caller_leaves(receive):
                await app(scope, receive, send)

        return gated

    async def _opens_before_the_caller_leaves(self, receive: Receive) -> bool:
        opening = asyncio.create_task(self.open.wait())
        leaving = asyncio.create_task(_left(receive))
        done, waiting = await asyncio.wait({opening, leaving}, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if opening not in done:
            self.abandoned.set()
        return opening in done


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@asynccontextmanager
async def behind(gate: Gate, settings: Settings) -> AsyncIterator[Settings]:
    """Serve the store behind a gate, and yield settings with which it is the upstream."""
    async with (
        open_store(settings.database_url) as store,
        served(gate.before(store.app)) as origin,
    ):
        yield dataclasses.replace(settings, upstream="store", base_url=f"{origin}/v1")


def write(text: bytes) -> bytes:
    """Return a line that would write a message, `text` being the JSON of its content."""
    return (
        b'{"jsonrpc":"2.0","id":"bad","method":"tools/call","params":{"name":"create-message",'
        b'"arguments":{"role":"user","content":' + text + b"}}}"
    )


BAD_LINES = {
    "bytes that are no UTF-8": write(b'"\xff"'),
    "a lone surrogate": write(b'"\\ud800"'),
    "a raw NUL": write(b'"\x00"'),
    "NaN": write(b"NaN"),
    "a key twice": write(b'"a","content":"b"'),
    "deep nesting": write(b"[" * 200 + b"]" * 200),
    "hopeless nesting": write(b"[" * 100_000 + b"]" * 100_000),
    "5 MiB": write(b'"' + b"x" * (5 * 1024 * 1024) + b'"'),
    "half a message": write(b'"x"')[:-3],
    "a batch": b"[%s]" % json.dumps(PING).encode(),
    "a bad id": b'{"jsonrpc":"2.0","id":{},"method":"ping"}',
    "a flawed notification": b'{"jsonrpc":"2.0","method":"notifications/cancelled","x":NaN}',
    "no JSON": b"GET / HTTP/1.1\r",
    "nothing": b" \r",
}


@pytest.mark.parametrize("line", BAD_LINES.values(), ids=BAD_LINES)
async def test_a_bad_line_writes_nothing_and_the_server_goes_on(
    line: bytes, settings: Settings
) -> None:
    async with connected(mcp_server.build(settings)) as wire:
        await wire.send(line)
        await wire.send(PING)
        assert (await wire.reply("ping"))["result"] == {}
        listed = await wire.called("list", "list-threads")

    assert listed["result"]["structuredContent"]["threads"] == []


async def test_a_host_on_one_socket_is_heard_where_asyncio_reads_after_a_pause(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_in_3_11_2(transport: Any, *reader: Any) -> None:  # noqa: ANN401 - asyncio's own
        if not transport.is_closing():
            transport._loop._add_reader(*reader)  # noqa: SLF001 - asyncio's own

    monkeypatch.setattr("asyncio.selector_events._SelectorTransport._add_reader", as_in_3_11_2)
    async with connected(mcp_server.build(settings)) as wire:
        await wire.send(PING)
        assert await wire.reply("ping") == {"jsonrpc": "2.0", "id": "ping", "result": {}}


@each_era
async def test_the_model_reads_why_its_arguments_were_refused(era: Era, settings: Settings) -> None:
    async with connected(mcp_server.build(settings), era) as wire:
        line = json.dumps(wire.call(1, "create-message", role="user", content="@")).encode()
        await wire.send(line.replace(b'"@"', b'"\xff"'))
        reply = await wire.reply(1)

    at = line.index(b'"@"') + 1
    assert reply["result"]["isError"] is True
    assert reply["result"]["content"] == [
        {
            "type": "text",
            "text": f"invalid_arguments: Byte {at} of the line, 0xff, is not UTF-8. "
            "Encode the text as UTF-8.\n"
            "Next: Fix the call.\n"
            "Retry: safe once the arguments are corrected; nothing was read or written.",
        }
    ]


async def test_a_line_beyond_the_limit_is_answered_with_its_id_and_one_at_the_limit_is_read(
    settings: Settings,
) -> None:
    async with connected(mcp_server.build(settings)) as wire:
        short = len(write(b'""'))
        await wire.send(write(b'"%s"' % (b"x" * (LINE_BYTES - short + 1))))
        refused = await wire.reply("bad")
        await wire.send(write(b'"%s"' % (b"x" * (LINE_BYTES - short))))
        read = await wire.reply("bad")

    assert refused["error"] == {
        "code": -32600,
        "message": "The line has 4194305 bytes; a message may have at most 4194304. "
        "Send a smaller message.",
    }
    assert read["result"]["content"][0]["text"].startswith(
        "invalid_arguments: content must have at most 256000 characters; it has 41"
    )


async def test_escaped_nul_is_valid_json_that_the_tool_refuses(settings: Settings) -> None:
    async with connected(mcp_server.build(settings)) as wire:
        await wire.send(write(b'"a\\u0000"'))
        reply = await wire.reply("bad")

    assert reply["result"]["content"][0]["text"].startswith(
        "invalid_arguments: content contains a NUL character at character 1; remove it."
    )


class _Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.kept: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record)


async def test_a_reply_that_utf8_cannot_encode_becomes_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Kept out of pytest's own log: a test worker cannot send what UTF-8 cannot encode either.
    log, records = logging.getLogger("backscroll.stdio.writer"), _Records()
    monkeypatch.setattr(log, "propagate", False)
    monkeypatch.setattr(log, "handlers", [records])

    async def list_tools(_context: object, _params: object) -> ListToolsResult:
        raise MCPError(INVALID_PARAMS, "a secret\ud800")

    async with connected(Server("broken", on_list_tools=list_tools)) as wire:
        await wire.send(wire.request(1, "tools/list", {}))
        reply = await wire.reply(1)
        await wire.send(PING)
        assert (await wire.reply("ping"))["result"] == {}

    message = "The reply cannot be written as JSON."
    assert reply["error"] == {"code": -32603, "message": message}
    (record,) = records.kept
    told = NoValuesFormatter().format(record)
    assert told.startswith(r"a reply cannot be written\nPydanticSerializationError at write:")
    assert "secret" not in told


async def test_messages_arrive_in_pieces_and_many_at_once(settings: Settings) -> None:
    async with connected(mcp_server.build(settings)) as wire:
        raw = json.dumps(PING).encode() + b"\r\n"
        for start in range(0, len(raw), 7):
            wire.writer.write(raw[start : start + 7])
            await wire.writer.drain()
            await asyncio.sleep(0)
        assert await wire.receive() == {"jsonrpc": "2.0", "id": "ping", "result": {}}
        wire.writer.write(
            b"".join(b'{"jsonrpc":"2.0","id":%d,"method":"ping"}\n' % n for n in range(1000))
        )
        replies = [await wire.receive() for _ in range(1000)]

    assert sorted(reply["id"] for reply in replies) == list(range(1000))


@each_era
async def test_a_cancelled_walk_stops_with_its_request_and_is_not_answered(
    era: Era, settings: Settings
) -> None:
    gate = Gate()
    async with (
        behind(gate, settings) as gated,
        connected(mcp_server.build(gated), era) as wire,
        asyncio.timeout(REPLY_S),
    ):
        await wire.send(wire.call(1, "list-messages", thread_id="thread_none"))
        await gate.reached.wait()
        await wire.send(cancelled(1))
        await gate.abandoned.wait()
        gate.open.set()
        await wire.send(wire.call(2, "list-messages", thread_id="thread_none"))
        following = await wire.receive()

    assert following["id"] == 2
    assert following["result"]["content"][0]["text"] == NO_THREAD


@each_era
async def test_a_walk_of_several_requests_reports_progress_if_the_host_asked(
    era: Era, settings: Settings
) -> None:
    messages = [ImportedMessage(role="user", content="m", created_at=1)] * 210
    long = ImportedThread(key="", id="thread_long", created_at=1, messages=messages)
    async with open_store(settings.database_url) as store:
        await store.import_thread(long)
    async with connected(mcp_server.build(settings), era) as wire:
        arguments = {"thread_id": long.id, "limit": 500}
        call = {"name": "list-messages", "arguments": arguments, "_meta": {"progressToken": "p"}}
        await wire.send(wire.request(1, "tools/call", call))
        reply = await wire.reply(1)
        quiet = await wire.called(2, "list-messages", **arguments)

    assert reply["result"]["structuredContent"]["page"]["returned"] == 210
    assert quiet["result"]["structuredContent"]["page"]["returned"] == 210
    assert [(note["method"], note["params"]) for note in wire.notified] == [
        ("notifications/progress", {"progressToken": "p", "progress": read, "total": 500})
        for read in (100, 200)
    ]


async def test_a_bounded_number_of_requests_is_handled_at_once(
    settings: Settings,
) -> None:
    most = 6  # below the client's own limit, which would be reached first otherwise
    gate = Gate(expected=most)
    async with (
        behind(gate, settings) as gated,
        connected(mcp_server.build(gated), open_requests=most) as wire,
        asyncio.timeout(REPLY_S),
    ):
        calls = range(most + 10)
        for number in calls:
            await wire.send(wire.call(number, "list-messages", thread_id="thread_none"))
        await gate.reached.wait()
        for _ in range(100):
            await asyncio.sleep(0)
        assert gate.held == most
        gate.open.set()
        replies = [await wire.receive() for _ in calls]

    assert sorted(reply["id"] for reply in replies) == list(calls)


@each_era
async def test_however_many_calls_hang_other_requests_are_answered_and_calls_cancelled(
    era: Era, settings: Settings
) -> None:
    most, gate = 6, Gate(expected=6)
    async with (
        behind(gate, settings) as gated,
        connected(mcp_server.build(gated), era, open_requests=most) as wire,
        asyncio.timeout(REPLY_S),
    ):
        calls = range(most + 20)
        for number in calls:
            await wire.send(wire.call(number, "list-messages", thread_id="thread_none"))
        await gate.reached.wait()
        await wire.send(wire.request("list", "tools/list", {}))
        assert (await wire.receive())["id"] == "list"
        for number in (most + 1, 1, most + 2):
            await wire.send(cancelled(number))
        await gate.abandoned.wait()
        gate.open.set()
        answered = [(await wire.receive())["id"] for _ in range(len(calls) - 3)]

    assert sorted(answered) == [number for number in calls if number not in {1, most + 1, most + 2}]


@pytest.mark.parametrize(("open_id", "other"), [(3100, "3100"), ("1", 1), (1, True), (1, 1.0)])
async def test_only_the_id_as_it_was_sent_cancels_a_request(
    open_id: object, other: object, settings: Settings
) -> None:
    gate = Gate()
    async with (
        behind(gate, settings) as gated,
        connected(mcp_server.build(gated)) as wire,
        asyncio.timeout(REPLY_S),
    ):
        await wire.send(wire.call(open_id, "list-messages", thread_id="thread_none"))
        await gate.reached.wait()
        await wire.send(cancelled(other))
        await wire.send(PING)
        assert (await wire.receive())["id"] == "ping"
        gate.open.set()
        reply = await wire.receive()

    assert reply["id"] == open_id
    assert reply["result"]["content"][0]["text"] == NO_THREAD


async def test_two_open_requests_whose_ids_look_alike_are_two_requests(settings: Settings) -> None:
    gate = Gate(expected=2)
    async with (
        behind(gate, settings) as gated,
        connected(mcp_server.build(gated)) as wire,
        asyncio.timeout(REPLY_S),
    ):
        await wire.send(wire.call(7, "list-messages", thread_id="thread_none"))
        await wire.send(wire.call("7", "list-messages", thread_id="thread_none"))
        await gate.reached.wait()
        await wire.send(cancelled(7))
        await gate.abandoned.wait()
        gate.open.set()
        await wire.send(PING)
        answered = [(await wire.receive())["id"] for _ in range(2)]

    assert set(answered) == {"7", "ping"}


def cancelled(request_id: object) -> JSON:
    """Return the notification that cancels a request."""
    params = {"requestId": request_id, "reason": "enough"}
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}


async def test_calls_that_wait_do_not_outlive_a_host_that_neither_writes_nor_reads(
    settings: Settings,
) -> None:
    gate = Gate(expected=2)
    async with (
        behind(gate, settings) as gated,
        asyncio.timeout(REPLY_S),
        connected(mcp_server.build(gated), open_requests=2, drain_s=0.0) as wire,
    ):
        transport = cast("asyncio.Transport", wire.writer.transport)
        transport.pause_reading()
        for number in range(400):
            await wire.send(wire.call(number, "list-messages", thread_id="thread_none"))
        await gate.reached.wait()
        wire.writer.write_eof()
        await gate.abandoned.wait()
        transport.resume_reading()
        told = [await wire.receive() for _ in range(400)]

    assert sorted(reply["id"] for reply in told) == list(range(400))
    assert {reply["error"]["message"] for reply in told} == {"Connection closed"}


async def test_calls_that_wait_at_the_end_of_the_input_are_answered_if_calls_finish(
    settings: Settings,
) -> None:
    server = mcp_server.build(settings)
    async with connected(server, open_requests=2, drain_s=REPLY_S) as wire:
        for number in range(20):
            await wire.send(wire.call(number, "list-messages", thread_id="thread_none"))
        wire.writer.write_eof()
        told = [await wire.receive() for _ in range(20)]

    assert sorted(reply["id"] for reply in told) == list(range(20))
    assert {reply["result"]["content"][0]["text"] for reply in told} == {NO_THREAD}


@pytest.mark.parametrize("version", ["2025-03-26", "2025-06-18"])
async def test_a_batch_is_answered_only_in_the_version_that_has_batches(
    version: str, settings: Settings
) -> None:
    hello = {**INITIALIZE, "params": {**INITIALIZE["params"], "protocolVersion": version}}
    async with connected(mcp_server.build(settings), "2026-07-28") as wire:
        await wire.send(hello)
        assert (await wire.receive())["result"]["protocolVersion"] == version
        note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        calls = [{**CALL, "id": number} for number in range(3)]
        await wire.send(json.dumps([note, *calls, 7]).encode())
        await wire.send(PING)
        told = [await wire.receive() for _ in range(5 if version == "2025-03-26" else 2)]

    errors = [reply["error"]["message"] for reply in told if "error" in reply]
    texts = [reply["result"]["content"][0]["text"] for reply in told if reply["id"] in {0, 1, 2}]
    if version == "2025-03-26":
        assert (errors, texts) == (["A message must be a JSON object."], [NO_THREAD] * 3)
    else:
        assert (errors, texts) == ([NO_BATCHES], [])


async def test_a_host_that_stops_reading_stops_being_read(settings: Settings) -> None:
    async with connected(mcp_server.build(settings)) as wire:
        transport = cast("asyncio.Transport", wire.writer.transport)
        transport.set_write_buffer_limits(high=0)
        transport.pause_reading()
        padded = {"_meta": {"padding": "x" * 4000}}
        line = json.dumps(wire.request(1, "tools/list", padded)).encode() + b"\n"
        sent = await sent_until_stuck(wire.writer, line)
        transport.resume_reading()
        for _ in range(sent):
            assert (await wire.receive())["id"] == 1
        await wire.send(PING)

        assert (await wire.receive())["result"] == {}


def joined() -> tuple[int, int]:
    near, far = socket.socketpair()
    return near.detach(), far.detach()


@pytest.mark.parametrize(
    ("line", "ends"),
    [
        (b"nonsense", os.pipe),
        (b"nonsense", joined),
        (json.dumps(INITIALIZE).encode(), os.pipe),
        (json.dumps(PING).encode(), os.pipe),
    ],
    ids=["errors to a pipe", "errors to a socket", "handshakes", "requests that wait"],
)
async def test_the_end_of_the_input_is_noticed_even_if_its_reader_waits_for_the_host_to_read(
    ends: Callable[[], tuple[int, int]], line: bytes, settings: Settings
) -> None:
    stdin, host_writes = ends()
    host_reads, stdout = os.pipe()
    serving = asyncio.create_task(
        transport.serve(mcp_server.build(settings), stdin, stdout, unread_s=0.05)
    )
    async with asyncio.timeout(REPLY_S):
        await filled(host_writes, line + b"\n")
        os.close(host_writes)
        await serving
    for descriptor in (stdin, stdout, host_reads):
        os.close(descriptor)


async def filled(descriptor: int, line: bytes) -> None:
    """Write lines until the other end no longer reads them."""
    os.set_blocking(descriptor, False)
    writable = asyncio.Event()
    asyncio.get_running_loop().add_writer(descriptor, writable.set)
    with suppress(TimeoutError):
        while True:
            async with asyncio.timeout(paced_s(0.3)):
                await writable.wait()
            with suppress(BlockingIOError):
                os.write(descriptor, line * (16_384 // len(line)))
            writable.clear()
    asyncio.get_running_loop().remove_writer(descriptor)


async def sent_until_stuck(writer: asyncio.StreamWriter, line: bytes) -> int:
    for sent in range(1, 2000):
        writer.write(line)
        try:
            async with asyncio.timeout(paced_s(0.2)):
                await writer.drain()
        except TimeoutError:
            return sent
    raise AssertionError("the server reads on and on")


async def test_at_the_end_of_the_input_open_calls_are_still_answered(
    settings: Settings,
) -> None:
    gate = Gate()
    async with (
        behind(gate, settings) as gated,
        connected(mcp_server.build(gated), drain_s=REPLY_S) as wire,
        asyncio.timeout(REPLY_S),
    ):
        await wire.send(wire.call(1, "list-messages", thread_id="thread_none"))
        wire.writer.write_eof()
        await gate.reached.wait()
        gate.open.set()
        reply = await wire.reply(1)
        assert await wire.reader.read() == b""

    assert reply["result"]["content"][0]["text"] == NO_THREAD


async def test_at_the_end_of_the_input_a_call_that_does_not_finish_gets_an_error(
    settings: Settings,
) -> None:
    gate = Gate()
    async with (
        behind(gate, settings) as gated,
        connected(mcp_server.build(gated), drain_s=0.0) as wire,
        asyncio.timeout(REPLY_S),
    ):
        await wire.send(wire.call(1, "list-messages", thread_id="thread_none"))
        await gate.reached.wait()
        wire.writer.write_eof()
        reply = await wire.reply(1)
        await gate.abandoned.wait()

    assert reply["error"] == {"code": -32000, "message": "Connection closed"}


PATIENT = f"""
import asyncio
from backscroll.mcp import server
from backscroll.settings import loading
from backscroll.stdio import transport

with transport.claimed() as (stdin, stdout):
    asyncio.run(transport.serve(server.build(loading.load()), stdin, stdout, drain_s={REPLY_S}))
"""
"""A server that answers calls after the end of its input, however slow the machine is."""


def piped(stdin: bytes, database: Path, **settings: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", PATIENT],
        input=stdin,
        env=environment(database, **settings),
        capture_output=True,
        timeout=REPLY_S,
        check=False,
    )


CALL: JSON = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "list-messages", "arguments": {"thread_id": "thread_none"}},
}
TYPED = json.dumps(INITIALIZE).encode() + b"\n" + json.dumps(CALL).encode()


def replies(output: bytes) -> dict[str, JSON]:
    return {str(reply["id"]): reply for reply in map(json.loads, output.splitlines())}


def test_lines_from_a_pipe_are_answered_and_the_process_ends_with_them(tmp_path: Path) -> None:
    ended = piped(TYPED, tmp_path / "x.db")

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert replies(ended.stdout)["1"]["result"]["content"][0]["text"] == NO_THREAD


def test_files_serve_as_stdin_and_stdout(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(TYPED)
    with (tmp_path / "in").open("rb") as stdin, (tmp_path / "out").open("wb") as stdout:
        ended = subprocess.run(
            [sys.executable, "-c", PATIENT],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=environment(tmp_path / "x.db"),
            timeout=REPLY_S,
            check=False,
        )

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert list(replies((tmp_path / "out").read_bytes())) == ["hello", "1"]


def test_no_input_at_all_ends_the_process(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SERVE],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(tmp_path / "x.db"),
        timeout=REPLY_S,
        check=False,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


def test_a_closed_stdin_is_reported_in_one_line(tmp_path: Path) -> None:
    ended = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" -c "$1" <&-', sys.executable, SERVE],
        capture_output=True,
        env=environment(tmp_path / "x.db"),
        timeout=REPLY_S,
        check=False,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (
        1,
        b"",
        b"backscroll: stdin or stdout is closed, but the protocol needs both.\n",
    )


async def test_a_terminal_serves_as_stdin_and_keeps_its_mode(tmp_path: Path) -> None:
    keyboard, terminal = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", SERVE),
            stdin=terminal,
            stdout=asyncio.subprocess.PIPE,
            env=environment(tmp_path / "x.db"),
        )
        os.write(keyboard, b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
        assert process.stdout is not None
        async with asyncio.timeout(REPLY_S):
            answered = await process.stdout.readline()
            blocking = os.get_blocking(terminal)
            os.write(keyboard, b"\x04")
            code = await process.wait()
    finally:
        os.close(keyboard)
        os.close(terminal)

    assert (json.loads(answered)["id"], blocking, code) == (1, True, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_process_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    async with started(tmp_path / "x.db") as wire:
        wire.process.send_signal(number)
        async with asyncio.timeout(REPLY_S):
            code = await wire.process.wait()

        assert (code, await wire.reader.read(), await wire.logged()) == (0, b"", "")


async def test_a_host_that_is_gone_ends_the_process(tmp_path: Path) -> None:
    code = f"import os; r, w = os.pipe(); os.dup2(w, 1); os.close(r); os.close(w); {SERVE}"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", code),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(tmp_path / "x.db"),
    )
    assert process.stdin is not None
    assert process.stderr is not None
    async with asyncio.timeout(REPLY_S):
        ended = await process.wait()
        logged = await process.stderr.read()
    process.stdin.close()

    assert (ended, logged) == (0, b"")


async def test_what_a_library_prints_never_reaches_the_host(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from backscroll.settings import loading as settings\n"
        "from backscroll.stdio import descriptors, transport\n"
        "with descriptors.claimed() as (stdin, stdout):\n"
        "    print('printed'); os.write(1, b'written'); assert sys.stdin.read() == ''\n"
        "    transport.take_over(settings.load(), stdin, stdout, transport.Opening())\n"
    )
    async with started(tmp_path / "x.db", code=code) as wire:
        await wire.send(PING)
        assert (await wire.receive())["id"] == "ping"
        rest, ended = await wire.hang_up()

        assert (rest, ended, await wire.logged()) == (b"", 0, "writtenprinted\n")


async def test_the_log_reports_bad_lines_without_quoting_them(tmp_path: Path) -> None:
    async with started(tmp_path / "x.db", log_level="debug") as wire:
        for line in BAD_LINES.values():
            await wire.send(line.replace(b"user", b"secret"))
        await wire.send(wire.call("end", "create-message", role="user", content="a secret"))
        await wire.reply("end")
        await wire.hang_up()
        logged = await wire.logged()

    assert "ignored a line: a notification with invalid JSON" in logged
    assert "refused a line: -32700" in logged
    assert "secret" not in logged
