"""200 clients at once for a minute, and what others make of the same: `make soak PARTS=load`."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import anyio

from bench import conversations, servers
from bench.memory import mebibytes
from tests.faults.figures import record
from tests.faults.loading import Load, answer, is_page, load
from tests.http.serving import MODERN, raw
from tests.server.wire import environment

PEERS: Final = Path(__file__).parents[2] / "bench" / "peers"
PEER_PYTHON: Final = Path(__file__).parents[2] / ".cache" / "bench-venv" / "bin" / "python"
QUIET: Final = {"FASTMCP_CHECK_FOR_UPDATES": "off", "FASTMCP_SHOW_SERVER_BANNER": "false"}

CLIENTS: Final = 200
SECONDS: Final = 60
PEER_SECONDS: Final = 15
WARM_S: Final = 5
ITEMS: Final = 20
START_S: Final = 60.0
GROWTH_MIB: Final = 16.0
"""How much memory may grow after the warm-up and still be called flat."""

OF_TRIVIAL: Final = 0.4
OF_FASTMCP: Final = 2.0
"""What pages a second must be, as a share of what the others serve."""

PAGE: Final = raw(
    "tools/call",
    {
        "name": "list-messages",
        "arguments": {"thread_id": conversations.THREAD_ID, "limit": ITEMS},
    },
    MODERN,
)
PEER_PAGE: Final = raw(
    "tools/call",
    {"name": "listMessages", "arguments": {"thread_id": conversations.THREAD_ID, "limit": ITEMS}},
    MODERN,
)
ECHO: Final = raw("tools/call", {"name": "echo", "arguments": {"text": "hello"}}, MODERN)


@contextmanager
def started(environ: Mapping[str, str], *command: str | Path) -> Iterator[tuple[int, int]]:
    """Start a server on the port that its last argument is to be; yield the port and its pid."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    process = subprocess.Popen(
        [*command, str(port)],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


async def ready(port: int, request: bytes) -> bytes:
    """Return the first answer of a server that is starting.

    Raises:
        TimeoutError: it does not start.
    """
    async with asyncio.timeout(START_S):
        while True:
            try:
                return await answer(port, request)
            except OSError:
                await asyncio.sleep(0.1)


async def measured(port: int, request: bytes, seconds: float) -> Load:
    """Return what a server makes of many clients, once it is warm."""
    await load(port, request, CLIENTS, WARM_S)
    return await load(port, request, CLIENTS, seconds)


async def peer(request: bytes, items: int, *command: str | Path) -> Load:
    """Return what a peer makes of it.

    Raises:
        RuntimeError: it does not answer what was asked, so that its rate would mean nothing.
    """
    with started({**os.environ, **QUIET, "PYTHONPATH": ""}, *command) as (port, _):
        # The SDK's own check of the Host wants a port.
        request = request.replace(b"host: localhost\r\n", b"host: localhost:%d\r\n" % port)
        body = await ready(port, request)
        if b'"result"' not in body or (items and not is_page(body, items)):
            raise RuntimeError(f"the peer answered {body[:300]!r}")
        return await measured(port, request, PEER_SECONDS)


async def main() -> int:
    """Measure, record the figures, and return 1 where a promise is broken."""
    broken: list[str] = []
    with conversations.database() as database:
        await conversations.fill(database, [conversations.numbered(1_000)])
        serve = (sys.executable, "-m", "backscroll", "serve", "--transport", "http", "--port")
        environ = environment(Path(database.removeprefix("sqlite:///")))
        with started(environ, *serve) as (port, pid):
            if not is_page(await ready(port, PAGE), ITEMS):
                broken.append("the first page is not what was asked for")
            await load(port, PAGE, CLIENTS, WARM_S)
            before = mebibytes(pid, "VmRSS")
            ours = await load(port, PAGE, CLIENTS, SECONDS)
            after = mebibytes(pid, "VmRSS")
        trivial = await peer(ECHO, 0, sys.executable, PEERS / "mcpserver_http.py")
        with servers.served(database) as store:
            script = PEERS / "fastmcp_openapi.py"
            fastmcp = await peer(PEER_PAGE, ITEMS, PEER_PYTHON, script, store.base_url)
    of_trivial, of_fastmcp = ours.rate / trivial.rate, ours.rate / fastmcp.rate
    record(
        f"{CLIENTS} clients for {SECONDS} s over HTTP, pages of {ITEMS}",
        f"{len(ours.seconds):,} pages, {ours.rate:,.0f} a second, {len(ours.errors)} errors; "
        f"p99 {ours.p99_ms:,.0f} ms; memory {before:.0f} MiB warm, {after:.0f} MiB at the end; "
        f"{of_trivial:.2f} × the calls of the SDK's trivial stateless JSON server "
        f"({trivial.rate:,.0f} a second, {len(trivial.errors)} errors), {of_fastmcp:.1f} × the "
        f"pages of `fastmcp.from_openapi` on the same store ({fastmcp.rate:,.0f} a second, "
        f"{len(fastmcp.errors)} errors)",
    )
    broken += sorted(set(ours.errors))[:5]
    if after - before > GROWTH_MIB:
        broken.append(f"memory grew from {before:.0f} to {after:.0f} MiB")
    if of_trivial < OF_TRIVIAL:
        broken.append(f"{of_trivial:.2f} × the trivial server, not {OF_TRIVIAL}")
    if of_fastmcp < OF_FASTMCP:
        broken.append(f"{of_fastmcp:.1f} × fastmcp.from_openapi, not {OF_FASTMCP}")
    sys.stdout.write("".join(f"broken: {one}\n" for one in broken))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(anyio.run(main))
