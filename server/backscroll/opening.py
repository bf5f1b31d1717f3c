"""The embedded store, opened by a command that a person runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import DBAPIError

from backscroll.exits import CommandError
from backscroll.store.app import Store, open_store
from backscroll.store.errors import (
    CommitUnknownError,
    DatabaseBusyError,
    DatabaseUnavailableError,
)


@asynccontextmanager
async def opened_store(database: str) -> AsyncIterator[Store]:
    """Open a store, and say in one line what becomes of it while it is used.

    Raises:
        StoreError: the database cannot be used.
        CommandError: the database failed on the way.
    """
    try:
        async with open_store(database) as store:
            yield store
    except DatabaseBusyError:
        raise CommandError(
            "another program holds the database: try again when it is done"
        ) from None
    except DatabaseUnavailableError as error:
        raise CommandError(f"the database does not answer: {error}") from None
    except CommitUnknownError:
        raise CommandError("the connection to the database was lost in a commit") from None
    except DBAPIError as error:
        raise CommandError(f"the database failed: {error.orig}") from None
