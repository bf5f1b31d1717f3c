"""A URL of SQLite: the file that it names, made if there is none."""

import os
from pathlib import Path
from typing import Final

from backscroll.database.faults import StoreError
from backscroll.settings.paths import sqlite_path

_URL_RULE: Final = (
    "BACKSCROLL_DATABASE must be sqlite:///relative.db or sqlite:////absolute/path.db"
)


def path_of(url: str) -> Path | None:
    """Return the file that `url` names, or None for a database in memory."""
    try:
        return sqlite_path(url)
    except ValueError:
        line = f"{_URL_RULE}; this is a sqlite URL of another form"
        raise StoreError(line) from None


def create_file(path: Path) -> None:
    """Create an empty database file that only its owner can read, where there is none."""
    if path.is_dir():
        line = f"{path} is a directory: BACKSCROLL_DATABASE names a file"
        raise StoreError(line)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():  # to close one that this process has open would end its locks
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    except PermissionError as error:
        line = f"{path} is read-only, or its folder is: the store needs to write both"
        raise StoreError(line) from error
    except OSError as error:
        line = f"{path} cannot be created: {error.strerror}"
        raise StoreError(line) from error
