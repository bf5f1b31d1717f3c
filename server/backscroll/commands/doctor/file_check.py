"""Checks the file of a SQLite database: is it intact and writable, with free disk space?"""

import shutil
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from backscroll.commands.doctor.diagnosis import Check
from backscroll.database.faults import DatabaseFailedError
from backscroll.database.port import Database
from backscroll.database.sqlite_file import first_flaw

EXAMINED_S: Final = 10.0
"""The time limit for checking the structure of a database, in seconds."""

SCARCE: Final = 256 * 1024 * 1024
"""The free disk space, in bytes, below which a warning is given."""

_MIB: Final = 1024 * 1024
_LEFT_BEHIND: Final = ("-journal", "-wal", "-shm")
_RESTORE: Final = (
    "Stop the servers, keep a copy of the file, and restore a backup; or export what can still be "
    "read (backscroll export) and import it into a new database."
)
_BY_TROUBLE: Final = {
    "full": "Free space on its disk.",
    "read_only": "Let the user of the server write it and its folder.",
    "damaged": _RESTORE,
}
MEND: Final = "Mend it, or point BACKSCROLL_DATABASE elsewhere."


def left_behind(path: Path) -> str:
    """Return the name of a file that SQLite left beside a missing database; empty if none."""
    beside = (path.with_name(path.name + ending) for ending in _LEFT_BEHIND)
    return next((each.name for each in beside if each.exists()), "")


def failed(error: DatabaseFailedError) -> Check:
    """Return the check for a database that failed."""
    step = _BY_TROUBLE.get(error.trouble, MEND)
    return Check("database", "failed", error.sentence, next_step=step)


async def check_file(database: Database, path: Path, limit_s: float) -> tuple[Check, ...]:
    """Return whether a database can be written, has room to grow, and is intact.

    The write that tests this is rolled back.

    Args:
        database: the open database.
        path: the path of its file.
        limit_s: the time limit for checking its structure, in seconds.

    Raises:
        NothingWrittenError: the database cannot be read.
    """
    try:
        await database.check()
    except DatabaseFailedError as error:
        return (failed(error),)
    whole = await database.read(lambda connection: _structure(connection, limit_s))
    return (_room(path), whole)


def _room(path: Path) -> Check:
    free = shutil.disk_usage(path.parent).free
    detail = f"can be written; {free // _MIB:,} MiB are free"
    if free >= SCARCE:
        return Check("disk", "ok", detail)
    return Check("disk", "warning", detail, next_step=_BY_TROUBLE["full"])


def _structure(connection: Connection, limit_s: float) -> Check:
    flaw = first_flaw(connection, limit_s)
    if flaw is None:
        step = "For the rest: sqlite3 FILE 'PRAGMA integrity_check'"
        detail = f"nothing wrong within {limit_s:g} s, which were not enough for all of it"
        return Check("structure", "unclear", detail, next_step=step)
    if flaw:
        return Check("structure", "failed", f"is damaged: {flaw}", next_step=_RESTORE)
    return Check("structure", "ok", "whole")
