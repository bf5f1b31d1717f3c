"""Connections to SQLite, and their journal mode."""

from collections.abc import Iterable
from functools import partial
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import NullPool, QueuePool

from backscroll.database.json_text import dump_json, load_json
from backscroll.database.sqlite_file import DatabaseFile

CACHE_KIB: Final = 2_048
"""The size of each connection's page cache, in KiB; the operating system caches the file too."""


def journal_mode(sqlite_version: tuple[int, ...]) -> str:
    """Return the journal mode in which a SQLite of this version loses no acknowledged write.

    WAL needs the fix of the WAL-reset bug (https://sqlite.org/wal.html#walresetbug): 3.51.3, or
    3.50.7, or 3.44.6. Without it the rollback journal is used, and truncated rather than deleted:
    under `synchronous=FULL` SQLite syncs a truncated journal, but not the folder out of which it
    deletes one, so after a power cut a deleted journal can come back and undo the last commit
    (https://sqlite.org/pragma.html#pragma_synchronous, EXTRA).
    """
    fixed = (
        sqlite_version >= (3, 51, 3)
        or (3, 50, 7) <= sqlite_version < (3, 51)
        or (3, 44, 6) <= sqlite_version < (3, 45)
    )
    return "wal" if fixed else "truncate"


def engine_of(
    file: DatabaseFile | None, busy_timeout_s: float, *, begin: bool = False, size: int = 1
) -> Engine:
    """Return a pool of `size` connections at most, with or without transactions.

    Args:
        file: the database file, which `create_file` created; None for a database in memory.
        busy_timeout_s: how many seconds a connection waits for another's lock.
        begin: whether the connections are for transactions.
        size: 0 to close each connection after use.
    """
    uri = {} if file is None else {"mode": "rw", "uri": "true"}
    path = ":memory:" if file is None else file.path.as_uri()
    bounds = {"pool_size": size, "max_overflow": 0} if size else {}
    engine = create_engine(
        URL.create("sqlite", database=path, query=uri),
        poolclass=QueuePool if size else NullPool,
        **bounds,
        connect_args={
            "timeout": busy_timeout_s,
            "isolation_level": None,
            "check_same_thread": False,  # one thread uses the connection, another closes it
        },
        hide_parameters=True,  # errors are logged, and must not contain the text of messages
        json_serializer=dump_json,
        json_deserializer=load_json,
        **({} if begin else {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}),
    )
    pragmas = ("synchronous = FULL", "secure_delete = ON", f"cache_size = -{CACHE_KIB}")
    event.listen(engine, "connect", partial(_set, pragmas))
    if begin:
        event.listen(engine, "begin", _begin_immediate)
    if file is not None:
        file.watch(engine)
    return engine


def keep_journal(engines: Iterable[Engine], mode: str) -> None:
    """Set this journal mode on new connections; call it once the file is known to be ours."""
    for engine in engines:
        event.listen(engine, "connect", partial(_set, (f"journal_mode = {mode}",)))
        engine.dispose()


def _set(pragmas: Iterable[str], connection: DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
