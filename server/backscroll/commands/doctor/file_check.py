"""Checks whether a SQLite file is intact and writable, and whether its disk has free space."""

import shutil
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from backscroll.commands.doctor.diagnosis import Check
from backscroll.database.faults import DatabaseFailedError
from backscroll.database.port import Database
from backscroll.database.sqlite_file import first_flaw

STRUCTURE_CHECK_S: Final = 10.0
"""The time limit for checking the structure of a database, in seconds."""

SCARCE: Final = 256 * 1024 * 1024
"""If less disk space than this many bytes is free, the check gives a warning."""

_MIB: Final = 1024 * 1024
_LEFTOVERS: Final = ("-journal", "-wal", "-shm")
_RESTORE: Final = (
    "Stop the servers, keep a copy of the file, and restore a backup; or export what can still be "
    "read (backscroll export) and import it into a new database."
)
_NEXT_STEPS: Final = {
    "full": "Free space on its disk.",
    "read_only": "Give the server's user write access to the file and its folder.",
    "standby": "Point BACKSCROLL_DATABASE at the primary, or promote this server.",
    "damaged": _RESTORE,
}
FIX: Final = "Fix the database, or set BACKSCROLL_DATABASE to another one."


def leftover(path: Path) -> str:
    """Return the name of a journal file that a missing database left behind, or an empty string."""
    candidates = (path.with_name(path.name + ending) for ending in _LEFTOVERS)
    return next((file.name for file in candidates if file.exists()), "")


def failed(error: DatabaseFailedError) -> Check:
    """Return a failed check that describes an error of the database."""
    step = _NEXT_STEPS.get(error.trouble, FIX)
    return Check("database", "failed", error.sentence, next_step=step)


async def check_file(database: Database, path: Path, limit_s: float) -> tuple[Check, ...]:
    """Check whether a database is writable and intact, and whether its disk has free space.

    To test writing, this function writes a row and rolls the transaction back.

    Args:
        database: the open database.
        path: the path of the database's file.
        limit_s: the time limit for checking the database's structure, in seconds.

    Raises:
        NothingWrittenError: the database cannot be read.
    """
    try:
        await database.check()
    except DatabaseFailedError as error:
        return (failed(error),)
    structure = await database.read(lambda connection: _structure(connection, limit_s))
    return (_free_space(path), structure)


def _free_space(path: Path) -> Check:
    free = shutil.disk_usage(path.parent).free
    detail = f"is writable; {free // _MIB:,} MiB are free"
    if free >= SCARCE:
        return Check("disk", "ok", detail)
    return Check("disk", "warning", detail, next_step=_NEXT_STEPS["full"])


def _structure(connection: Connection, limit_s: float) -> Check:
    flaw = first_flaw(connection, limit_s)
    if flaw is None:
        step = "To check all of it: sqlite3 FILE 'PRAGMA integrity_check'"
        detail = f"no damage found in {limit_s:g} s, but not all of it was checked"
        return Check("structure", "unclear", detail, next_step=step)
    if flaw:
        return Check("structure", "failed", f"is damaged: {flaw}", next_step=_RESTORE)
    return Check("structure", "ok", "is intact")
