"""Finds the files of the known programs on this machine."""

import os
import stat
from collections.abc import Container, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import Struct

from backscroll.history.sources.known import SOURCES
from backscroll.history.sources.source import Source, Surroundings

_MOST: Final = 2**63 - 1
"""The largest number that a database can store. Times from a wrong clock, and the inode numbers of
some file systems, can be larger."""


class Imported(NamedTuple):
    """The size and the time that a file had when it was last imported whole.

    Attributes:
        size: as in `FoundFile`.
        mtime_ns: as in `FoundFile`.
    """

    size: int
    mtime_ns: int


class FoundFile(Struct, frozen=True):
    """A file with conversations, as it was when it was found.

    Attributes:
        path: the file.
        size: in bytes. For a database, this includes the size of its `-wal` file.
        mtime_ns: when the file, or the `-wal` file of a database, was last modified, in Unix
            nanoseconds. At most 2**63 - 1, which is in the year 2262.
        inode: the lowest 63 bits of its inode number; 0 if the system has none.
        imported: what the file was when it was last imported whole; None if it never was.
    """

    path: Path
    size: int
    mtime_ns: int
    inode: int
    imported: Imported | None = None


class FoundSource(Struct, frozen=True):
    """The files of a program.

    Attributes:
        source: the program.
        files: its files, the latest modified first.
        unreadable: the folders that this user may not read.
    """

    source: Source
    files: Sequence[FoundFile]
    unreadable: Sequence[Path] = ()

    @property
    def size(self) -> int:
        """The size of all files in bytes."""
        return sum(file.size for file in self.files)


def found(machine: Surroundings, sources: Iterable[Source] = SOURCES) -> list[FoundSource]:
    """Return each program that has files, or folders that cannot be read.

    This lists each folder, and calls `stat` for each file.
    """
    results = (_found(machine, source) for source in sources)
    return [each for each in results if each.files or each.unreadable]


def _found(machine: Surroundings, source: Source) -> FoundSource:
    unreadable: list[Path] = []
    paths = {  # a dictionary, because several patterns can match the same path
        path: place.is_database
        for place in source.places
        for folder in place.folders(machine)
        for pattern in place.patterns
        for path in _matching(str(folder), pattern.split("/"), unreadable)
    }
    files = [
        file
        for path, is_database in paths.items()
        if not _is_twin(path, source, paths)
        and (file := _file(path, is_database=is_database)) is not None
    ]
    files.sort(key=lambda file: file.mtime_ns, reverse=True)
    return FoundSource(source, files, list(dict.fromkeys(unreadable)))


def _matching(folder: str, names: Sequence[str], unreadable: list[Path]) -> Iterator[str]:
    """Yield the paths below a folder that match a pattern, whose parts are `names`.

    The search goes no deeper than the pattern, so links that form a circle do no harm.
    """
    first, *rest = names
    if "*" not in first:
        path = os.path.join(folder, first)  # noqa: PTH118 - strings are several times faster
        if rest:
            yield from _matching(path, rest, unreadable)
        else:
            yield path
        return
    try:
        with os.scandir(folder) as entries:
            # Folders can have names like `notes.v2`, so a suffix does not tell files from folders.
            matching = [entry.path for entry in entries if fnmatchcase(entry.name, first)]
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError:
        unreadable.append(Path(folder))
        return
    for path in matching:
        if rest:
            yield from _matching(path, rest, unreadable)
        else:
            yield path


def _is_twin(path: str, source: Source, paths: Container[str]) -> bool:
    """Return whether a file repeats a file of `paths`, as in `Source.twins`."""
    return any(
        path.endswith(second) and path.removesuffix(second) + first in paths
        for first, second in source.twins
    )


def _file(path: str, *, is_database: bool) -> FoundFile | None:
    """Return a file as it is now, or None if it is no longer there or is not a regular file."""
    try:
        status = os.stat(path)  # noqa: PTH116 - strings are several times faster
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    size, mtime_ns = status.st_size, min(status.st_mtime_ns, _MOST)
    if is_database and (log := _file(f"{path}-wal", is_database=False)) is not None:
        size, mtime_ns = size + log.size, max(mtime_ns, log.mtime_ns)
    return FoundFile(Path(path), size, mtime_ns, status.st_ino & _MOST)
