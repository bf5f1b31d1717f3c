"""Checks the embedded store's database, after opening it in the same way as the server."""

import os
import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

from msgspec.structs import replace
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DBAPIError

from backscroll.commands.doctor import file_check
from backscroll.commands.doctor.diagnosis import Check
from backscroll.commands.doctor.file_check import FIX, STRUCTURE_CHECK_S
from backscroll.commands.terminal import counted
from backscroll.database.faults import (
    CommitUnknownError,
    DatabaseBusyError,
    DatabaseFailedError,
    DatabaseUnavailableError,
    StoreError,
)
from backscroll.database.locks import LOCK_S
from backscroll.database.opening import open_database
from backscroll.database.port import Database
from backscroll.database.response_schema import responses
from backscroll.database.schema import (
    TableSet,
    assistants,
    completions,
    conversations,
    threads,
    version_table,
)
from backscroll.settings.paths import sqlite_path
from backscroll.store.upkeep.expiry import DaysOf, due
from backscroll.store.upkeep.watched_clock import clock_of

_NOUNS: Final = (
    (threads, "thread"),
    (conversations, "conversation"),
    (completions, "stored completion"),
    (responses, "response"),
    (assistants, "assistant"),
)
_SYNCHRONOUS: Final = {0: "off", 1: "normal", 2: "full", 3: "extra"}


def is_missing(url: str) -> bool:
    """Return whether a URL names a SQLite file that does not exist yet."""
    path = _file_of(url)
    return path is not None and not path.exists()


def check_folder(url: str) -> Check:
    """Check whether a missing SQLite file could be created, without creating it."""
    path = (sqlite_path(url) or Path()).absolute()
    if left := file_check.leftover(path):
        return Check(
            "database",
            "failed",
            f"is missing: {path} was moved or deleted, but {left} still exists",
            next_step=f"Move it back, or restore a backup. For a new database, delete {left}.",
        )
    folder = next(parent for parent in path.parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return Check(
            "database",
            "failed",
            f"does not exist, and cannot be created in {folder}",
            next_step="Make that folder writable, or set BACKSCROLL_DATABASE to another path.",
        )
    return Check("database", "ok", f"does not exist yet; the first tool call creates {path}")


async def check_database(
    url: str,
    structure_check_s: float = STRUCTURE_CHECK_S,
    lock_s: float = LOCK_S,
    days_of: DaysOf | None = None,
) -> tuple[Check, ...]:
    """Check a database: its engine, settings and file, and the number of objects in it.

    The time limit for connecting to PostgreSQL is 10 s, as when the server opens the store.

    Args:
        url: the URL of the database.
        structure_check_s: the time limit for checking the database's structure, in seconds.
        lock_s: the maximum wait for another program's lock, in seconds.
        days_of: how many days each partition keeps what is in it; None if all keep it for ever.
    """
    path = _file_of(url)

    async def look(database: Database) -> tuple[Check, ...]:
        facts = await database.read(_facts)
        if path is None:
            return facts, *await _read(database, days_of)
        facts = replace(facts, detail=f"{facts.detail}, in {path.absolute()}")
        file = await file_check.check_file(database, path, structure_check_s)
        if any(check.verdict == "failed" for check in file):
            return facts, *file
        return facts, *await _read(database, days_of), *file

    return await _check_open(url, "store", look, lock_s)


def _file_of(url: str) -> Path | None:
    """Return the path of the SQLite file that a URL names, or None if it names no SQLite file."""
    try:
        return sqlite_path(url)
    except ValueError:
        return None


async def look_at_tokens(url: str, look: Callable[[Connection], Check]) -> tuple[Check, ...]:
    """Run a check of the tokens in a database. If they cannot be read, return a failed check.

    The maximum wait for another program's lock is `LOCK_S` seconds. The time limit for connecting
    to PostgreSQL is 10 s.
    """

    async def read(database: Database) -> tuple[Check, ...]:
        return (await database.read(look),)

    return await _check_open(url, "tokens", read)


async def _check_open(
    url: str,
    needed: TableSet,
    look: Callable[[Database], Awaitable[tuple[Check, ...]]],
    lock_s: float = LOCK_S,
) -> tuple[Check, ...]:
    try:
        async with open_database(url, needed, lock_s) as database:
            return await look(database)
    except StoreError as error:
        return (Check("database", "failed", str(error), next_step=FIX),)
    except (DatabaseUnavailableError, CommitUnknownError):
        detail = "no longer responds"
        return (Check("database", "failed", detail, next_step=FIX),)
    except DatabaseBusyError:
        return (Check("database", "failed", "is locked by another program", next_step=_wait()),)
    except DatabaseFailedError as error:
        return (file_check.failed(error),)
    except DBAPIError as error:
        detail = f"could not be read ({type(error.orig).__name__})"
        return (Check("database", "failed", detail, next_step=FIX),)


def _facts(connection: Connection) -> Check:
    version = connection.execute(select(version_table.c.version)).scalar_one()
    if connection.dialect.name == "postgresql":
        return _facts_of_server(connection, version)
    journal = connection.execute(text("PRAGMA journal_mode")).scalar_one()
    synchronous = connection.execute(text("PRAGMA synchronous")).scalar_one()
    return Check(
        "database",
        "ok",
        f"SQLite {sqlite3.sqlite_version}, schema {version}, journal {journal}, "
        f"synchronous {_SYNCHRONOUS.get(synchronous, synchronous)}",
    )


def _facts_of_server(connection: Connection, version: int) -> Check:
    release, synchronous, fsync = (
        connection.execute(text(f"SHOW {name}")).scalar_one()
        for name in ("server_version", "synchronous_commit", "fsync")
    )
    facts = (
        f"PostgreSQL {release}, schema {version}, synchronous_commit {synchronous}, fsync {fsync}"
    )
    if fsync == "on":
        return Check("database", "ok", facts)
    step = "Set fsync = on in postgresql.conf: without it, a power cut loses acknowledged writes."
    return Check("database", "failed", facts, next_step=step)


async def _read(database: Database, days_of: DaysOf | None) -> tuple[Check, ...]:
    contents = await database.read(_contents)
    if days_of is None:
        return (contents,)
    return contents, await database.read(partial(_retention, days_of), large=True)


def _contents(connection: Connection) -> Check:
    counts: list[str] = []
    for table, noun in _NOUNS:
        existing = select(func.count()).select_from(table).where(table.c.deleted_at.is_(None))
        counts.append(counted(connection.execute(existing).scalar_one(), noun))
    return Check("contents", "ok", ", ".join(counts))


def _retention(days_of: DaysOf, connection: Connection) -> Check:
    old = due(connection, days_of, clock_of(connection))
    if not old:
        return Check("retention", "ok", "nothing is older than BACKSCROLL_KEEP_DAYS")
    goes = "1 object is" if old == 1 else f"{old:,} objects are"
    detail = f"{goes} older than BACKSCROLL_KEEP_DAYS, and will be erased for good"
    return Check("retention", "ok", detail)


def _wait() -> str:
    return "Close that program or wait, then run backscroll doctor again."
