"""Reads the watermarks of a store that is not open.

Opening a store takes far longer than this query, because it imports SQLAlchemy and examines the
tables. A sync that finds nothing new needs only the watermarks.
"""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from backscroll.database.schema_version import SCHEMA_VERSION, VERSION_TABLE
from backscroll.store.archive.records import Watermark

_COLUMNS: Final = Watermark.__struct_fields__
_READ: Final = f"SELECT {', '.join(_COLUMNS)} FROM watermarks WHERE partition = ?"  # noqa: S608 - constant names
_VERSION: Final = f"SELECT version FROM {VERSION_TABLE}"  # noqa: S608 - a constant name


def watermarks_in(path: Path, partition: str) -> Mapping[str, Watermark] | None:
    """Return the watermarks of a partition, by path.

    Args:
        path: a SQLite file, which is not changed.
        partition: the partition.

    Returns:
        The watermarks. The result is None if the store must be opened instead: the file is missing,
        locked or damaged, the file or its folder is read-only, or its tables are not of the current
        version.
    """
    if not (_is_writable(path) and _is_writable(path.parent)):
        return None  # opening the store gives the error
    # `mode=rw` creates no file. `mode=ro` would leave the files of the write-ahead log behind.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=0)) as connection:
            if connection.execute(_VERSION).fetchall() != [(SCHEMA_VERSION,)]:
                return None
            rows = connection.execute(_READ, (partition,)).fetchall()
    except (sqlite3.Error, UnicodeDecodeError):  # the latter if an error quotes a damaged schema
        return None
    found = (Watermark(**dict(zip(_COLUMNS, row, strict=True))) for row in rows)
    return {each.path: each for each in found}


def _is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
