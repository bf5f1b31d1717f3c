"""200 concurrent clients for a minute, compared with peers: `make soak PARTS=load`.

It is written for two cores, which the clients share with the server.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

import anyio

from bench import conversations, servers
from bench.memory import mebibytes
from tests.faults.figures import record
from tests.faults.loading import answer, is_page, load
from tests.http.serving import MODERN, raw
from tests.pace import limit_s
from tests.ports import free_port
from tests.server.stdio.host import environment

PEERS: Final = Path(__file__).parents[2] / "bench" / "peers"
PEER_PYTHON: Final = Path(__file__).parents[2] / ".cache" / "bench-venv" / "bin" / "python"
QUIET: Final = {"FASTMCP_CHECK_FOR_UPDATES": "off", "FASTMCP_SHOW_SERVER_BANNER": "false"}

CLIENTS: Final = 200
SECONDS: Final = 60
WORKERS: Final = 2
"""One worker for each of the two cores."""
ROUNDS: Final = 5
ROUND_S: Final = 4
WARM_S: Final = 5
ITEMS: Final = 20
START_S: Final = limit_s(60)
GROWTH_MIB: Final = 16.0
"""How much the memory of all workers may grow after the warm-up, in MiB."""

OF_TRIVIAL: Final = 0.4
OF_FASTMCP: Final = 2.0
"""How many times as many pages per second as a peer must be served."""

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
    """Start a server with a free port as its last argument; yield the port and the pid."""
    port = free_port()
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
    """Return the first response of a server that is starting.

    Raises:
        TimeoutError: it does not start.
    """
    async with asyncio.timeout(START_S):
        while True:
            try:
                return await answer(port, request)
            except OSError:
                await asyncio.sleep(0.1)


@dataclass
class Server:
    """A server that is measured.

    Attributes:
        port: its port on loopback.
        request: the request that its clients send.
        rates: calls per second, by round.
        errors: the errors of all rounds.
    """

    port: int
    request: bytes
    rates: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Calls per second: the median of all rounds."""
        return median(self.rates)

    async def measure(self, seconds: float) -> None:
        """Add a round."""
        found = await load(self.port, self.request, CLIENTS, seconds)
        self.rates.append(found.rate)
        self.errors += found.errors


async def peer(port: int, request: bytes, items: int) -> Server:
    """Return a peer, after a check that it answers the request.

    Raises:
        RuntimeError: it does not answer, so its rate would be meaningless.
    """
    # The SDK's check of the Host header requires a port.
    request = request.replace(b"host: localhost\r\n", b"host: localhost:%d\r\n" % port)
    body = await ready(port, request)
    if b'"result"' not in body or (items and not is_page(body, items)):
        raise RuntimeError(f"the peer answered {body[:300]!r}")
    return Server(port, request)


def held(pid: int) -> float:
    """Return the memory that a server and its workers use, in MiB."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    return sum(mebibytes(one, "VmRSS") for one in (pid, *map(int, children)))


async def main() -> int:
    """Measure, record the figures, and return 1 if a limit is not met."""
    broken: list[str] = []
    peers = {**os.environ, **QUIET, "PYTHONPATH": ""}
    fastmcp_command = (PEER_PYTHON, PEERS / "fastmcp_openapi.py")
    serve = (sys.executable, "-m", "backscroll", "serve", "--transport", "http", "--port")
    with conversations.database() as database, ExitStack() as stack:
        await conversations.fill(database, [conversations.numbered(1_000)])
        environ = environment(Path(database.removeprefix("sqlite:///")))
        several = environ | {"BACKSCROLL_HTTP_WORKERS": str(WORKERS)}
        port, pid = stack.enter_context(started(several, *serve))
        if not is_page(await ready(port, PAGE), ITEMS):
            broken.append("the first page is not what was asked for")
        await load(port, PAGE, CLIENTS, WARM_S)
        before = held(pid)
        minute = await load(port, PAGE, CLIENTS, SECONDS)
        after = held(pid)

        single = stack.enter_context(started(environ, *serve))
        sdk = stack.enter_context(started(peers, sys.executable, PEERS / "mcpserver_http.py"))
        store = stack.enter_context(servers.served(database))
        other = stack.enter_context(started(peers, *fastmcp_command, store.base_url))
        ours = Server(port, PAGE)
        alone = await peer(single[0], PAGE, ITEMS)
        trivial = await peer(sdk[0], ECHO, 0)
        fastmcp = await peer(other[0], PEER_PAGE, ITEMS)
        for _ in range(ROUNDS):  # in turn, so that other load on the machine affects all of them
            for server in (ours, alone, trivial, fastmcp):
                await server.measure(ROUND_S)
    of_trivial, of_fastmcp = ours.rate / trivial.rate, ours.rate / fastmcp.rate
    record(
        f"{CLIENTS} clients for {SECONDS} s over HTTP, pages of {ITEMS}, {WORKERS} workers",
        f"{len(minute.seconds):,} pages, {minute.rate:,.0f} a second, {len(minute.errors)} errors; "
        f"p99 {minute.p99_ms:,.0f} ms; memory {before:.0f} MiB warm, {after:.0f} MiB at the end",
    )
    record(
        f"pages of {ITEMS} a second to {CLIENTS} clients, against others in turn",
        f"{ours.rate:,.0f} with {WORKERS} workers: {of_trivial:.2f} × the calls of the SDK's "
        f"trivial stateless JSON server ({trivial.rate:,.0f}), {of_fastmcp:.1f} × the pages of "
        f"`fastmcp.from_openapi` over HTTP on the same store ({fastmcp.rate:,.0f}); with one "
        f"worker {alone.rate:,.0f}: {alone.rate / trivial.rate:.2f} × and "
        f"{alone.rate / fastmcp.rate:.1f} ×; the median of {ROUNDS} rounds",
    )
    broken += sorted({*minute.errors, *ours.errors})[:5]
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
