"""Two processes of the store on one database: one order, nothing lost, though one is killed.

On one PostgreSQL they are replicas; on one file of SQLite they are two desktop apps.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx2
import pytest

from backscroll_tools.client.profiles import STORE
from backscroll_tools.tool import Result
from tests.faults.figures import LONG, record, sized
from tests.faults.proxy import Proxy
from tests.faults.upstream import V2, call, client_of
from tests.loopback import NO_TLS
from tests.pace import limit_s
from tests.ports import free_port
from tests.postgres import PostgresServer, postgres_server

WRITERS: Final = 8
CREATES: Final = sized(quick=10, long=2_000)
READERS: Final = 4
KILLS: Final = sized(quick=2, long=60)
ROUND_S: Final = limit_s(30)

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
    pytest.mark.timeout(limit_s(sized(quick=60, long=1_800))),
]


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """The tests' PostgreSQL, or one that waits for the disk where the figures are made."""
    if not LONG:
        yield request.getfixturevalue("postgres")
        return
    with postgres_server() as running:
        yield running


@pytest.fixture
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    if request.param == "SQLite":
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    server: PostgresServer = request.getfixturevalue("server")
    async with server.database() as made:
        yield made


@asynccontextmanager
async def replica(url: str, port: int = 0) -> AsyncIterator[tuple[int, asyncio.subprocess.Process]]:
    """Run `backscroll store` as a process; yield its port, and itself."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "backscroll", "store", "--port", str(port)),
        stderr=subprocess.PIPE,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "BACKSCROLL_DATABASE": url,
        },
    )
    assert process.stderr is not None
    try:
        said = await asyncio.wait_for(process.stderr.readline(), limit_s(30))
        assert said.startswith(b"The store is at"), said
        yield int(said.split(b"127.0.0.1:")[1].split(b"/")[0]), process
    finally:
        if process.returncode is None:
            process.terminate()
        _, logged = await process.communicate()
        sys.stderr.write(logged.decode())  # shown if the test fails


@asynccontextmanager
async def clients(url: str) -> AsyncIterator[Sequence[httpx2.AsyncClient]]:
    """Yield a client of each of two replicas."""
    async with AsyncExitStack() as stack:
        found: list[httpx2.AsyncClient] = []
        for _ in range(2):
            port, _process = await stack.enter_async_context(replica(url))
            base = f"http://127.0.0.1:{port}/v1"
            client = httpx2.AsyncClient(verify=NO_TLS, base_url=base, headers=V2, timeout=ROUND_S)
            found.append(await stack.enter_async_context(client))
        yield found


async def walked(
    replicas: Sequence[httpx2.AsyncClient], path: str, news: asyncio.Event, done: asyncio.Event
) -> list[dict[str, Any]]:
    """Walk a list from its beginning while it grows, each page from the other replica.

    At the end of what there is, wait for `news` of an acknowledged write, until all are `done`.
    """
    seen: list[dict[str, Any]] = []
    for api in cycle(replicas):
        ending = done.is_set()
        if not ending:  # another reader may not have seen the last news yet
            news.clear()
        params: dict[str, str | int] = {"order": "asc", "limit": 100}
        if seen:
            params["after"] = seen[-1]["id"]
        reply = await api.get(path, params=params)
        assert reply.status_code == 200, reply.text
        page = reply.json()
        seen += page["data"]
        if ending and not page["data"]:
            break
        if not page["data"] and not done.is_set():
            await asyncio.wait_for(news.wait(), ROUND_S)
    return seen


@pytest.mark.parametrize(
    ("url", "kinds"),
    [("PostgreSQL", ("threads", "messages", "items")), ("SQLite", ("threads", "messages"))],
    indirect=["url"],
    ids=["PostgreSQL", "SQLite"],
)
async def test_writers_on_two_replicas_make_one_order_that_every_reader_sees(
    url: str, kinds: Sequence[str]
) -> None:
    async with clients(url) as replicas:
        for kind in kinds:
            await _assert_one_order(replicas, kind)
            record(
                f"two {'replicas on one PostgreSQL' if '@' in url else 'processes on one file'}, "
                f"{kind}",
                f"{WRITERS} writers × {CREATES:,} creates, alternating, {READERS} readers walking: "
                "0 lost, 0 duplicated, 0 missed, one order for all readers",
            )


async def _assert_one_order(replicas: Sequence[httpx2.AsyncClient], kind: str) -> None:
    """Let all writers write objects of a kind while all readers walk the list of them."""
    thread = (await replicas[0].post("/threads", json={})).json()["id"]
    conversation = (await replicas[1].post("/conversations", json={})).json()["id"]
    path = {
        "messages": f"/threads/{thread}/messages",
        "threads": "/threads",
        "items": f"/conversations/{conversation}/items",
    }[kind]
    acknowledged: list[str] = []
    news, done = asyncio.Event(), asyncio.Event()

    async def write(writer: int) -> None:
        for number in range(CREATES):
            text = f"{writer} {number}"
            bodies: dict[str, dict[str, Any]] = {
                "messages": {"role": "user", "content": text},
                "threads": {"metadata": {"text": text}},
                "items": {"items": [{"role": "user", "content": text}]},
            }
            api = replicas[(writer + number) % 2]
            key = {"Idempotency-Key": f"{kind} {text}"}
            reply = await api.post(path, json=bodies[kind], headers=key)
            assert reply.status_code == 200, reply.text
            made = reply.json()
            acknowledged.append(made["data"][0]["id"] if kind == "items" else made["id"])
            news.set()

    readers = [
        asyncio.create_task(walked([replicas[at % 2], replicas[1 - at % 2]], path, news, done))
        for at in range(READERS)
    ]
    await asyncio.gather(*map(write, range(WRITERS)))
    done.set()
    news.set()
    views = await asyncio.gather(*readers)

    orders = [[each["id"] for each in view] for view in views]
    texts = [_text(kind, each) for each in views[0] if each["id"] != thread]
    assert orders == [orders[0]] * READERS
    assert sorted(set(orders[0]) - {thread}) == sorted(acknowledged)
    assert len(orders[0]) == len(set(orders[0]))
    assert sorted(texts) == sorted(
        f"{writer} {number}" for writer in range(WRITERS) for number in range(CREATES)
    )
    # What one writer wrote after another was acknowledged comes after it.
    places = {text: at for at, text in enumerate(texts)}
    for writer in range(WRITERS):
        of_writer = [places[f"{writer} {number}"] for number in range(CREATES)]
        assert of_writer == sorted(of_writer)


def _text(kind: str, each: dict[str, Any]) -> str:
    match kind:
        case "messages":
            text = each["content"][0]["text"]["value"]
        case "items":
            text = each["content"][0]["text"]
        case _:
            text = each["metadata"]["text"]
    return str(text)


@pytest.mark.parametrize("url", ["PostgreSQL"], indirect=True)
async def test_a_replica_that_is_killed_under_load_loses_nothing_that_it_acknowledged(
    url: str, seed: int
) -> None:
    source = random.Random(seed)
    acknowledged: dict[str, str] = {}
    unclear = 0
    async with AsyncExitStack() as stack:
        ports = [free_port(), free_port()]
        opened = [replica(url, port) for port in ports]
        running = [(await each.__aenter__())[1] for each in opened]
        tools = [
            await stack.enter_async_context(client_of(Proxy(0, port=port), STORE)) for port in ports
        ]
        async with httpx2.AsyncClient(verify=NO_TLS, headers=V2, timeout=ROUND_S) as http:
            made = await http.post(f"http://127.0.0.1:{ports[0]}/v1/threads", json={})
        thread = made.json()["id"]
        killing, told = True, asyncio.Event()

        async def write(writer: int) -> None:
            """Write with a key, and where no answer comes, ask the other replica with the same."""
            nonlocal unclear
            number = 0
            while killing:
                text = f"{writer} {number}"
                outcome: object = None
                for attempt in range(20):
                    client = tools[(writer + number + attempt) % 2]
                    arguments = {
                        "thread_id": thread,
                        "role": "user",
                        "content": text,
                        "idempotency_key": text,
                    }
                    outcome = await call(client, "create-message", arguments, 10)
                    if isinstance(outcome, Result):
                        acknowledged[text] = outcome.structured["message"]["id"]
                        told.set()
                        break
                    unclear += 1
                    await asyncio.sleep(0.1)  # a replica takes its time to be there again
                else:
                    raise AssertionError(outcome)
                number += 1

        writing = [asyncio.create_task(write(writer)) for writer in range(WRITERS)]
        for number in range(KILLS):
            told.clear()
            await asyncio.wait_for(told.wait(), limit_s(30))  # the load is to be under way
            await asyncio.sleep(source.random() * 0.3)
            at = number % 2
            running[at].send_signal(signal.SIGKILL)
            await opened[at].__aexit__(None, None, None)
            opened[at] = replica(url, ports[at])
            running[at] = (await opened[at].__aenter__())[1]
        killing = False
        await asyncio.gather(*writing)
        for each in opened:
            await each.__aexit__(None, None, None)
    database = await asyncpg.connect(url)
    rows = await database.fetch(
        "SELECT id, content->0->'text'->>'value' AS text FROM messages ORDER BY position"
    )
    await database.close()
    assert {row["text"]: row["id"] for row in rows} == acknowledged, f"seed {seed}"
    assert len(rows) == len(acknowledged), f"seed {seed}"
    record(
        "kill -9 of one of two replicas under load",
        f"{KILLS} kills, {len(acknowledged):,} messages of {WRITERS} writers, {unclear} calls "
        "asked again of the other replica with the same key: 0 acknowledged lost, 0 duplicated",
    )
