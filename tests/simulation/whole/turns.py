"""Runs the work of a SQLite database on the event loop, a turn at a time, and not on threads."""

import asyncio
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar, cast

from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection

from backscroll.database.port import Work
from backscroll.database.sqlite_engine import KeptConnection
from backscroll.database.sqlite_threads import Job, Jobs, Serve, serve_writes

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Turns:
    """Takes jobs from a queue like `SqliteThreads`, and runs them with the same functions.

    A job waits for its turn for a time that the seed determines. The jobs that arrive before that
    share its transaction.

    Attributes:
        engine: a pool with one connection.
        serve: runs a job, and possibly more jobs from the queue; returns all jobs that it ran.
        threads: not used.
        rng: determines how long a turn is waited for.
        traced: is called before each statement of a connection that writes.
        wall: returns the wall clock's time for `strftime('%s', 'now')`, in Unix seconds.
    """

    engine: Engine
    serve: Serve
    threads: int = 1
    rng: random.Random = field(kw_only=True)
    traced: Callable[[str], None] = field(kw_only=True)
    wall: Callable[[], float] = field(kw_only=True)
    _jobs: Jobs = field(default_factory=SimpleQueue)
    _kept: KeptConnection = field(init=False)

    def __post_init__(self) -> None:
        """Watch the connection, if it writes."""
        self._kept = KeptConnection(self.engine)
        event.listen(self.engine, "connect", self._set_clock)
        if self.serve is serve_writes:
            # The time for which a transaction accepts jobs is real, so it must not matter.
            self.serve = partial(serve_writes, group_s=math.inf)
            event.listen(self.engine, "connect", self.watch)

    async def run(self, work: Work[T]) -> T:
        """Run `work` in its turn, and return its result or raise its error."""
        loop = asyncio.get_running_loop()
        job: Job[T] = Job(work, loop.create_future())
        if self._jobs.empty():
            loop.call_later(self.rng.random() * 0.02, self.take_turn)
        self._jobs.put(job)
        return await job.future

    def take_turn(self) -> None:
        """Run the jobs that wait."""
        while not self._jobs.empty():
            job = cast("Job[Any]", self._jobs.get())
            done = [job] if job.future.cancelled() else self.serve(self._kept, job, self._jobs)
            for each in done:
                each.settle()

    def close(self) -> None:
        """Run the jobs that wait, then close the connection."""
        self.take_turn()
        self._kept.close()
        self.engine.dispose()

    def _set_clock(self, connection: DBAPIConnection, _record: object) -> None:
        def strftime(form: str, time: str) -> str:
            assert (form, time) == ("%s", "now")
            return str(int(self.wall()))

        cast("Any", connection).create_function("strftime", 2, strftime)

    def watch(self, connection: DBAPIConnection, _record: object) -> None:
        """Watch the statements of a new connection, and let it write to the file early."""
        # With so small a cache, a transaction changes the file long before its commit. So a process
        # that is killed leaves a journal that must be rolled back.
        connection.cursor().execute("PRAGMA cache_size = 8")
        cast("Any", connection).set_trace_callback(self.traced)
