"""Finds the file that a SQLite URL names, and creates it if it is missing."""

import os
from pathlib import Path
from typing import Final

from backscroll.database.faults import StoreError
from backscroll.settings.paths import sqlite_path

_URL_RULE: Final = (
    "BACKSCROLL_DATABASE must be sqlite:///relative.db or sqlite:////absolute/path.db"
)


def path_of(url: str) -> Path | None:
    """Return the path in `url`, or None if the database is in memory.

    Raises:
        StoreError: the URL is not supported.
    """
    try:
        return sqlite_path(url)
    except ValueError:
        line = f"{_URL_RULE}; this sqlite URL has another form"
        if "?" in url:
            line += ": write ? in the path as %3F, or set only the path, without sqlite:///"
        raise StoreError(line) from None


def create_file(path: Path) -> None:
    """Create an empty database file with mode 0600 if the file is missing.

    Raises:
        StoreError: the path is a directory, or the file cannot be created.
    """
    if path.is_dir():
        line = f"{path} is a directory: BACKSCROLL_DATABASE must name a file"
        raise StoreError(line)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Do not open an existing file, because closing it would release this process's locks on it.
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    except PermissionError as error:
        line = f"{path} or its folder is read-only: the store must be able to write both"
        raise StoreError(line) from error
    except OSError as error:
        line = f"{path} cannot be created: {error.strerror}"
        raise StoreError(line) from error
