"""The threads that a database works on: one hop there and one back for all that a request asks.

SQLite answers within the call, so that its calls are made off the event loop. Work runs from its
first statement to its last on one thread.

Writes are committed in groups. Waiting for the disk to have a commit takes longer than most
writes do, so that those which come meanwhile share the next commit: each in a savepoint of its
own, so that one which fails leaves its neighbours alone, and none is answered before the commit.
A write that comes alone waits for nobody.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from backscroll.database.driver_errors import STATEMENT_ALONE, is_busy, leaves_commit_open
from backscroll.database.faults import CommitUnknownError
from backscroll.database.port import Work

GROUP_WRITES: Final = 64
"""The most writes that share a commit."""

GROUP_S: Final = 0.05
"""How many seconds after its beginning a transaction takes no further write."""

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Job(Generic[T]):
    """A piece of work, and what became of it.

    Attributes:
        work: what to do on a connection; may be done again where its transaction was undone.
        future: who waits for it; cancelled where nobody does any more.
        value: what it returned.
        error: what it raised, or what undid it.
    """

    work: Work[T]
    future: asyncio.Future[T]
    value: T | None = field(default=None, init=False)
    error: BaseException | None = field(default=None, init=False)

    def run(self, connection: Connection) -> None:
        """Do the work."""
        self.value = self.work(connection)

    def settle(self) -> None:
        """Tell who waits; on the event loop."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(cast("T", self.value))


Jobs: TypeAlias = "SimpleQueue[Job[Any] | None]"
Serve: TypeAlias = Callable[[Engine, Job[Any], Jobs], list[Job[Any]]]


class SqliteThreads:
    """Threads that take jobs from one queue, started as they are needed.

    Args:
        engine: has a connection for each of them.
        serve: does a job and perhaps some of those behind it, and returns those it did.
        threads: how many threads there are at most.
    """

    def __init__(self, engine: Engine, serve: Serve, threads: int = 1) -> None:
        self._engine = engine
        self._serve = serve
        self._most = threads
        self._threads: list[Thread] = []
        self._jobs: Jobs = SimpleQueue()
        self._open = 0

    async def run(self, work: Work[T]) -> T:
        """Return what `work` returns, or raise what it raises.

        When the caller is cancelled, work that has begun is ended all the same, and work that has
        not is left undone.
        """
        job: Job[T] = Job(work, asyncio.get_running_loop().create_future())
        self._open += 1
        if self._open > len(self._threads) and len(self._threads) < self._most:
            self._threads.append(Thread(target=self._work, name="store", daemon=True))
            self._threads[-1].start()
        self._jobs.put(job)
        return await job.future

    def close(self) -> None:
        """Let what was asked for be done, and close the connections; blocks until it is."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        self._engine.dispose()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            done = [job] if job.future.cancelled() else self._serve(self._engine, job, self._jobs)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                job.future.get_loop().call_soon_threadsafe(self._settle, done)

    def _settle(self, done: list[Job[Any]]) -> None:
        self._open -= len(done)
        for job in done:
            job.settle()


def serve_read(engine: Engine, job: Job[Any], _behind: Jobs) -> list[Job[Any]]:
    """Do one job, outside any transaction."""
    try:
        with engine.connect() as connection:
            job.run(connection)
    except BaseException as error:  # noqa: BLE001 - raised again where the work is awaited
        job.error = error
    return [job]


def serve_writes(
    engine: Engine,
    first: Job[Any],
    behind: Jobs,
    group_writes: int = GROUP_WRITES,
    group_s: float = GROUP_S,
) -> list[Job[Any]]:
    """Do a job, and those that are there by the time that it is done, in one transaction.

    Args:
        engine: has one connection, which writes.
        first: the job.
        behind: those that wait behind it.
        group_writes: the most writes that share a commit.
        group_s: how many seconds after `first` is done the transaction takes another.
    """
    group = [first]
    try:
        with engine.connect() as connection:
            connection.begin()
            first.run(connection)
            for job in _waiting(behind, group_writes, group_s):
                group.append(job)
                _run_beside(job, connection)
            _commit(connection)
    except BaseException as error:  # noqa: BLE001 - raised again where the work is awaited
        if is_busy(error):
            # They would wait as long again, one after another.
            group += _waiting(behind, group_writes, group_s)
        _answer_for_the_lost(engine, group, error)
    return group


def _waiting(behind: Jobs, group_writes: int, group_s: float) -> Iterator[Job[Any]]:
    """Yield the jobs that are there, as long as the transaction may take more."""
    ends_at = time.monotonic() + group_s
    for _ in range(group_writes - 1):
        if time.monotonic() > ends_at:
            return
        try:
            job = behind.get_nowait()
        except Empty:
            return
        if job is None:
            behind.put(None)
            return
        yield job


def _run_beside(job: Job[Any], connection: Connection) -> None:
    """Do a job in a transaction that others share.

    Raises:
        DBAPIError: the transaction itself may be lost.
    """
    if job.future.cancelled():
        return
    connection.exec_driver_sql("SAVEPOINT job")
    try:
        job.run(connection)
    except BaseException as error:
        job.error = error
        if isinstance(error, DBAPIError) and not isinstance(error, STATEMENT_ALONE):
            raise
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT job")
    connection.exec_driver_sql("RELEASE SAVEPOINT job")


def _commit(connection: Connection) -> None:
    """Commit.

    Raises:
        DBAPIError: it was not done.
        CommitUnknownError: it may have been.
    """
    try:
        connection.commit()
    except DBAPIError as error:
        if leaves_commit_open(error):
            connection.invalidate()
            raise CommitUnknownError from error
        raise


def _answer_for_the_lost(engine: Engine, group: list[Job[Any]], error: BaseException) -> None:
    """Do what an undone transaction held once more, each alone, so that each fails for itself.

    What was alone has failed, and so has what another program's lock would only hold up again.
    What may not be undone is not done again: only its caller's key can tell.
    """
    final = is_busy(error) or isinstance(error, CommitUnknownError)
    again = len(group) > 1 and not final
    for job in group:
        job.error = None if again else error
        if again:
            serve_writes(engine, job, SimpleQueue())
