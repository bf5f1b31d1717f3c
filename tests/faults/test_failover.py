"""A primary of PostgreSQL that fails under load: its synchronous standby takes over.

Each call of a writer is made once, without a key of its own: it must succeed by itself within the
deadline.
"""

import asyncio
import random
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Final, get_args

import asyncpg
import httpx2
import pytest

from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import STORE
from backscroll_tools.tool import Result
from tests.faults.figures import record, sized
from tests.faults.proxy import Proxy
from tests.faults.test_replicas import READERS, WRITERS, replica, walked
from tests.faults.upstream import V2, call, client_of
from tests.loopback import NO_TLS
from tests.pace import limit_s, paced_s
from tests.postgres_cluster import Cluster, How, cluster
from tests.store.replicas import client as store_client

PROMOTIONS: Final = sized(quick=1, long=20)
DEADLINE_S: Final = paced_s(60)
"""The default of BACKSCROLL_DEADLINE_S."""

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="PostgreSQL is promoted by a signal"),
    pytest.mark.timeout(limit_s(sized(quick=60, long=1_800))),
]


@pytest.fixture
def servers() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


async def test_writers_go_on_by_themselves_when_the_standby_takes_over_or_the_primary_restarts(
    servers: Cluster, seed: int
) -> None:
    source = random.Random(seed)
    acknowledged: dict[str, str] = {}
    took: list[float] = []
    async with AsyncExitStack() as stack:
        ports = [(await stack.enter_async_context(replica(servers.url)))[0] for _ in range(2)]
        tools = [
            await stack.enter_async_context(client_of(Proxy(0, port=port), STORE)) for port in ports
        ]
        raw = [
            await stack.enter_async_context(
                httpx2.AsyncClient(
                    verify=NO_TLS,
                    base_url=f"http://127.0.0.1:{port}/v1",
                    headers=V2,
                    timeout=DEADLINE_S,
                )
            )
            for port in ports
        ]
        thread = (await raw[0].post("/threads", json={})).json()["id"]
        news, done = asyncio.Event(), asyncio.Event()
        told, stopped = asyncio.Event(), asyncio.Event()
        readers = [
            asyncio.create_task(
                walked([raw[at % 2], raw[1 - at % 2]], f"/threads/{thread}/messages", news, done)
            )
            for at in range(READERS)
        ]

        async def write(writer: int, client: Client) -> None:
            number = 0
            while not stopped.is_set():
                text = f"{writer} {number}"
                arguments = {"thread_id": thread, "role": "user", "content": text}
                began = time.monotonic()
                outcome = await call(client, "create-message", arguments, DEADLINE_S)
                took.append(time.monotonic() - began)
                assert isinstance(outcome, Result), outcome
                acknowledged[text] = outcome.structured["message"]["id"]
                news.set()
                told.set()
                number += 1

        async def operate() -> None:
            kinds: tuple[How, ...] = get_args(How)
            for number in range(PROMOTIONS):
                await _progress(acknowledged, told, source.randrange(5, 50))
                await servers.fail_over(kinds[number % len(kinds)])
                await servers.add_standby()
                await _progress(acknowledged, told, source.randrange(5, 50))
                await servers.restart_primary()
            await _progress(acknowledged, told, 5)
            stopped.set()

        async with asyncio.TaskGroup() as tasks:
            for writer in range(WRITERS):
                tasks.create_task(write(writer, tools[writer % 2]))
            tasks.create_task(operate())
        done.set()
        news.set()
        views = await asyncio.gather(*readers)
    rows = await _rows(servers)
    order = [row_id for row_id, _ in rows]
    assert {text: row_id for row_id, text in rows} == acknowledged, f"seed {seed}"
    assert len(rows) == len(acknowledged), f"seed {seed}"
    assert [[each["id"] for each in view] for view in views] == [order] * READERS, f"seed {seed}"
    record(
        "a synchronous standby of PostgreSQL promoted under load",
        f"{servers.promotions} promotions and as many restarts with `-m immediate`, "
        f"{len(acknowledged):,} messages of {WRITERS} writers on two replicas, {READERS} readers "
        "walking: 0 acknowledged lost, 0 duplicated, one order for all readers, 0 failed calls; "
        f"the longest call took {max(took):.1f} s",
    )


async def _progress(acknowledged: dict[str, str], told: asyncio.Event, more: int) -> None:
    """Wait until more messages have been acknowledged."""
    wanted = len(acknowledged) + more
    async with asyncio.timeout(limit_s(60)):
        while len(acknowledged) < wanted:
            told.clear()
            await told.wait()


async def _rows(servers: Cluster) -> list[tuple[str, str]]:
    database = await asyncpg.connect(servers.primary_url)
    rows = await database.fetch(
        "SELECT id, content->0->'text'->>'value' AS text FROM messages ORDER BY position"
    )
    await database.close()
    return [(row["id"], row["text"]) for row in rows]


async def test_a_reply_is_replayed_only_once_the_standby_has_what_it_says(
    servers: Cluster,
) -> None:
    waiting = (
        "SELECT pid FROM pg_stat_activity "
        "WHERE application_name = 'backscroll' AND wait_event = 'SyncRep'"
    )
    async with (
        store_client(servers.url) as api,
        servers.connection(servers.primary_url) as operator,
    ):
        thread = (await api.post("/threads", json={})).json()["id"]
        servers.end(servers.standby, "crash")
        body, key = {"role": "user", "content": "once"}, {"Idempotency-Key": "key"}
        writing = asyncio.create_task(
            api.post(f"/threads/{thread}/messages", json=body, headers=key)
        )
        async with asyncio.timeout(limit_s(30)):
            while (first := await operator.fetchval(waiting)) is None:
                pass
            await operator.fetchval("SELECT pg_terminate_backend($1, 5000)", first)
            while await operator.fetchval(waiting) in {None, first}:
                pass
        assert await operator.fetchval("SELECT count(*) FROM messages") == 1
        assert not writing.done()
        await servers.add_standby()
        reply = await writing
        assert reply.status_code == 200
        assert "idempotent-replayed" in reply.headers
        await servers.fail_over("crash")
        assert [text for _, text in await _rows(servers)] == ["once"]
