"""Opening a database: the only module that chooses the engine from the URL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from backscroll.database.faults import StoreError
from backscroll.database.locks import LOCK_S
from backscroll.database.port import Database
from backscroll.database.schema import TableSet
from backscroll.database.traced import TracedDatabase

_POSTGRES: Final = ("postgresql://", "postgres://")
_URL_RULE: Final = (
    "BACKSCROLL_DATABASE must be sqlite:///relative.db, sqlite:////absolute/path.db or "
    "postgresql://user@host/name"
)


def is_postgres(url: str) -> bool:
    """Return whether a URL has PostgreSQL's scheme; the rest of it is not checked."""
    return url.startswith(_POSTGRES)


@asynccontextmanager
async def open_database(
    url: str, needed: TableSet, lock_s: float = LOCK_S
) -> AsyncIterator[Database]:
    """Open the database that `url` names, and close it at the end.

    Needed tables are created if they are missing, and tables of an older Backscroll are migrated.

    Args:
        url: `sqlite:///relative.db` (to the current directory), `sqlite:////absolute/path.db`
            or `sqlite://` (in memory): a new file has mode 0600, and a missing folder is
            created; percent-encoded characters are decoded. Or
            `postgresql://user:password@host:port/name`, with libpq's parameters after a `?`;
            that database must exist.
        needed: which tables it must have; it may have others as well.
        lock_s: how many seconds a read or a write waits for locks.

    Raises:
        StoreError: an unsupported URL, or a database that cannot be used; one line, without the
            URL's password.
    """
    if is_postgres(url):
        # asyncpg and greenlet are an extra: users of SQLite neither need them nor wait for them.
        from backscroll.database.postgres_address import parse

        address = parse(url)  # raises a clear error if they are not installed
        from backscroll.database.postgres import open_postgres

        async with open_postgres(address, needed, lock_s) as database:
            yield TracedDatabase(database, "postgresql")
    elif url.startswith("sqlite:"):
        from backscroll.database.sqlite import open_sqlite

        async with open_sqlite(url, needed, lock_s) as database:
            yield TracedDatabase(database, "sqlite")
    else:
        scheme, colon, _ = url.partition("://")
        another = f"; this is a {scheme[:32]} URL of another form" if colon else ""
        raise StoreError(f"{_URL_RULE}{another}")
