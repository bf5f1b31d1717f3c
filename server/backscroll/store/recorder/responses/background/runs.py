"""The responses that this process runs in the background, and those that others left behind."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from sqlalchemy import Connection

from backscroll.database.port import Database
from backscroll.store.api_errors import ApiError
from backscroll.store.clock import Clock
from backscroll.store.database_failures import FAILURES, failure_reply
from backscroll.store.envelopes import JSON
from backscroll.store.recorder.model_server import ModelServer
from backscroll.store.recorder.responses.background import run_rows
from backscroll.store.recorder.responses.background.ended_runs import EndedRuns
from backscroll.store.recorder.responses.background.run import Run
from backscroll.store.recorder.responses.background.run_events import RunEvents
from backscroll.store.recorder.responses.background.run_rows import Key
from backscroll.store.responses import stored_response

_LOST_BEATS: Final = 3
"""After how many beats without a sign a response is given up that another process ran."""

_STOP_S: Final = 5.0
"""How long the responses that run may take to end when the recorder is stopped, in seconds."""

_STOPPED: Final[JSON] = {
    "code": "server_error",
    "message": "The recorder was stopped before the model server had answered.",
}
_LOST: Final[JSON] = {
    "status": "failed",
    "error": {
        "code": "server_error",
        "message": "The process that ran this response ended before the response was complete.",
    },
}


class Runs:
    """The responses that run in the background, and the events of those that ended lately.

    Args:
        database: the store's database.
        clock: the process's clocks.
        server: the model server, with the limits of responses in the background.

    Attributes:
        process: identifies this process in the database.
    """

    def __init__(self, database: Database, clock: Clock, server: ModelServer) -> None:
        self.process = secrets.token_hex(8)
        self._database = database
        self._clock = clock
        self._server = server
        self._running: dict[Key, Run] = {}
        self._ended = EndedRuns(server.events_s, server.all_events_bytes)
        self._unended: dict[Key, JSON] = {}
        self._beginning = 0
        self._beats = 0

    @contextmanager
    def beginning(self) -> Iterator[None]:
        """Keep a place for one more while open.

        Raises:
            ApiError: 429 if too many run.
        """
        limit = self._server.background_runs
        if len(self._running) + self._beginning >= limit:
            message = f"{limit} responses run in the background already. Try again later."
            raise ApiError(
                HTTPStatus.TOO_MANY_REQUESTS,
                message,
                code="too_many_background_responses",
                kind="rate_limit_error",
                headers={"Retry-After": "10"},
            )
        self._beginning += 1
        try:
            yield
        finally:
            self._beginning -= 1

    def start(
        self, key: Key, begun: JSON, answer: Callable[[Run], Coroutine[Any, Any, JSON]]
    ) -> Run:
        """Run a response, whose row was written with the mark of this process.

        Args:
            key: the response.
            begun: the response as it is now.
            answer: asks the model server and records its answer. It returns the error for a
                response that has none yet.
        """
        limit = self._server.events_bytes
        run = Run(key, begun, RunEvents(limit), limit)
        self._running[key] = run
        run.task = asyncio.create_task(self._run(run, answer))
        return run

    def give_up(self, key: Key) -> None:
        """Let a response fail that may have been written, but does not run."""
        self._unended[key] = _STOPPED

    def count(self) -> int:
        """Return how many responses run in this process."""
        return len(self._running)

    def running(self, key: Key) -> Run | None:
        """Return a response that runs in this process; None if it does not."""
        return self._running.get(key)

    def found(self, key: Key) -> Run | None:
        """Return a response if it runs in this process, or ended here lately; otherwise None."""
        return self._running.get(key) or self._ended.found(key, self._clock.monotonic())

    def forget(self, key: Key) -> None:
        """Drop the events of a response that was deleted."""
        self._ended.forget(key)

    async def cancel(self, key: Key) -> None:
        """Cancel a response, of this process or another, if it has not ended yet."""
        fields = {"status": "cancelled", "incomplete_details": None}
        is_cancelled = await self._database.write(
            lambda connection: run_rows.end(connection, key, fields)
        )
        run = self._running.get(key)
        if is_cancelled and run is not None:
            await self._stop(run)

    async def stop(self) -> None:
        """End all responses that run, and record what was received of them."""
        runs = list(self._running.values())
        for run in runs:
            run.stop()
        tasks = [run.task for run in runs if run.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_S)
        try:
            await self._end_late()
        except FAILURES as failed:
            failure_reply(failed)  # logs it, and another process gives them up

    async def keep_up(self) -> None:
        """Say again and again what runs here, and give up what other processes left behind."""
        seen: dict[Key, str] | None = None
        next_look = 0
        while True:
            try:
                if seen is None or self._beats >= next_look:
                    seen = await self._look(seen or {})
                    next_look = self._beats + _LOST_BEATS
                await self._beat()
                await self._end_late()
            except FAILURES as failed:
                failure_reply(failed)  # logs it, and the next round tries again
                seen = None  # while the database fails, no process can give a sign
            await asyncio.sleep(self._server.beat_s)
            self._beats += 1
            self._ended.prune(self._clock.monotonic())

    async def _look(self, earlier: dict[Key, str]) -> dict[Key, str]:
        """Give up the responses without a sign since an earlier look. Return those that run."""
        seen = await self._database.read(run_rows.running, large=True)
        lost = {
            key: mark
            for key, mark in seen.items()
            if earlier.get(key) == mark and key not in self._running
        }
        if lost:
            await self._database.write(partial(run_rows.give_up, lost=lost, fields=_LOST))
        return seen

    async def _beat(self) -> None:
        runs = dict(self._running)
        if not runs:
            return

        def beat(connection: Connection) -> list[Key]:
            return [
                key for key in runs if not run_rows.beat(connection, key, self.process, self._beats)
            ]

        for key in await self._database.write(beat):
            if self._running.get(key) is runs[key]:
                await self._stop(runs[key])

    async def _end_late(self) -> None:
        """End responses that ended while the database failed."""
        for key in list(self._unended.keys() - self._running.keys()):
            if key in self._unended:  # a stop and a beat may do this at the same time
                await self._end(key)

    async def _stop(self, run: Run) -> None:
        """Stop a response that was ended or deleted."""
        run.is_cancelled = True
        run.stop()
        if run.task is not None:
            await asyncio.wait({run.task}, timeout=_STOP_S)

    async def _run(self, run: Run, answer: Callable[[Run], Coroutine[Any, Any, JSON]]) -> None:
        error: JSON = _STOPPED
        run.has_started = True
        try:
            if not run.is_ending:
                error = await answer(run)
        except asyncio.CancelledError:
            pass  # stopped: recorded below
        finally:
            await self._ended_with(run, error)

    async def _ended_with(self, run: Run, error: JSON) -> None:
        response: JSON | None = None
        run.is_ending = True
        self._unended[run.key] = error
        try:
            await self._end(run.key)
            response = await self._database.read(
                lambda connection: stored_response(connection, *run.key)
            )
        except ApiError:
            pass  # deleted
        except FAILURES as failed:
            failure_reply(failed)  # logs it
        finally:
            run.end(response)
            self._running.pop(run.key, None)
            if response is not None:
                self._ended.add(run, self._clock.monotonic())

    async def _end(self, key: Key) -> None:
        """Record that a response has failed, unless it was recorded or ended otherwise."""
        fields = {"status": "failed", "error": self._unended[key]}
        await self._database.write(
            lambda connection: run_rows.end(connection, key, fields, self.process)
        )
        self._unended.pop(key, None)


@asynccontextmanager
async def open_runs(database: Database, clock: Clock, server: ModelServer) -> AsyncIterator[Runs]:
    """Let responses run in the background while open. On exit, those that run are ended."""
    runs = Runs(database, clock, server)
    keeping_up = asyncio.create_task(runs.keep_up())
    try:
        yield runs
    finally:
        keeping_up.cancel()
        await asyncio.gather(keeping_up, return_exceptions=True)
        await runs.stop()
