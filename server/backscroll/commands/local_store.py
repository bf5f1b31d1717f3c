"""Opens the embedded store or the database of tokens for a command, with one-line errors."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from backscroll.database.faults import DatabaseFailedError
from backscroll.database.opening import open_database
from backscroll.database.port import Database
from backscroll.process.exits import CommandError
from backscroll.settings.paths import sqlite_path

if TYPE_CHECKING:
    from backscroll.store.app import Store
    from backscroll.store.archive.archive import Archive
    from backscroll.store.recorder.model_server import ModelServer
    from backscroll.store.search.embeddings import Endpoint
    from backscroll.store.upkeep.expiry import DaysOf


@asynccontextmanager
async def opened_store(  # noqa: PLR0913 - one for each choice of the operator
    database: str,
    *,
    indexes_tools: bool = False,
    endpoint: "Endpoint | None" = None,
    days_of: "DaysOf | None" = None,
    standby: str = "",
    model_server: "ModelServer | None" = None,
) -> "AsyncIterator[Store]":
    """Open the embedded store, with the arguments of `open_store`.

    Raises:
        OperatorError: the database cannot be used, or fails while in use.
    """
    from backscroll.store.app import open_store

    with _one_line_errors():
        opening = open_store(
            database,
            indexes_tools=indexes_tools,
            endpoint=endpoint,
            days_of=days_of,
            standby=standby,
            model_server=model_server,
        )
        async with opening as store:
            yield store


@asynccontextmanager
async def opened_archive(database: str, *, indexes_tools: bool = False) -> "AsyncIterator[Archive]":
    """Open the archive of the embedded store, without its endpoints, like `opened_store`."""
    from backscroll.store.archive.opening import open_archive

    with _one_line_errors():
        async with open_archive(database, indexes_tools=indexes_tools) as archive:
            yield archive


@asynccontextmanager
async def opened_database(database: str) -> AsyncIterator[Database]:
    """Open the database of the embedded store, without its background work, like `opened_store`."""
    with _one_line_errors():
        async with open_database(database, "store") as opened:
            yield opened


@asynccontextmanager
async def opened_tokens(database: str) -> AsyncIterator[Database]:
    """Open the database of tokens. Errors are those of `opened_store`."""
    with _one_line_errors():
        async with open_database(database, "tokens") as opened:
            yield opened


def is_missing(database: str) -> bool:
    """Return whether a URL names a SQLite file that does not exist."""
    try:
        path = sqlite_path(database)
    except ValueError:  # not SQLite, or an invalid URL; opening an invalid URL gives the error
        return False
    return path is not None and not path.exists()


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except DatabaseFailedError as error:
        raise CommandError(f"{error}; run backscroll doctor for details") from None
    except DBAPIError as error:  # the error's text may quote messages
        raise CommandError(f"the database failed: {type(error.orig).__name__}") from None
