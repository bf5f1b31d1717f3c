"""The responses that run in a process, without a model server."""

import asyncio

from backscroll.database.locks import LOCK_S
from backscroll.database.port import Database, T, Work
from backscroll.store.archive.opening import opened_database
from backscroll.store.recorder.model_server import ModelServer
from backscroll.store.recorder.responses.background.run import Run
from backscroll.store.recorder.responses.background.runs import Runs
from tests.pace import limit_s
from tests.store.recorder.recording import CLOCK, JSON
from tests.store.wrapped import WrappedDatabase


class HeldOnce(WrappedDatabase):
    """A database whose first write waits, while others go on.

    Attributes:
        may: set to let it go on.
    """

    def __init__(self, database: Database) -> None:
        self.may = asyncio.Event()
        super().__init__(database)
        self._is_held = False

    async def write(self, work: Work[T], turn: str = "") -> T:
        if not self._is_held:
            self._is_held = True
            await self.may.wait()
        return await super().write(work, turn)


async def test_one_that_is_stopped_before_its_first_step_comes_to_an_end() -> None:
    asked: list[Run] = []

    async def answer(run: Run) -> JSON:
        asked.append(run)
        return {}

    async with (
        asyncio.timeout(limit_s(10)),
        opened_database("sqlite://", LOCK_S, indexes_tools=False) as database,
    ):
        runs = Runs(database, CLOCK, ModelServer(url="http://127.0.0.1:9/v1"))
        run = runs.start(("default", "resp_1"), {"id": "resp_1"}, answer)
        await runs.stop()
        events = b"".join([part async for part in run.events.follow(-1)])
    assert events.count(b"\n\n") == 2
    assert (runs.count(), asked) == (0, [])


async def test_those_that_could_not_be_recorded_are_ended_by_a_stop_and_a_beat_at_once() -> None:
    async with opened_database("sqlite://", LOCK_S, indexes_tools=False) as database:
        held = HeldOnce(database)
        runs = Runs(held, CLOCK, ModelServer(url="http://127.0.0.1:9/v1"))
        for number in range(3):
            runs.give_up(("default", f"resp_{number}"))
        stopping = asyncio.create_task(runs.stop())
        await asyncio.sleep(0)
        await runs.stop()
        held.may.set()
        await stopping
