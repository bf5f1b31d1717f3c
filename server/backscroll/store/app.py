"""The store: an open database, and an ASGI application that serves it with OpenAI's API."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute

from backscroll.database.faults import (
    CommitUnknownError,
    DatabaseBusyError,
    DatabaseUnavailableError,
    NothingWrittenError,
)
from backscroll.database.locks import LOCK_S
from backscroll.database.port import Database
from backscroll.store.api_errors import ApiError
from backscroll.store.archive.archive import Archive
from backscroll.store.archive.opening import kept_whole, opened_database
from backscroll.store.clock import Clock
from backscroll.store.database_failures import FAILURES
from backscroll.store.error_replies import handle_error
from backscroll.store.idempotency import IdempotencyKeys
from backscroll.store.retention import RetentionClock
from backscroll.store.routes import all_routes
from backscroll.store.search import backfill

if TYPE_CHECKING:
    from backscroll.store.recorder.model_server import ModelServer
    from backscroll.store.recorder.opening import Recorder
    from backscroll.store.search.embeddings import Endpoint
    from backscroll.store.search.meanings import Meanings
    from backscroll.store.upkeep.expiry import DaysOf

UPKEEP_AFTER_S: Final = 60.0
"""How long after the opening the work of `upkeep` begins, in seconds."""
ERASING_S: Final = 5.0
"""How long the closing may wait until what was deleted is erased, in seconds."""

_CLOCK: Final = Clock()


class Store(Archive, frozen=True):
    """An open store.

    Attributes:
        app: serves OpenAI's API under `/v1`, to `httpx2.ASGITransport` or a server. It has no
            lifespan events, because `open_store` opens and closes the database.
    """

    app: Starlette
    _recorder: "Recorder | None" = None

    async def stop(self) -> None:
        """End what runs in the background for callers, and record it. Closing the store does too.

        For a process that may be killed before it closes the store.
        """
        if self._recorder is not None:
            await self._recorder.runs.stop()

    async def check(self) -> None:
        """Check that the database can be read and written, like `Database.check`."""
        await self._database.check()


@asynccontextmanager
async def open_store(  # noqa: PLR0913 - what an operator chooses, and the clocks of tests
    database: str,
    clock: Clock = _CLOCK,
    lock_s: float = LOCK_S,
    *,
    indexes_tools: bool = False,
    endpoint: "Endpoint | None" = None,
    days_of: "DaysOf | None" = None,
    upkeep_after_s: float = UPKEEP_AFTER_S,
    erasing_s: float = ERASING_S,
    standby: str = "",
    model_server: "ModelServer | None" = None,
) -> AsyncIterator[Store]:
    """Open the store in a database, and close it on exit. A missing SQLite file is created.

    Args:
        database: the database's URL, as for `opening.open_database`.
        clock: the process's clocks.
        lock_s: the maximum time that a read or write waits for a lock of the database, in seconds.
        indexes_tools: whether search also finds the calls and outputs of tools. In new messages,
            they are indexed immediately. Stored messages with only text of tools are indexed in the
            background. Index entries of stored messages with other text do not change.
        endpoint: the embeddings endpoint for search by meaning; None if search compares only words.
        days_of: how many days each partition keeps what is in it (0 for ever); None if all keep it
            for ever.
        upkeep_after_s: how long after the opening the work of `upkeep` begins, in seconds.
        erasing_s: how long the closing may wait until what was deleted is erased, in seconds.
        standby: as for `opening.open_database`.
        model_server: answers requests that need a model, and is recorded; None if such requests are
            refused.

    Raises:
        StoreError: the database cannot be used; `str()` is one line for the operator.
    """
    async with (
        opened_database(database, lock_s, indexes_tools=indexes_tools, standby=standby) as opened,
        attended_store(
            opened,
            clock,
            indexes_tools=indexes_tools,
            endpoint=endpoint,
            days_of=days_of,
            upkeep_after_s=upkeep_after_s,
            erasing_s=erasing_s,
            model_server=model_server,
        ) as store,
    ):
        yield store


@asynccontextmanager
async def attended_store(  # noqa: PLR0913 - as `open_store`
    database: Database,
    clock: Clock = _CLOCK,
    *,
    indexes_tools: bool = False,
    endpoint: "Endpoint | None" = None,
    days_of: "DaysOf | None" = None,
    upkeep_after_s: float = UPKEEP_AFTER_S,
    erasing_s: float = ERASING_S,
    model_server: "ModelServer | None" = None,
) -> AsyncIterator[Store]:
    """Return a store that uses an open database, and do its background work while open.

    The other arguments are those of `open_store`. The caller closes the database.
    """
    async with (
        _embedding(database, endpoint) as meanings,
        _recording(model_server, database, clock) as recorder,
    ):
        wanted, deleted = asyncio.Event(), asyncio.Event()

        def erase() -> None:
            wanted.set()
            deleted.set()

        store = await store_over(database, clock, meanings, recorder, erase=erase)
        work = [_keep_up(database, clock, days_of, upkeep_after_s, wanted)]
        if meanings is not None:
            work.append(meanings.keep_filled())
        async with kept_whole(database, indexes_tools=indexes_tools), _running(*work):
            yield store
        if deleted.is_set():
            await _finish_erasing(database, erasing_s)


@asynccontextmanager
async def _running(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """While open, run work in the background."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            await backfill.stop(task)


async def _finish_erasing(database: Database, limit_s: float) -> None:
    """Erase what was deleted, so that a process that soon ends leaves nothing of it.

    What takes longer than `limit_s` seconds is left to the next process.
    """
    from backscroll.store.upkeep.keeping import finish_erasing

    with suppress(TimeoutError, NothingWrittenError, CommitUnknownError):
        async with asyncio.timeout(limit_s):
            await finish_erasing(database)


async def _keep_up(
    database: Database,
    clock: Clock,
    days_of: "DaysOf | None",
    after_s: float,
    wanted: asyncio.Event,
) -> None:
    """Do upkeep until cancelled, but only after a while, so that it delays no start."""
    # Not `wait_for`: before Python 3.12, it ignores a cancellation just after the event is set.
    with suppress(TimeoutError):
        async with asyncio.timeout(after_s):
            await wanted.wait()
    from backscroll.store.upkeep.keeping import keep_up

    await keep_up(database, RetentionClock(clock.monotonic), days_of, wanted=wanted)


@asynccontextmanager
async def _embedding(
    database: Database, endpoint: "Endpoint | None"
) -> "AsyncIterator[Meanings | None]":
    if endpoint is None:
        yield None
        return
    import httpx2

    from backscroll.store.search.embeddings import Embeddings
    from backscroll.store.search.meanings import Meanings
    from backscroll_tools.client.connections import Connections

    # All partitions use this client. It closes each connection after one request, so that requests
    # of different partitions never share a connection.
    async with httpx2.AsyncClient(transport=Connections(kept=0)) as http:
        yield Meanings(database, Embeddings(endpoint, http))


@asynccontextmanager
async def _recording(
    server: "ModelServer | None", database: Database, clock: Clock
) -> "AsyncIterator[Recorder | None]":
    if server is None:
        yield None
        return
    from backscroll.store.recorder.opening import open_recorder

    async with open_recorder(server, database, clock) as recorder:
        yield recorder


async def store_over(
    database: Database,
    clock: Clock = _CLOCK,
    meanings: "Meanings | None" = None,
    recorder: "Recorder | None" = None,
    *,
    erase: Callable[[], None] = lambda: None,
) -> Store:
    """Return a store that uses an open database. The caller closes the database.

    Args:
        database: the database.
        clock: the process's clocks.
        meanings: the vectors of messages and queries for search by meaning; None if search compares
            only words.
        recorder: records a model server; None if there is none.
        erase: starts to erase in the background what was deleted. By default, whoever does the
            upkeep of the database erases it.
    """
    retention = RetentionClock(clock.monotonic)
    # If this read fails, the first write calls `retention.look` again.
    with suppress(DatabaseBusyError, DatabaseUnavailableError):
        await database.read(retention.look)
    keys = IdempotencyKeys(database, clock, retention)
    app = _application(all_routes(database, clock, keys, meanings, erase))
    if recorder is not None:
        from backscroll.store.recorder.routes import add_recorder

        add_recorder(app, recorder, database, keys, clock)
    return Store(database, clock, app, recorder)


def _application(routes: Sequence[BaseRoute]) -> Starlette:
    app = Starlette(routes=routes)
    for kind in (ApiError, HTTPException, ClientDisconnect, *FAILURES, Exception):
        app.add_exception_handler(kind, handle_error)
    app.router.redirect_slashes = False
    return app
