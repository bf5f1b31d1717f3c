"""Opens a database. The URL determines the engine: SQLite or PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from backscroll.database.faults import StoreError
from backscroll.database.locks import LOCK_S
from backscroll.database.port import Database
from backscroll.database.schema import TableSet
from backscroll.database.traced import TracedDatabase

_POSTGRES: Final = ("postgresql://", "postgres://")
_READ: Final = "BACKSCROLL_DATABASE_READ"
_URL_RULE: Final = (
    "BACKSCROLL_DATABASE must be sqlite:///relative.db, sqlite:////absolute/path.db or "
    "postgresql://user@host/name"
)


def is_postgres(url: str) -> bool:
    """Return whether a URL has PostgreSQL's scheme. The rest of the URL is not checked."""
    return url.startswith(_POSTGRES)


@asynccontextmanager
async def open_database(
    url: str, needed: TableSet, lock_s: float = LOCK_S, *, standby: str = ""
) -> AsyncIterator[Database]:
    """Open the database at `url`, and close it on exit.

    Missing tables are created. Tables of an older version of Backscroll are migrated.

    Args:
        url: one of `sqlite:///relative.db` (relative to the current directory),
            `sqlite:////absolute/path.db`, `sqlite://` (in memory) and
            `postgresql://user:password@host:port/name`. The path of a SQLite file may be
            percent-encoded. A missing file is created with mode 0600, and a missing folder is
            created too. A PostgreSQL URL may have libpq's parameters after a `?`, and must name an
            existing database.
        needed: the set of tables that the caller uses. The database may also have other sets.
        lock_s: the maximum time that a read or write waits for locks, in seconds. It waits twice
            as long for a PostgreSQL server that fails.
        standby: the `postgresql://` URL of a standby for reads, or an empty string. It need not be
            reachable. `url` must then be that of its primary.

    Raises:
        StoreError: the URL is not supported, or the database cannot be used. `str()` is one line
            without the URL's password.
    """
    if standby and not (is_postgres(url) and is_postgres(standby)):
        raise StoreError(f"{_READ} and BACKSCROLL_DATABASE must both be postgresql:// URLs")
    if is_postgres(url):
        # Imported only if needed: asyncpg and greenlet are optional, and slow to import.
        from backscroll.database.postgres_address import parse

        address = parse(url)  # raises a clear error if a library is missing
        from backscroll.database.postgres_opening import open_postgres

        async with open_postgres(address, needed, lock_s) as database:
            if not standby:
                yield TracedDatabase(database, "postgresql")
                return
            from backscroll.database.postgres_standby import reading_from

            async with reading_from(parse(standby, _READ), database) as both:
                yield TracedDatabase(both, "postgresql")
    elif url.startswith("sqlite:"):
        from backscroll.database.sqlite import open_sqlite

        async with open_sqlite(url, needed, lock_s) as database:
            yield TracedDatabase(database, "sqlite")
    else:
        scheme, colon, _ = url.partition("://")
        found = f", not a {scheme[:32]}:// URL" if colon else ""
        raise StoreError(f"{_URL_RULE}{found}")
