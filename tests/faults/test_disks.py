"""Disks that fail under real processes: full, and the file gone, while they are written and walked.

A full disk is made by a limit of the process on the size of its files (RLIMIT_FSIZE), which takes
no privilege and can be lifted again while the process runs.
"""

import asyncio
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import COMPATIBLE, STORE, Profile
from backscroll_tools.errors import ToolError
from backscroll_tools.tool import Result
from tests.faults.proxy import Proxy
from tests.faults.upstream import Served, call, client_of

LONG: Final = "a canary in a message " * 2_000
DEADLINE_S: Final = 20.0

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's")


@dataclass(frozen=True)
class Process:
    """A store's server in a process of its own."""

    pid: int
    path: Path
    port: int
    log: list[str]

    def limit(self, size: int) -> None:
        """Let no file of the process grow beyond a size, in bytes; -1 for any."""
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def texts(self) -> list[str]:
        with closing(sqlite3.connect(self.path)) as database:
            rows = database.execute("SELECT content FROM messages ORDER BY position").fetchall()
        return [json.loads(content)[0]["text"]["value"] for (content,) in rows]


@asynccontextmanager
async def process_of(path: Path) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "backscroll", "store", "--port", "0", "--database", f"sqlite:///{path}"),
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stderr is not None
    log: list[str] = []
    try:
        said = (await asyncio.wait_for(process.stderr.readline(), DEADLINE_S)).decode()
        port = int(said.split()[4].rpartition(":")[2].partition("/")[0])
        reading = asyncio.create_task(read(process.stderr, log))
        yield Process(process.pid, path, port, log)
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
    await reading


async def read(stream: asyncio.StreamReader, into: list[str]) -> None:
    into.extend([line.decode() async for line in stream])


async def created(client: Client, thread: str, text: str, key: str = "") -> Result | ToolError:
    arguments = {"thread_id": thread, "role": "user", "content": text}
    if key:
        arguments["idempotency_key"] = key
    return await call(client, "create-message", arguments, DEADLINE_S)


@pytest.mark.parametrize("profile", [STORE, COMPATIBLE], ids=["store", "compatible"])
async def test_a_full_disk_is_known_to_have_written_nothing_and_ends_without_a_restart(
    tmp_path: Path, profile: Profile
) -> None:
    async with (
        process_of(tmp_path / "store.db") as store,
        client_of(Proxy(0, port=store.port), profile) as client,
    ):
        thread = await Served(store.port, store.path).new("store")
        assert isinstance(await created(client, thread, "before"), Result)
        store.limit(store.path.stat().st_size)

        refused = await created(client, thread, LONG)
        assert isinstance(refused, ToolError)
        assert (refused.code, "nothing was written" in refused.retry) == (
            "upstream_unavailable",
            True,
        )
        if profile is STORE:
            assert refused.message == (
                "The database failed: its engine reported an error (SQLITE_IOERR_WRITE). "
                "Nothing was written."
            )
            assert refused.next_step.startswith("Ask the operator to run backscroll doctor")
            assert refused.retry.startswith("safe, but pointless until the database is fixed")
        walked = await call(client, "list-messages", {"thread_id": thread}, DEADLINE_S)
        assert isinstance(walked, Result)
        assert store.texts() == ["before"]

        store.limit(resource.RLIM_INFINITY)
        assert isinstance(await created(client, thread, LONG, "key"), Result)
        assert isinstance(await created(client, thread, LONG, "key"), Result)
        assert store.texts() == ["before", LONG]
    (line,) = [line for line in store.log if "SQLITE_IOERR_WRITE" in line]
    assert str(store.path) in line
    assert "canary" not in "".join(store.log)


async def test_a_file_that_comes_and_goes_loses_nothing_that_was_acknowledged(
    tmp_path: Path,
) -> None:
    async with (
        process_of(tmp_path / "store.db") as store,
        client_of(Proxy(0, port=store.port), STORE) as client,
    ):
        thread = await Served(store.port, store.path).new("store")
        elsewhere = store.path.with_name("elsewhere.db")
        acknowledged: list[str] = []
        refused = 0

        async def write(name: int) -> None:
            nonlocal refused
            for at in range(20):
                outcome = await created(client, thread, f"{name} {at}", f"{name} {at}")
                if isinstance(outcome, Result):
                    acknowledged.append(f"{name} {at}")
                else:
                    assert outcome.code in {"upstream_unavailable", "outcome_unknown"}
                    refused += 1

        async def come_and_go() -> None:
            for _ in range(10):
                await asyncio.sleep(0.02)
                store.path.rename(elsewhere)
                await asyncio.sleep(0.02)
                elsewhere.rename(store.path)

        await asyncio.gather(come_and_go(), *(write(name) for name in range(4)))
        texts = store.texts()
        assert set(acknowledged) <= set(texts)
        assert len(texts) == len(set(texts))


async def test_an_import_onto_a_full_disk_ends_in_one_line_and_goes_on_later(
    tmp_path: Path,
) -> None:
    path, source = tmp_path / "store.db", tmp_path / "source"
    source.mkdir()
    count = 75
    texts = [f"{at} {LONG[:20_000]}" for at in range(count)]
    lines = [{"messages": [{"role": "user", "content": text}]} for text in texts]
    (source / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    turns = [[{"from": "human", "value": text}, {"from": "gpt", "value": "Yes"}] for text in texts]
    (source / "b.json").write_text(json.dumps([{"conversations": each} for each in turns]))

    async def run(size: int) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "backscroll", "import", str(source), "--database", f"sqlite:///{path}"),
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY)
            ),
        )
        out, err = await process.communicate()
        return process.returncode, (out + err).decode()

    code, said = await run(count * 35_000)
    assert code == 2, said
    assert said.splitlines()[-1] == (
        f"backscroll: the database {path}: its engine reported an error (SQLITE_IOERR_WRITE); "
        "run backscroll doctor for details"
    )
    assert "canary" not in said
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (threads,) = database.execute("SELECT count(*) FROM threads").fetchone()
        (conversations,) = database.execute("SELECT count(*) FROM conversations").fetchone()
        (items,) = database.execute("SELECT count(*) FROM items").fetchone()
        assert (threads, items) == (count, 2 * conversations)
        kept = threads + conversations
        assert count < kept < 2 * count

    code, said = await run(resource.RLIM_INFINITY)
    assert code == 0, said
    assert f"{2 * count - kept} imported, {kept} already there, 0 refused" in said
