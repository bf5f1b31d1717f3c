"""The index is what a scan of the messages finds, whenever a writer is killed."""

import asyncio
import multiprocessing
import random
import sys

import pytest

from backscroll.store.app import open_store
from tests import chance
from tests.faults.figures import record, sized
from tests.pace import limit_s
from tests.store.conftest import Sql
from tests.store.search import writer
from tests.store.search.contents import indexed, scanned

ROUNDS = sized(quick=2, long=100)
END_WRITERS = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
"""Waits until the server has rolled back what killed writers have not committed."""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.timeout(limit_s(sized(quick=60, long=1_800)))
async def test_the_index_is_what_a_scan_finds_after_two_writers_were_killed(
    sql: Sql, database_url: str
) -> None:
    postgres = database_url.startswith("postgres")
    seed = chance.SEED
    source = random.Random(seed)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([writer.__name__])
    async with open_store(database_url):
        pass
    killed = messages = 0
    for number in range(ROUNDS):
        begun = [processes.Event() for _ in range(2)]
        writers = [
            processes.Process(
                target=writer.write, args=(database_url, source.randrange(1 << 32), event)
            )
            for event in begun
        ]
        for each in writers:
            each.start()
        for event in begun:
            assert await asyncio.to_thread(event.wait, limit_s(30))
        for each in writers:
            await asyncio.sleep(source.random() * 0.1)
            each.kill()
            killed += 1
        for each in writers:
            await asyncio.to_thread(each.join)
        if postgres:
            await sql(END_WRITERS)
        found = await indexed(sql, postgres=postgres)
        assert found == await scanned(sql, postgres=postgres), f"seed {seed}, round {number}"
        messages = len(found)
    assert messages
    engine = "PostgreSQL" if postgres else "SQLite"
    record(
        f"kill -9 of writers to the search index, {engine}",
        f"{killed} writers killed in pairs: 0 differences between the index and a scan of "
        f"{messages:,} messages",
    )
