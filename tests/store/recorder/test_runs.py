"""The responses that run in a process, without a model server."""

import asyncio

from backscroll.database.locks import LOCK_S
from backscroll.store.archive.opening import opened_database
from backscroll.store.recorder.model_server import ModelServer
from backscroll.store.recorder.responses.background.run import Run
from backscroll.store.recorder.responses.background.runs import Runs
from tests.pace import limit_s
from tests.store.recorder.recording import CLOCK, JSON


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
