"""A key is kept for a day, whatever the clocks of the replicas say."""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.faults.figures import sized
from tests.store.clocks import DAY_S, HOUR_S, TODAY_S, YEAR_S, Replica
from tests.store.conftest import Sql
from tests.store.wire import new_thread, page, texts

KEYS_KEPT = "SELECT count(*) FROM idempotency WHERE key LIKE 'old-%'"


@pytest.mark.parametrize("wrong_s", [25 * HOUR_S, 30 * YEAR_S, -30 * YEAR_S])
async def test_a_replica_whose_clock_is_wrong_costs_no_other_its_keys(
    database_url: str, wrong_s: float
) -> None:
    right, wrong = Replica(database_url), Replica(database_url, wrong_s=wrong_s)
    thread_id = await new_thread(await right.api())
    first = await right.write(thread_id, "key")
    for number in range(5):
        await wrong.write(thread_id, f"other-{number}")
    again = await right.write(thread_id, "key")
    assert again.json()["id"] == first.json()["id"]
    listed = texts(await page(await right.api(), f"/threads/{thread_id}/messages"))
    assert listed.count("of key") == 1
    for replica in (right, wrong):
        await replica.close()


async def test_a_process_that_started_in_1970_keeps_its_keys_when_its_clock_is_put_right(
    database_url: str,
) -> None:
    replica = Replica(database_url, wrong_s=-TODAY_S)
    thread_id = await new_thread(await replica.api())
    first = await replica.write(thread_id, "key")
    assert first.json()["created_at"] == 0
    replica.wrong_s = 0.0
    for number in range(5):
        await replica.write(thread_id, f"other-{number}")
    assert (await replica.write(thread_id, "key")).content == first.content
    await replica.close()


async def test_a_key_is_forgotten_once_a_day_has_surely_passed(database_url: str, sql: Sql) -> None:
    replicas = [Replica(database_url), Replica(database_url), Replica(database_url, asleep=True)]
    thread_id = await new_thread(await replicas[0].api())
    for number in range(10):
        await replicas[0].write(thread_id, f"old-{number}")
    for hour in range(25):  # each of which three replicas see, and one counts
        for at, replica in enumerate(replicas):
            replica.let_pass(HOUR_S)
            await replica.write(thread_id, f"hour-{hour}-{at}")
        assert await sql(KEYS_KEPT) == [(10,)], hour
    for hour in range(3):
        replicas[0].let_pass(HOUR_S)
        await replicas[0].write(thread_id, f"later-{hour}")
    assert await sql(KEYS_KEPT) == [(0,)]
    for replica in replicas:
        await replica.close()


async def test_time_that_passed_before_a_key_was_written_does_not_make_it_older(
    database_url: str,
) -> None:
    idle, busy = Replica(database_url), Replica(database_url)
    thread_id = await new_thread(await idle.api())
    await idle.write(thread_id, "before")
    for replica in (idle, busy):
        replica.let_pass(100 * DAY_S)
    first = await busy.write(thread_id, "key")
    for number in range(5):
        await idle.write(thread_id, f"other-{number}")
    assert (await busy.write(thread_id, "key")).content == first.content
    for replica in (idle, busy):
        await replica.close()


async def test_processes_that_live_for_an_hour_forget_keys_too(database_url: str, sql: Sql) -> None:
    replica = Replica(database_url)
    thread_id = await new_thread(await replica.api())
    await replica.write(thread_id, "old-0")
    for life in range(28):
        await replica.restart()
        await replica.api()
        replica.let_pass(HOUR_S)
        await replica.write(thread_id, f"life-{life}")
    assert await sql(KEYS_KEPT) == [(0,)]
    await replica.close()


async def test_processes_whose_clocks_differ_by_decades_write_a_key_once(shared: str) -> None:
    """Real processes, of which each hears a key in a line and says in a line what it made."""
    replica = Replica(shared)
    thread_id = await new_thread(await replica.api())
    years = (0, 30, -30)
    async with AsyncExitStack() as stack:
        processes = [
            await stack.enter_async_context(_process(shared, thread_id, year * YEAR_S))
            for year in years
        ]
        made = await processes[0]("key")
        for at, write in enumerate(processes):
            for number in range(5):
                await write(f"other-{at}-{number}")
            assert await write("key") == made
    listed = await page(await replica.api(), f"/threads/{thread_id}/messages", limit=100)
    assert texts(listed).count("of key") == 1
    await replica.close()


_PROGRAM = """
import asyncio, sys, time
from tests.store.clocks import Replica

async def main():
    url, thread_id, wrong_s = sys.argv[1:]
    replica = Replica(url, wrong_s=float(wrong_s), really=True)
    for line in sys.stdin:
        reply = await replica.write(thread_id, line.strip())
        print(reply.json()["id"], flush=True)
    await replica.close()

asyncio.run(main())
"""


@asynccontextmanager
async def _process(
    url: str, thread_id: str, wrong_s: float
) -> AsyncIterator[Callable[[str], Awaitable[str]]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _PROGRAM, url, thread_id, str(wrong_s)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    asked, answered = process.stdin, process.stdout
    assert asked is not None
    assert answered is not None

    async def write(key: str) -> str:
        asked.write(f"{key}\n".encode())
        return (await answered.readline()).decode().strip()

    yield write
    asked.close()
    assert await process.wait() == 0


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_key_writes_once_in_a_day_whatever_the_clocks_of_its_replicas_do(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        url = f"sqlite:///{tmp_path}/store.db"
        if engine == "postgres":
            server = request.getfixturevalue("postgres")
            url = runner.run(stack.enter_async_context(server.database()))
        _Replicas.runner, _Replicas.url = runner, url
        run_state_machine_as_test(
            _Replicas,
            settings=settings(max_examples=sized(quick=3, long=200), stateful_step_count=20),
        )
        runner.run(stack.aclose())


_REPLICAS = st.integers(0, 2)
_KEYS = st.sampled_from("abc")


class _Replicas(RuleBasedStateMachine):
    """Three replicas, and a model: which message a key made, and when that truly was."""

    runner: ClassVar[asyncio.Runner]
    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.made: dict[str, tuple[str, float]] = {}
        self.fresh = 0
        partition = secrets.token_hex(8)
        self.replicas = [Replica(self.url, partition) for _ in range(3)]
        self.thread_id = self.runner.run(self._thread())

    async def _thread(self) -> str:
        return await new_thread(await self.replicas[0].api())

    @rule(at=_REPLICAS, key=_KEYS)
    def write(self, at: int, key: str) -> None:
        reply = self.runner.run(self.replicas[at].write(self.thread_id, key))
        assert reply.status_code == 200, reply.text
        written: str = reply.json()["id"]
        first, made_at_s = self.made.get(key, (written, self.now_s))
        if written != first:
            assert self.now_s - made_at_s > DAY_S
            made_at_s = self.now_s
        self.made[key] = (written, made_at_s)

    @rule(at=_REPLICAS)
    def write_others(self, at: int) -> None:
        """Write with fresh keys, which is when old ones are removed."""
        for _ in range(2):
            self.fresh += 1
            self.runner.run(self.replicas[at].write(self.thread_id, f"fresh-{self.fresh}"))

    @rule(at=_REPLICAS)
    def fail(self, at: int) -> None:
        self.fresh += 1
        reply = self.runner.run(self.replicas[at].write("thread_missing", f"no-{self.fresh}"))
        assert reply.status_code == 404

    @rule(seconds=st.sampled_from([1.0, 11.0, 600.0, HOUR_S, 2 * HOUR_S, 23 * HOUR_S, 25 * HOUR_S]))
    def let_pass(self, seconds: float) -> None:
        self.now_s += seconds
        for replica in self.replicas:
            replica.let_pass(seconds)

    @rule(awake=_REPLICAS, hours=st.integers(1, 30))
    def let_pass_while_one_writes(self, awake: int, hours: int) -> None:
        for _ in range(hours):
            self.let_pass(HOUR_S)
            self.fresh += 1
            self.runner.run(self.replicas[awake].write(self.thread_id, f"fresh-{self.fresh}"))

    @rule(
        at=_REPLICAS,
        wrong_s=st.sampled_from([0.0, 25 * HOUR_S, -25 * HOUR_S, -TODAY_S])
        | st.floats(-30 * YEAR_S, 30 * YEAR_S),
    )
    def jump(self, at: int, wrong_s: float) -> None:
        self.replicas[at].wrong_s = wrong_s

    @rule(at=_REPLICAS)
    def fall_asleep_or_wake(self, at: int) -> None:
        self.replicas[at].asleep = not self.replicas[at].asleep

    @rule(at=_REPLICAS)
    def restart(self, at: int) -> None:
        self.runner.run(self.replicas[at].restart())

    def teardown(self) -> None:
        for replica in self.replicas:
            self.runner.run(replica.close())
