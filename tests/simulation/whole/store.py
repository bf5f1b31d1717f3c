"""The store as a process that can be killed, and starts again on what it left on disk."""

import asyncio
import math
import random
import shutil
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import httpx2
from sqlalchemy import Engine

from backscroll.database.sqlite import open_sqlite
from backscroll.database.sqlite_threads import Serve
from backscroll.store.app import attended_store
from backscroll.store.clock import Clock
from backscroll.store.upkeep.expiry import DaysOf
from tests.simulation.whole.turns import Turns

EPOCH_S: Final = 1_700_000_000
"""The Unix time at which the clock of the simulation is 0."""

_DOWN_S: Final = 4.0
"""The maximum time from a kill to the start of the next process, in seconds."""

App: TypeAlias = Callable[..., Coroutine[Any, Any, None]]
"""An ASGI application."""

Reply: TypeAlias = tuple[int, list[tuple[bytes, bytes]], bytes]
"""A status, headers and a body."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the store that a test may replace by broken ones.

    Attributes:
        serve: returns the application to serve, given the store's.
        turns: runs the work of the database.
    """

    serve: Callable[[App], App] = lambda app: app
    turns: type[Turns] = Turns


@dataclass(slots=True, eq=False)
class Process:
    """One process of the store, until it is killed.

    Attributes:
        path: its database.
        next_path: where the files are copied to at the moment at which it is killed. The process
            may still do a few things after that, as nothing in one interpreter ends at once; they
            happen to files that nobody reads again.
        app: the application; None until the database is open.
        killed: set when it is killed.
    """

    path: Path
    next_path: Path
    app: App | None = None
    killed: asyncio.Event = field(default_factory=asyncio.Event)
    _statements: float = math.inf
    _requests: dict[asyncio.Task[None], asyncio.Future[Reply | None]] = field(default_factory=dict)

    def arrive(self, request: httpx2.Request) -> asyncio.Future[Reply | None]:
        """Carry out a request, whether or not anybody waits for the reply.

        Returns:
            The reply; None if the process was killed before it.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply | None] = loop.create_future()
        task = loop.create_task(self._carried_out(request, future))
        self._requests[task] = future
        task.add_done_callback(lambda done: self._requests.pop(done, None))
        return future

    async def _carried_out(
        self, request: httpx2.Request, future: asyncio.Future[Reply | None]
    ) -> None:
        assert self.app is not None
        response = await httpx2.ASGITransport(self.app).handle_async_request(request)
        reply = response.status_code, response.headers.raw, await response.aread()
        if self._statements < math.inf:
            self.kill()
        if not future.done():
            future.set_result(reply)

    def kill_at(self, statement: int) -> None:
        """Kill the process at a later statement, and at the latest before the next reply."""
        self._statements = statement

    def traced(self, _statement: str) -> None:
        """Count a statement that is about to run."""
        self._statements -= 1
        if self._statements <= 0:
            self.kill()

    def kill(self) -> None:
        """End the process at once. Only what is on disk at this moment remains."""
        if self.killed.is_set():
            return
        for suffix in ("", "-journal", "-wal"):
            file = self.path.with_name(self.path.name + suffix)
            if file.exists():
                shutil.copyfile(file, self.next_path.with_name(self.next_path.name + suffix))
        self.killed.set()
        for task, future in list(self._requests.items()):
            if not future.done():
                future.set_result(None)
            task.cancel()


@dataclass(slots=True, eq=False)
class Store:
    """The store's machine: one process after another.

    Attributes:
        seed: the seed.
        folder: where its databases are.
        parts: what a test may replace.
        days_of: how many days each partition keeps its messages; None for ever.
        set_s: by how many seconds the wall clock is set ahead.
        kills: how many processes were killed.
    """

    seed: int
    folder: Path
    parts: Parts
    days_of: DaysOf | None = None
    set_s: float = 0.0
    kills: int = 0
    _process: Process | None = None
    _started: asyncio.Event = field(default_factory=asyncio.Event)

    def wall(self) -> float:
        """Return the time of the machine's wall clock, in Unix seconds."""
        return EPOCH_S + asyncio.get_running_loop().time() + self.set_s

    @property
    def process(self) -> Process | None:
        """The process that answers requests; None if no process does at this time."""
        process = self._process
        return None if process is None or process.killed.is_set() else process

    async def started(self) -> Process:
        """Wait until a process answers, and return it."""
        while (process := self.process) is None:
            self._started.clear()
            await self._started.wait()
        return process

    async def keep_running(self) -> None:
        """Run one process after another, until cancelled."""
        while True:
            rng = random.Random(f"{self.seed} store {self.kills}")
            path, next_path = (self.folder / f"{at}.db" for at in (self.kills, self.kills + 1))
            process = Process(path, next_path)
            await self._run(process, rng)
            self.kills += 1
            await asyncio.sleep(rng.random() * _DOWN_S)

    async def _run(self, process: Process, rng: random.Random) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        clock = Clock(self.wall, lambda: loop.time() - began)
        turns = self.parts.turns

        def workers(engine: Engine, serve: Serve, threads: int = 1) -> Turns:
            return turns(engine, serve, threads, rng=rng, traced=process.traced, wall=self.wall)

        async with (
            open_sqlite(
                f"sqlite:///{process.path}", "store", on_loop_s=math.inf, workers=workers
            ) as database,
            attended_store(database, clock, days_of=self.days_of) as store,
        ):
            process.app = self.parts.serve(store.app)
            self._process = process
            self._started.set()
            await process.killed.wait()
