"""Runs database work on threads, because SQLite's calls would block the event loop.

All statements of one piece of work run on the same thread.

Writes are committed in groups, because syncing a commit to disk takes longer than a typical write.
Writes that arrive during a commit share the next commit. Each write has its own savepoint, so that
a failed write does not affect the other writes in its group. The work that the writes defer (see
the module `deferred`) is done once for the whole group, before the commit. A write returns after
its group is committed. If the queue is empty, a write is committed alone, and at once.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeAlias, TypeVar, cast

from msgspec import Struct
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from backscroll.database import deferred
from backscroll.database.driver_errors import STATEMENT_ERRORS, is_busy, may_have_committed
from backscroll.database.faults import CommitUnknownError
from backscroll.database.port import Work
from backscroll.database.sqlite_engine import KeptConnection
from backscroll.database.sqlite_file import is_at_path

if TYPE_CHECKING:
    import sqlite3

GROUP_WRITES: Final = 64
"""The maximum number of writes that share a commit."""

GROUP_S: Final = 0.05
"""How long a transaction accepts more writes, in seconds from the end of its first write."""

T = TypeVar("T")


class Job(Struct, Generic[T], eq=False):
    """A piece of work and its outcome.

    Attributes:
        work: runs on a connection. It may run again if its transaction was rolled back.
        future: gets the outcome. It is cancelled if the caller is cancelled.
        value: the result of the work.
        error: the error of the work or of its transaction; None if both succeeded.
    """

    work: Work[T]
    future: asyncio.Future[T]
    value: T | None = None
    error: BaseException | None = None

    def run(self, connection: Connection) -> None:
        """Run the work, and store its result."""
        self.value = self.work(connection)

    def settle(self) -> None:
        """Set the outcome of the future. Call this on the event loop."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(cast("T", self.value))


Jobs: TypeAlias = "SimpleQueue[Job[Any] | None]"
Serve: TypeAlias = Callable[[KeptConnection, Job[Any], Jobs], list[Job[Any]]]


class Workers(Protocol):
    """What runs the work on an engine's connections."""

    async def run(self, work: Work[T]) -> T:
        """Run `work`, and return its result or raise its error."""

    def close(self) -> None:
        """Block until the work so far is finished, then close the connections."""


class StartWorkers(Protocol):
    """Starts workers. `SqliteThreads` documents the arguments."""

    def __call__(self, engine: Engine, serve: Serve, threads: int = 1) -> Workers:
        """Return workers for an engine."""


class SqliteThreads:
    """Threads that take jobs from one queue. A thread starts only when it is needed.

    Args:
        engine: a pool with one connection for each thread.
        serve: runs a job, and possibly more jobs from the queue; returns all jobs that it ran.
        threads: the maximum number of threads.
    """

    def __init__(self, engine: Engine, serve: Serve, threads: int = 1) -> None:
        self._engine = engine
        self._serve = serve
        self._most = threads
        self._threads: list[Thread] = []
        self._jobs: Jobs = SimpleQueue()
        self._open = 0

    async def run(self, work: Work[T]) -> T:
        """Run `work` on a thread, and return its result or raise its error.

        If the caller is cancelled before `work` starts, `work` does not run. If the caller is
        cancelled later, `work` continues.
        """
        job: Job[T] = Job(work, asyncio.get_running_loop().create_future())
        self._open += 1
        if self._open > len(self._threads) and len(self._threads) < self._most:
            self._threads.append(Thread(target=self._work, name="store", daemon=True))
            self._threads[-1].start()
        self._jobs.put(job)
        return await job.future

    def close(self) -> None:
        """Block until the queued jobs are finished, then close the connections."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        self._engine.dispose()

    def _work(self) -> None:
        kept = KeptConnection(self._engine)
        while (job := self._jobs.get()) is not None:
            done = [job] if job.future.cancelled() else self._serve(kept, job, self._jobs)
            with suppress(RuntimeError):  # the event loop is closed, so no caller waits
                job.future.get_loop().call_soon_threadsafe(self._settle, done)
        kept.close()

    def _settle(self, done: list[Job[Any]]) -> None:
        self._open -= len(done)
        for job in done:
            job.settle()


def serve_read(kept: KeptConnection, job: Job[Any], _queue: Jobs) -> list[Job[Any]]:
    """Run one job outside a transaction."""
    try:
        with kept.use() as connection:
            job.run(connection)
        kept.close()
    except BaseException as error:  # noqa: BLE001 - raised again where the work is awaited
        job.error = error
    return [job]


def serve_writes(
    kept: KeptConnection,
    first: Job[Any],
    queue: Jobs,
    group_writes: int = GROUP_WRITES,
    group_s: float = GROUP_S,
) -> list[Job[Any]]:
    """Run and commit a job in one transaction, together with jobs from the queue.

    The transaction accepts jobs until the queue is empty or a limit is reached.

    Args:
        kept: the thread's connection, for writes.
        first: the first job.
        queue: the jobs that wait behind the first job.
        group_writes: the maximum number of writes that share a commit.
        group_s: how long the transaction accepts more jobs, in seconds from the end of the first
            job.
    """
    group = [first]
    try:
        with kept.use() as connection:
            connection.begin()
            deferred.restore(connection, {})
            first.run(connection)
            for job in _queued(queue, group_writes, group_s):
                group.append(job)
                _run_in_savepoint(job, connection)
            deferred.settle(connection)
            _commit(connection)
    except BaseException as error:  # noqa: BLE001 - raised again where the work is awaited
        if is_busy(error):
            # The queued jobs fail too. Otherwise they would wait for the same lock, one after
            # another.
            group += _queued(queue, group_writes, group_s)
        _repeat_separately(kept, group, error)
    return group


def _queued(queue: Jobs, group_writes: int, group_s: float) -> Iterator[Job[Any]]:
    """Yield jobs until the queue is empty, or the transaction has enough jobs or is too old."""
    ends_at = time.monotonic() + group_s
    for _ in range(group_writes - 1):
        if time.monotonic() > ends_at:
            return
        try:
            job = queue.get_nowait()
        except Empty:
            return
        if job is None:
            queue.put(None)
            return
        yield job


def _run_in_savepoint(job: Job[Any], connection: Connection) -> None:
    """Run a job in a savepoint of its group's transaction.

    Raises:
        DBAPIError: an error after which the whole transaction may be lost.
    """
    if job.future.cancelled():
        return
    # The driver is called directly, because SQLAlchemy is slower. If the driver raises an error,
    # the group is rolled back and its jobs are repeated, so no caller sees the driver's error.
    execute = cast("sqlite3.Connection", connection.connection.driver_connection).execute
    waiting = deferred.kept(connection)
    execute("SAVEPOINT job")
    try:
        job.run(connection)
    except BaseException as error:
        job.error = error
        if isinstance(error, DBAPIError) and not isinstance(error, STATEMENT_ERRORS):
            raise
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT job")
        deferred.restore(connection, waiting)
    execute("RELEASE SAVEPOINT job")


def _commit(connection: Connection) -> None:
    """Commit the connection's transaction to the file at the database's path.

    Raises:
        DBAPIError: the transaction was not committed.
        CommitUnknownError: the transaction may have been committed.
    """
    try:
        connection.commit()
    except DBAPIError as error:
        if may_have_committed(error):
            connection.invalidate()
            raise CommitUnknownError from error
        raise
    if not is_at_path(connection.info):
        raise CommitUnknownError  # the file was moved away, but may be moved back


def _repeat_separately(kept: KeptConnection, group: list[Job[Any]], error: BaseException) -> None:
    """Run each job of a failed transaction again in its own transaction.

    Then only the faulty jobs fail. Jobs are not repeated if the group has only one job, if the
    database was locked, or if the transaction may have been committed.
    """
    final = is_busy(error) or isinstance(error, CommitUnknownError)
    repeat = len(group) > 1 and not final
    for job in group:
        job.error = None if repeat else error
        if repeat:
            serve_writes(kept, job, SimpleQueue())
