"""Finds the files at a path: a single file, all files of a folder, and files inside archives.

Content is decompressed while it is read, and not unpacked to disk. The exceptions are databases and
archives that are compressed or inside an archive: they are copied to temporary files, because only
a seekable file can be read as a database or archive. Only this user can read the temporary files.
"""

import calendar
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from backscroll.history.conversation import Unreadable
from backscroll.history.files.decompressing import (
    ENCRYPTED,
    Allowance,
    damage_in_words,
    decompressed,
    guarded,
)
from backscroll.history.files.disk_files import (
    Bounds,
    copied,
    copy_bytes,
    disk_file,
    found_below,
    is_compressed,
    is_system_file,
)
from backscroll.history.reading.sqlite_connections import FIRST_BYTES as SQLITE_BYTES
from backscroll.history.source_file import DamagedFileError, SourceFile, why

MAX_NESTING: Final = 3
"""How many archives may be inside one another."""

_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_BUFFER_BYTES: Final = 256 * 1024
_IN_MEMORY_BYTES: Final = 32 * 1024**2
_MAX_FOLDERS: Final = 64
_NUMBER: Final = re.compile(r"\d+")
_SYSTEM_FOLDER: Final = "__MACOSX"
_COMPANIONS: Final = ("-wal", "-shm", "-journal")
"""The ends of the names of files that SQLite keeps beside a database."""

_COPIES: Final = (("rollout-", ".jsonl.zst", ".jsonl"), ("session-", ".json", ".jsonl"))
"""The names of copies of logs: how a copy's name begins and ends, and how the log's name ends.

Codex writes a compressed copy of a log, and Gemini CLI a copy in an older format.
"""

_FIRST_ZIP_YEAR: Final = 1980


class SourceFolder(Struct, frozen=True):
    """A folder or archive whose files belong together.

    Attributes:
        name: as shown to users.
        files: all files below it, by their path within it, with `/` as separator.
    """

    name: str
    files: Mapping[str, SourceFile]


Opened: TypeAlias = SourceFile | SourceFolder | Unreadable
IsWhole: TypeAlias = Callable[[Collection[str]], bool]


def opened(
    path: Path, is_whole: IsWhole, bounds: Bounds | None = None, name: str = ""
) -> Iterator[Opened]:
    """Yield the files at a path, in the natural order of their names.

    A file can be read only until the next one is yielded. Compressed files are decompressed.

    Args:
        path: a file, an archive or a folder.
        is_whole: returns whether to yield a folder as one `SourceFolder`. Its argument is the names
            of the files and folders directly in the folder.
        bounds: the limits for reading; None for the defaults.
        name: the name in messages to users. If it is empty, they show the path.

    Yields:
        Files and folders. For a file or folder that cannot be read, an `Unreadable` is yielded. Its
        `position` is the name of the file or folder.
    """
    opening = _Opening(is_whole, bounds or Bounds())
    if path.is_dir():
        files = dict[str, SourceFile]()
        yield from found_below(path, files, opening.bounds)
        yield from opening.folder(SourceFolder(name or str(path), files), None, 0)
    else:
        yield from opening.file(disk_file(path, name, opening.bounds), None, 0)


class _Opening(Struct, frozen=True):
    is_whole: IsWhole
    bounds: Bounds

    def folder(
        self, folder: SourceFolder, allowance: Allowance | None, nesting: int
    ) -> Iterator[Opened]:
        """Yield the files of a folder and of its subfolders."""
        directly = _directly_in(folder.files)
        remaining = [""]
        while remaining:
            prefix = remaining.pop()
            if _belongs_to_another(prefix, folder.files):
                continue
            if prefix in folder.files:
                log = folder.files.get(f"{prefix}-wal")
                yield from self.file(folder.files[prefix], allowance, nesting, log)
                continue
            names = directly.get(prefix, ())
            if self.is_whole(names):
                whole = {
                    path.removeprefix(prefix): file
                    for path, file in folder.files.items()
                    if path.startswith(prefix)
                }
                yield SourceFolder(f"{folder.name}/{prefix}".rstrip("/"), whole)
                continue
            for name in sorted(names, key=_natural, reverse=True):
                path = f"{prefix}{name}"
                remaining.append(path if path in folder.files else f"{path}/")

    def file(
        self,
        file: SourceFile,
        allowance: Allowance | None,
        nesting: int,
        log: SourceFile | None = None,
    ) -> Iterator[Opened]:
        """Yield a file, or the files inside it if it is an archive.

        A database that is compressed or inside an archive is copied together with `log`, its
        write-ahead log.
        """
        try:
            if file.path is not None and is_compressed(file.path):
                file = replace(file, path=None, size=None)
            start = _start(file)
            if start == SQLITE_BYTES and file.path is None:
                yield from self.database(file, log)
            elif not start.startswith(_ZIP):
                yield file
            elif nesting == MAX_NESTING:
                reason = f"is inside {nesting} archives: unpack the outer archives"
                yield Unreadable(file.name, reason)
            else:
                yield from self.archive(file, allowance, nesting)
        except OSError as error:
            yield Unreadable(file.name, why(error))

    def database(self, file: SourceFile, log: SourceFile | None) -> Iterator[Opened]:
        """Copy a database to disk, and yield the copy."""
        most = self.bounds.copy_bytes
        with file.open() as stream, copied(stream, most) as copy:
            if log is not None:
                with log.open() as rest, Path(f"{copy}-wal").open("xb") as written:
                    copy_bytes(rest, written, most)
            yield disk_file(copy, file.name)

    def archive(
        self, file: SourceFile, allowance: Allowance | None, nesting: int
    ) -> Iterator[Opened]:
        """Yield the files of an archive."""
        with _seekable(file, self.bounds.copy_bytes) as stream:
            size = stream.seek(0, os.SEEK_END)
            allowance = allowance or self.bounds.allowance(size)
            with damage_in_words():
                archive = zipfile.ZipFile(stream)
            with archive:
                members = [each for each in archive.infolist() if not _is_left_out(each)]
                if len(members) > self.bounds.members:
                    raise DamagedFileError(f"has more than {self.bounds.members} files")
                if any(member.flag_bits & 1 for member in members):
                    yield Unreadable(file.name, ENCRYPTED)
                files = {
                    member.filename: _member(file.name, archive, member, allowance)
                    for member in members
                    if not member.flag_bits & 1
                }
                yield from self.folder(SourceFolder(file.name, files), allowance, nesting + 1)


def _belongs_to_another(path: str, files: Mapping[str, SourceFile]) -> bool:
    """Return whether a file belongs to a database beside it, or is a copy of a log beside it."""
    if any(path.endswith(end) and path.removesuffix(end) in files for end in _COMPANIONS):
        return True
    name = path.rpartition("/")[2]
    return any(
        name.startswith(start) and name.endswith(end) and path.removesuffix(end) + kept in files
        for start, end, kept in _COPIES
    )


def _is_left_out(member: zipfile.ZipInfo) -> bool:
    *folders, name = member.filename.split("/")
    return not name or is_system_file(name) or _SYSTEM_FOLDER in folders


def _member(
    archive_name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo, allowance: Allowance
) -> SourceFile:
    # The name is only shown: nothing is written to the path that it names.
    def content() -> BinaryIO:
        stream = guarded(lambda: archive.open(member), allowance)
        return decompressed(stream, allowance)

    return SourceFile(
        f"{archive_name}/{member.filename}",
        content,
        size=member.file_size,
        modified_at=_modified_at(member),
    )


def _modified_at(member: zipfile.ZipInfo) -> int | None:
    if member.date_time[0] <= _FIRST_ZIP_YEAR:  # programs write this year if they know no time
        return None
    try:
        return calendar.timegm((*member.date_time, 0, 0, 0))
    except ValueError:  # there is no such month
        return None


def _directly_in(paths: Collection[str]) -> Mapping[str, list[str]]:
    """Return the names of the files and folders directly in each folder, by the folder's path.

    A folder's path ends with `/`. The path of the outermost folder is empty.

    Args:
        paths: the paths of all files.
    """
    found: dict[str, dict[str, None]] = {}
    for path in paths:
        prefix = ""
        for name in path.split("/", _MAX_FOLDERS):
            found.setdefault(prefix, {})[name] = None
            prefix += f"{name}/"
    return {prefix: list(names) for prefix, names in found.items()}


def _natural(name: str) -> str:
    """Return a key that sorts `part 9` before `part 10`."""
    return _NUMBER.sub(lambda number: number[0].zfill(20), name)


def _start(file: SourceFile) -> bytes:
    with file.open() as stream:
        return stream.read(len(SQLITE_BYTES))


@contextmanager
def _seekable(file: SourceFile, most: int) -> Iterator[IO[bytes]]:
    """Yield the content of a file as a seekable stream."""
    with file.open() as stream:
        if file.path is not None:
            yield stream
            return
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as copy:
            copy_bytes(stream, copy, most)
            yield copy
