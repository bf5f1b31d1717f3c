"""A store that is killed in the middle of writes loses nothing that it acknowledged."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import STORE
from backscroll_tools.models import JSON
from backscroll_tools.tool import Result
from tests.faults.figures import record, sized
from tests.faults.proxy import Proxy
from tests.faults.upstream import Served, call, client_of
from tests.pace import limit_s, paced_s
from tests.ports import free_port

ROUNDS: Final = sized(quick=3, long=200)
WRITERS: Final = 8


async def _serve(path: Path, port: int) -> asyncio.subprocess.Process:
    """Start `backscroll store` and return it once it serves."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "backscroll", "store", "--port", str(port), "--database", f"sqlite:///{path}"),
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stderr is not None
    said = await asyncio.wait_for(process.stderr.readline(), limit_s(30))
    assert said.startswith(b"The store is at"), said
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.timeout(limit_s(sized(quick=60, long=1_200)))
async def test_what_a_killed_store_acknowledged_is_there_and_there_once(
    tmp_path: Path, seed: int
) -> None:
    source = random.Random(seed)
    path, port = tmp_path / "store.db", free_port()
    store = Served(port, path)
    acknowledged: dict[str, str] = {}
    open_calls: list[str] = []

    begun = asyncio.Event()

    def arguments_of(key: str) -> JSON:
        thread, _, _ = key.partition(" ")
        return {"thread_id": thread, "role": "user", "content": key, "idempotency_key": key}

    async def write(client: Client, prefix: str) -> None:
        """Write until the store is gone; note what is unclear by its key, which is its text."""
        for number in range(10_000):
            key = f"{prefix} {number}"
            outcome = await call(client, "create-message", arguments_of(key), paced_s(5))
            if not isinstance(outcome, Result):
                open_calls.append(key)
                return
            acknowledged[outcome.structured["message"]["id"]] = key
            begun.set()

    async def settle(client: Client, key: str) -> None:
        outcome = await call(client, "create-message", arguments_of(key), limit_s(30))
        assert isinstance(outcome, Result), outcome
        acknowledged[outcome.structured["message"]["id"]] = key

    process = await _serve(path, port)
    thread = await store.new("store")
    async with client_of(Proxy(0, port=port), STORE) as client:
        for number in range(ROUNDS):
            begun.clear()
            prefixes = [f"{thread} {number}-{name}" for name in range(WRITERS)]
            writing = [asyncio.create_task(write(client, prefix)) for prefix in prefixes]
            await begun.wait()
            await asyncio.sleep(source.random() * 0.2)
            process.send_signal(signal.SIGKILL)
            await asyncio.gather(*writing)
            await process.communicate()
            with closing(sqlite3.connect(path)) as database:
                assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            process = await _serve(path, port)
            await asyncio.gather(*(settle(client, key) for key in open_calls))
            open_calls.clear()
            assert store.texts() == acknowledged, f"seed {seed}, round {number}"
    process.terminate()
    await process.communicate()
    record(
        "kill -9 of the store during writes",
        f"{ROUNDS} rounds, {len(acknowledged):,} messages: 0 acknowledged lost, 0 duplicated after "
        "a retry with the same key, the database opened each time",
    )
