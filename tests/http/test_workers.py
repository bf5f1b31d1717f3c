"""Several processes on one port: they share its connections, and end and start independently."""

import asyncio
import os
import re
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import httpx2
import pytest

from backscroll.http.serving import supervisor
from backscroll.process.exits import CommandError
from backscroll.process.listening import listen_apart
from backscroll.settings.model import Settings
from tests.http.issuer import RESOURCE, issuing
from tests.http.serving import WAIT_S, Process, call, post, settings_of, spawned, started
from tests.http.stalling import stalling
from tests.http.test_metrics import Samples, samples, scrape
from tests.http.test_process import until_unready

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are found by /proc")

NEW_CONNECTIONS = 20
TWO = ("--http-workers", "2")


async def test_workers_share_connections_and_counts_are_replaced_and_end_with_their_parent(
    tmp_path: Path,
) -> None:
    async with started(tmp_path / "x.db", *TWO) as server:
        made = await call(server.url, "create-message", role="user", content="one")
        thread_id = made["structuredContent"]["thread_id"]
        answered = {await worker_of(server, thread_id) for _ in range(NEW_CONNECTIONS)}
        found = await counts_at_rest(server)

        before = pids(server)
        os.kill(min(before), signal.SIGKILL)
        said = await line(server)
        async with asyncio.timeout(WAIT_S):
            # Connections wait until the new worker has started.
            later = {await worker_of(server, thread_id) for _ in range(NEW_CONNECTIONS)}
        after = pids(server)

        left = [os.pidfd_open(pid) for pid in after]
        server.tell(signal.SIGKILL)
        await server.ended()
        await all_ended(left)

    listed = frozenset({("tool", "list-messages"), ("outcome", "ok")})
    assert len(answered) == len(later) == 2
    assert found["backscroll_calls_total", listed] == NEW_CONNECTIONS
    assert f"worker {min(before)} exited (exit code -9): starting another" in said
    assert len(after) == 2
    assert len(before & after) == 1


async def test_a_worker_that_is_told_to_stop_finishes_what_runs_and_is_replaced(
    tmp_path: Path,
) -> None:
    async with (
        stalling() as upstream,
        started(tmp_path / "x.db", *TWO, base_url=upstream.url, upstream="store") as server,
    ):
        running = asyncio.create_task(call(server.url, "list-messages", thread_id="thread_1"))
        await upstream.asked()
        before = pids(server)
        for pid in before:
            os.kill(pid, signal.SIGTERM)
        said = await line(server)  # from the worker that had no open request
        upstream.go_on()
        result = await running
        said += await line(server)
        await worker_of(server, "thread_1")
        server.tell(signal.SIGTERM)
        code = await server.ended()

    assert not result["isError"]
    assert code == 0
    assert {int(pid) for pid in re.findall(r"worker (\d+) exited \(exit code 0\)", said)} == before


def test_only_the_first_worker_keeps_sources_in_step() -> None:
    settings = Settings(sources=("codex",), http_workers=3)

    sources = [supervisor.settings_of_worker(settings, number).sources for number in range(3)]

    assert sources == [("codex",), (), ()]


async def test_an_interrupt_of_all_processes_ends_them_silently(tmp_path: Path) -> None:
    process = await spawned(tmp_path / "x.db", "--port", "0", *TWO)
    async with asyncio.timeout(WAIT_S):
        # A loop without a pause would keep the processor busy that the processes need.
        while not any(map(is_importing, children(process.pid))):  # noqa: ASYNC110 - no event tells of imports
            await anyio.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        _, said = await process.communicate()

    lines = said.decode().splitlines()
    assert [line for line in lines if not line.startswith("Backscroll serves")] == []
    assert process.returncode == 0


async def test_a_worker_that_does_not_stop_is_ended(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, http_workers=2, http_drain_s=0)
    stopping = asyncio.Event()
    held: set[int] = set()

    def hold() -> None:
        held.update(children(os.getpid()))
        for pid in held:
            os.kill(pid, signal.SIGSTOP)
        stopping.set()

    async with listening(2) as listeners, asyncio.timeout(WAIT_S):
        await supervisor.supervise(settings, "127.0.0.1", listeners, stopping, hold, leave_s=0.0)

    assert len(held) == 2
    assert not children(os.getpid())


async def test_workers_that_exit_are_replaced_after_a_pause(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stopping = asyncio.Event()

    def kill() -> None:
        for pid in children(os.getpid()):
            os.kill(pid, signal.SIGKILL)

    async with listening(2) as listeners, asyncio.timeout(WAIT_S), asyncio.TaskGroup() as tasks:
        supervised = supervisor.supervise(
            settings_of(tmp_path, http_workers=2),
            "127.0.0.1",
            listeners,
            stopping,
            kill,
            again_s=3_600.0,
        )
        tasks.create_task(supervised)
        while caplog.text.count("starting another") < 2:  # noqa: ASYNC110 - no event tells of logs
            await anyio.sleep(0.01)
        started = children(os.getpid())
        stopping.set()

    assert not started


async def test_new_connections_do_not_wait_for_an_exited_worker_and_a_second_signal_ends_the_rest(
    tmp_path: Path,
) -> None:
    async with (
        stalling() as upstream,
        started(tmp_path / "x.db", *TWO, base_url=upstream.url, upstream="store") as server,
    ):
        running = asyncio.create_task(call(server.url, "list-messages", thread_id="thread_1"))
        await upstream.asked()
        left = [os.pidfd_open(pid) for pid in pids(server)]
        server.tell(signal.SIGTERM)
        async with asyncio.timeout(WAIT_S):
            while len(pids(server)) == 2:  # noqa: ASYNC110 - no event tells of an exit
                await anyio.sleep(0.01)
            for _ in range(NEW_CONNECTIONS // 2):
                await until_unready(server.url)
        server.tell(signal.SIGTERM)
        code = await server.ended()
        with pytest.raises(httpx2.HTTPError):
            await running
        await all_ended(left)

    assert code == -signal.SIGTERM


async def test_a_server_stops_if_its_workers_cannot_start(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    async with issuing() as issuer, listening(2) as listeners:
        issuer.most = 1  # the parent process uses up that one request
        settings = settings_of(
            tmp_path,
            http_workers=2,
            http_auth="oauth",
            oauth_issuer=issuer.url,
            oauth_resource=RESOURCE,
            allow_http=True,
        )
        with pytest.raises(CommandError) as refused:
            await supervised(settings, listeners, said)

    assert str(refused.value).startswith("a worker exited before it was ready; ")
    assert said == []
    assert "backscroll: BACKSCROLL_OAUTH_ISSUER: " in capfd.readouterr().err


async def test_a_server_stops_if_its_workers_do_not_become_ready(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def hold() -> None:
        """Stop each worker for good as soon as it has started."""
        while True:
            for pid in children(os.getpid()):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            await anyio.sleep(0.001)

    settings = settings_of(tmp_path, http_workers=2)
    async with listening(2) as listeners:
        holding = asyncio.create_task(hold())
        with pytest.raises(CommandError, match="a worker exited before it was ready; "):
            await supervised(settings, listeners, [], start_s=0.01)
        holding.cancel()

    assert "was not ready within 0.01 s" in caplog.text
    assert not children(os.getpid())


async def test_workers_do_not_start_without_a_folder_for_their_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The standard library keeps its choice of a folder, and TMPDIR set now would change nothing.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    async with listening(2) as listeners:
        with pytest.raises(CommandError, match="set TMPDIR to a writable folder, or "):
            await supervised(settings_of(tmp_path, http_workers=2), listeners, [])


def test_a_port_that_workers_share_is_in_use_for_any_other_server() -> None:
    first, second = listen_apart("127.0.0.1", 0, 2)
    port = first.getsockname()[1]
    with first, second, pytest.raises(CommandError, match=f"cannot listen on 127.0.0.1:{port}"):
        listen_apart("127.0.0.1", port, 2)


async def supervised(
    settings: Settings,
    listeners: list[socket.socket],
    said: list[str],
    start_s: float = supervisor.START_S,
) -> None:
    stopping = asyncio.Event()
    async with asyncio.timeout(WAIT_S):
        await supervisor.supervise(
            settings,
            "127.0.0.1",
            listeners,
            stopping,
            lambda: said.append("ready"),
            start_s=start_s,
        )


@asynccontextmanager
async def listening(number: int) -> AsyncIterator[list[socket.socket]]:
    listeners = listen_apart("127.0.0.1", 0, number)
    yield listeners
    for listener in listeners:
        listener.close()


async def counts_at_rest(server: Process) -> Samples:
    """What the workers counted, once none has a request in progress.

    A request may count for a moment after its response has arrived.
    """
    async with asyncio.timeout(WAIT_S):
        while True:
            found = samples(await scrape(server.url.removesuffix("/mcp")))
            if not found["backscroll_requests_in_progress", frozenset()]:
                return found


async def worker_of(server: Process, thread_id: str) -> str:
    """List a message on a new connection; return the id of the process that answered."""
    params = {"name": "list-messages", "arguments": {"thread_id": thread_id}}
    response = await post(server.url, "tools/call", params)
    assert '"isError":false' in response.text, response.text
    return response.headers["x-request-id"].partition("-")[0]


def pids(server: Process) -> set[int]:
    """Return the process ids of a server's workers."""
    return children(server.process.pid)


def children(parent: int) -> set[int]:
    """Return the process ids of the workers that a process has started."""
    found = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="utf-8")
    return {int(pid) for pid in found.split() if b"spawn_main" in _command(pid)}


def _command(pid: str) -> bytes:
    """Return the command line of a process; empty if the process has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def is_importing(pid: int) -> bool:
    """Whether a process has begun to import the server."""
    return b"pydantic_core" in Path(f"/proc/{pid}/maps").read_bytes()


async def all_ended(processes: list[int]) -> None:
    """Wait on each process's pidfd until all have ended."""
    for process in processes:
        with anyio.fail_after(WAIT_S):
            await anyio.wait_readable(process)
        os.close(process)


async def line(server: Process) -> str:
    """Return the next line that reports the end of a worker."""
    assert server.process.stderr is not None
    async with asyncio.timeout(WAIT_S):
        while "starting another" not in (said := (await server.process.stderr.readline()).decode()):
            assert said
    return said
