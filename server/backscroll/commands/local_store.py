"""The embedded store, or the tokens of callers, opened by a command that a person runs."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy.exc import DBAPIError

from backscroll.database.faults import (
    CommitUnknownError,
    DatabaseBusyError,
    DatabaseFailedError,
    DatabaseUnavailableError,
)
from backscroll.database.opening import open_database
from backscroll.database.port import Database
from backscroll.process.exits import CommandError
from backscroll.store.app import Store, open_store


@asynccontextmanager
async def opened_store(database: str) -> AsyncIterator[Store]:
    """Open a store, and say in one line what becomes of it while it is used.

    Raises:
        StoreError: the database cannot be used.
        CommandError: the database failed on the way.
    """
    with _in_one_line():
        async with open_store(database) as store:
            yield store


@asynccontextmanager
async def opened_tokens(database: str) -> AsyncIterator[Database]:
    """Open the database of the tokens; as `opened_store` in all else."""
    with _in_one_line():
        async with open_database(database, "tokens") as opened:
            yield opened


@contextmanager
def _in_one_line() -> Iterator[None]:
    try:
        yield
    except DatabaseBusyError:
        raise CommandError(
            "another program holds the database: try again when it is done"
        ) from None
    except DatabaseUnavailableError as error:
        raise CommandError(f"the database does not answer: {error}") from None
    except DatabaseFailedError as error:
        raise CommandError(f"{error}; backscroll doctor looks into it") from None
    except CommitUnknownError:
        raise CommandError("the connection to the database was lost in a commit") from None
    except DBAPIError as error:  # its text may quote data
        raise CommandError(f"the database failed: {type(error.orig).__name__}") from None
