"""The front answers the first requests like the SDK's server, and hands over unnoticed."""

import asyncio
import fcntl
import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backscroll.mcp.server import build
from backscroll.settings.model import Settings
from backscroll.stdio import transport
from backscroll.stdio.front import LINES, MODERN, TABLE, Front
from backscroll.stdio.front_table import HANDSHAKES, exchanged, opening
from backscroll.stdio.reader import Opening
from backscroll.upstream.kind import profile_of
from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from tests.faults.figures import sized
from tests.server.stdio.host import REPLY_S, environment, replies_of

COMBINATIONS = [
    Settings(
        upstream=upstream,
        toolsets=toolsets,
        read_only=read_only,
        output=output,
        result_chars=50_000 if read_only else 49_999,
    )
    for upstream, toolsets, read_only, output in itertools.product(
        ("store", "openai", "foundry"),
        (("messages",), ("all",)),
        (False, True),
        ("both", "text", "structured"),
    )
]
VERSIONS = (*HANDSHAKES, MODERN)


def line(message: object) -> bytes:
    return json.dumps(message).encode()


def front_of(chosen: Settings) -> Front:
    return Front(chosen, profile_of(chosen))


def test_the_table_holds_every_tool_once() -> None:
    table = TABLE.read_text(encoding="utf-8")

    assert [table.count(f'"title": "{tool.title}"') for tool in TOOLS] == [1] * len(TOOLS)


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_front_answers_like_the_server_whatever_the_settings(version: str) -> None:
    messages = opening(version)
    for chosen in COMBINATIONS:
        front = front_of(chosen)
        answers = [front.answer(line(message)) for message in messages]
        live = await exchanged(_with_key(chosen), messages)
        assert [json.loads(answer or b"null") for answer in answers] == live


def _with_key(chosen: Settings) -> Settings:
    if chosen.upstream == "store":
        return chosen
    return replace(chosen, api_key="key", base_url="https://a.example")


CLIENT = {"name": "a-host", "version": "1"}
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}
SHOWS_PAGES = {
    "extensions": {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html;profile=mcp-app"]}}
}
CAPABILITIES = st.sampled_from(
    [
        {},
        {"roots": {"listChanged": True}},
        {"roots": {"listChanged": "yes"}},
        {"sampling": {}, "elicitation": {"form": {}, "url": {}}},
        {"sampling": 1},
        {"experimental": {"a": {}}},
        {"experimental": {"a": 1}},
        {"unknown": {}},
        {"extensions": {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html"]}}},
        {"extensions": {"io.modelcontextprotocol/ui": ["text/html"]}},
        SHOWS_PAGES,
    ]
)
HELLO = st.builds(
    lambda version, capabilities, client: {
        "method": "initialize",
        "params": {"protocolVersion": version, "capabilities": capabilities, "clientInfo": client},
    },
    st.sampled_from([*VERSIONS, "2024-11-05", "1999-01-01", 7]),
    CAPABILITIES,
    st.sampled_from(
        [CLIENT, {**CLIENT, "title": "A host"}, {"name": "a-host"}, {**CLIENT, "icons": []}]
    ),
)
PARAMS: st.SearchStrategy[JSON | None] = st.sampled_from(
    [
        None,
        {},
        {"_meta": {}},
        {"_meta": {"progressToken": 1}},
        {"_meta": {"progressToken": True}},
        {"_meta": META},
        {"_meta": {**META, "io.modelcontextprotocol/clientCapabilities": SHOWS_PAGES}},
        {"_meta": {**META, "io.modelcontextprotocol/protocolVersion": "2030-01-01"}},
        {"_meta": {"io.modelcontextprotocol/protocolVersion": MODERN}},
        {"cursor": "x"},
        {"cursor": "x", "_meta": META},
    ]
)
ASKED = st.builds(
    lambda method, params: {"method": method} | ({} if params is None else {"params": params}),
    st.sampled_from(
        [
            *("ping", "tools/list", "server/discover", "prompts/list", "tools/call", "x"),
            *("resources/list", "resources/templates/list", "resources/read"),
        ]
    ),
    PARAMS,
)
REQUESTS: st.SearchStrategy[JSON] = st.one_of(HELLO, ASKED)
NOTICES: st.SearchStrategy[JSON] = st.sampled_from(
    [
        {"method": "notifications/initialized"},
        {"method": "notifications/initialized", "params": {}},
        {"method": "notifications/initialized", "params": {"x": 1}},
        {"method": "notifications/cancelled", "params": {"requestId": 1}},
    ]
)
ODD = st.sampled_from(
    [b"", b"[]", b"{", b'"x"', b"\xff", b'{"jsonrpc":"1.0","id":90,"method":"ping"}']
)


@st.composite
def conversations(draw: st.DrawFn) -> list[bytes]:
    """Lines that a host might send, each request with an id of its own."""
    good = draw(st.sampled_from([*VERSIONS, ""]))
    lines = [line(message) for message in opening(good)] if good else []
    for number in range(10, 10 + draw(st.integers(0, 5))):
        kind = draw(st.sampled_from("rrrrno"))
        if kind == "o":
            lines.append(draw(ODD))
        else:
            message: JSON = {"jsonrpc": "2.0", **draw(REQUESTS if kind == "r" else NOTICES)}
            lines.append(line(message | ({"id": number} if kind == "r" else {})))
    start = draw(st.integers(0, 2))
    return lines[start:] if draw(st.booleans()) else lines


@given(conversations(), st.sampled_from(["both", "text"]))
@settings(max_examples=sized(quick=60, long=2_000))
async def test_a_connection_is_the_same_with_the_front_and_without(
    lines: list[bytes], output: str
) -> None:
    chosen = Settings(database="sqlite://", output=output)
    front = front_of(chosen)
    answers: list[bytes] = []
    unanswered = list(lines)
    while unanswered and (answer := front.answer(unanswered[0])) is not None:
        answers.append(answer)
        del unanswered[0]

    with_front = answers + await served(chosen, Opening(front.answered, unanswered))
    without = await served(chosen, Opening((), lines))

    assert sorted(map(told, filter(None, with_front))) == sorted(map(told, without))


def told(reply: bytes) -> str:
    return json.dumps(json.loads(reply), sort_keys=True)


async def served(chosen: Settings, begun: Opening) -> list[bytes]:
    """Return what the server writes on a connection whose input has ended."""
    stdin, host_out = os.pipe()
    host_in, stdout = os.pipe()
    os.close(host_out)
    with os.fdopen(host_in, "rb") as replies:
        # Read at the same time: a system short of pipe memory gives a pipe only one page.
        read = asyncio.create_task(asyncio.to_thread(replies.readlines))
        await transport.serve(build(chosen), stdin, stdout, begun)
        os.close(stdin)
        os.close(stdout)
        return await read


def test_the_front_answers_no_more_lines_than_it_keeps() -> None:
    front = front_of(Settings())
    messages = opening(MODERN)
    for message in messages:
        assert front.answer(line(message))
    listing = line(messages[1])
    for _ in range(LINES - len(messages)):
        assert front.answer(listing)
    assert front.answer(listing) is None


def test_before_its_first_answer_a_server_imports_the_standard_library_and_little_of_its_own(
    tmp_path: Path,
) -> None:
    messages = b"".join(line(message) + b"\n" for message in opening("2025-11-25"))
    (tmp_path / "in").write_bytes(messages)  # a pipe may get its next line too late
    with (tmp_path / "in").open("rb") as stdin:
        ended = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "backscroll"],
            stdin=stdin,
            capture_output=True,
            check=True,
            env=os.environ | {"BACKSCROLL_DATABASE": f"sqlite:///{tmp_path}/x.db"},
        )

    replies = [json.loads(reply) for reply in ended.stdout.splitlines()]
    assert [reply["id"] for reply in replies] == [0, 1, 2, 3, 4]
    imported = {row.rpartition("|")[2].strip() for row in ended.stderr.decode().splitlines()}
    assert {name for name in imported if name.startswith("backscroll")} == {
        "backscroll",
        "backscroll.commands",
        "backscroll.commands.serve",
        "backscroll.commands.serve.over_stdio",
        "backscroll.mcp",
        "backscroll.mcp.instructions",
        "backscroll.mcp.lines",
        "backscroll.mcp.page_file",
        "backscroll.mcp.tool_entry",
        "backscroll.mcp.toolsets",
        "backscroll.process",
        "backscroll.process.exits",
        "backscroll.process.standard_streams",
        "backscroll.settings",
        "backscroll.settings.addresses",
        "backscroll.settings.keep_days",
        "backscroll.settings.loading",
        "backscroll.settings.model",
        "backscroll.settings.operator_errors",
        "backscroll.settings.parsing",
        "backscroll.settings.paths",
        "backscroll.settings.programs",
        "backscroll.settings.variables",
        "backscroll.stdio",
        "backscroll.stdio.descriptors",
        "backscroll.stdio.front",
        "backscroll.stdio.quick_start",
        "backscroll.stdio.sdk_import",
        "backscroll.upstream",
        "backscroll.upstream.credentials",
        "backscroll.upstream.kind",
        "backscroll_tools",
        "backscroll_tools.client",
        "backscroll_tools.client.groups",
        "backscroll_tools.client.profiles",
        "backscroll_tools.errors",
        "backscroll_tools.strict_json",
        "backscroll_tools.toolset",
    }
    heavy = {
        *("asyncio", "anyio", "click", "httpx2", "mcp", "msgspec", "pydantic", "rich"),
        "sqlalchemy",
    }
    assert imported & heavy == set()


async def test_a_host_that_does_not_read_the_first_answers_is_still_heard(tmp_path: Path) -> None:
    host_reads, stdout = os.pipe()
    fcntl.fcntl(stdout, fcntl.F_SETPIPE_SZ, 4096)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "backscroll"),
        env=environment(tmp_path / "store.db", log_level="info"),
        stdin=asyncio.subprocess.PIPE,
        stdout=stdout,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(stdout)
    assert process.stdin is not None
    assert process.stderr is not None
    sent = [line(message) for message in opening(HANDSHAKES[-1])]
    process.stdin.write(b"\n".join([*sent, b"nonsense", b""]))
    async with asyncio.timeout(REPLY_S):
        while b"refused a line" not in (logged := await process.stderr.readline()):
            assert logged
        process.stdin.close()
        replies = (await asyncio.to_thread(Path(f"/dev/fd/{host_reads}").read_bytes)).splitlines()
        await process.wait()
    os.close(host_reads)

    found = [json.loads(each)["id"] for each in replies]
    assert found[:2] == [0, 1]
    assert set(found[2:]) == {2, 3, 4, None}


def test_lines_that_the_front_cannot_answer_reach_the_server(tmp_path: Path) -> None:
    first, _, ping, *_ = opening("2025-11-25")
    call = {
        "jsonrpc": "2.0",
        "id": 9,
        "method": "tools/call",
        "params": {"name": "list-threads", "arguments": {}},
    }
    replies, _ = replies_of(
        [sys.executable, "-m", "backscroll"],
        b"".join(line(message) + b"\n" for message in (first, ping, call)) + b'{"jsonrpc"',
        3,
        environment(tmp_path / "x.db"),
    )
    assert sorted(str(reply["id"]) for reply in replies) == ["0", "2", "9", "None"]
    result = next(reply["result"] for reply in replies if reply["id"] == 9)
    assert result["structuredContent"]["threads"] == []
