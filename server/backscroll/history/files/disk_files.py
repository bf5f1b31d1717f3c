"""Files on disk, decompressed if necessary, and temporary copies of files inside archives."""

import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Final

from msgspec import Struct

from backscroll.history.conversation import Unreadable
from backscroll.history.files.decompressing import (
    GZIP,
    ZSTANDARD,
    Allowance,
    decompressed,
)
from backscroll.history.source_file import DamagedFileError, SourceFile, why

_BUFFER_BYTES: Final = 256 * 1024
_SYSTEM_FILES: Final = ("._", ".DS_Store")


class Bounds(Struct, frozen=True):
    """Limits for reading folders, archives and compressed files.

    Attributes:
        ratio: the maximum size of decompressed content, divided by the size of the compressed file.
            For text and logs, this is usually 4 to 50; for logs with repetitions, up to 200.
        least_bytes: the `ratio` does not limit content of up to this many bytes.
        members: the maximum number of files in a folder or archive.
        copy_bytes: the maximum size, in bytes, of a database or archive that is compressed or
            inside an archive, and therefore copied.
    """

    ratio: int = 500
    least_bytes: int = 1024**3
    members: int = 500_000
    copy_bytes: int = 8 * 1024**3

    def allowance(self, size: int) -> Allowance:
        """Return how much may be decompressed from a file of `size` bytes."""
        return Allowance(max(self.least_bytes, size * self.ratio), self.ratio)


def disk_file(path: Path, name: str = "", bounds: Bounds | None = None) -> SourceFile:
    """Return a file on disk. Content compressed with gzip or zstandard is decompressed.

    If the file cannot be read, the `open` of the result raises an `OSError`.

    Args:
        path: the file.
        name: the file's name in messages to users. If it is empty, they show the path.
        bounds: the limits for the file's content; None for the defaults.
    """
    try:
        status = path.stat()
    except OSError:
        return SourceFile(name or str(path), lambda: path.open("rb"))
    allowed = bounds or Bounds()

    def content() -> BinaryIO:
        return decompressed(
            path.open("rb", buffering=_BUFFER_BYTES), allowed.allowance(status.st_size)
        )

    return SourceFile(
        name or str(path), content, path, status.st_size, modified_at=int(status.st_mtime)
    )


def is_compressed(path: Path) -> bool:
    """Return whether a file is compressed with gzip or zstandard.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        return stream.read(len(ZSTANDARD)).startswith((GZIP, ZSTANDARD))


def found_below(folder: Path, files: dict[str, SourceFile], bounds: Bounds) -> Iterator[Unreadable]:
    """Add the files below a folder to `files`. Yield the folders that cannot be read."""
    remaining = [("", folder)]
    seen = set[tuple[int, int]]()  # a symbolic link may lead to a folder that contains it
    while remaining:
        prefix, current = remaining.pop()
        try:
            status = current.stat()
            place = (status.st_dev, status.st_ino)
            if place in seen and status.st_ino:
                continue
            seen.add(place)
            entries = sorted(current.iterdir())
        except OSError as error:
            yield Unreadable(str(current), why(error))
            continue
        for entry in entries:
            path = f"{prefix}{entry.name}"
            try:
                mode = entry.stat().st_mode
            except OSError:  # a link to nothing, or to itself
                continue
            if stat.S_ISDIR(mode):
                remaining.append((f"{path}/", entry))
            elif stat.S_ISREG(mode) and not is_system_file(entry.name):
                files[path] = disk_file(entry, bounds=bounds)
        if len(files) > bounds.members:
            reason = f"has more than {bounds.members} files: import its folders one by one"
            yield Unreadable(str(folder), reason)
            files.clear()
            return


def is_system_file(name: str) -> bool:
    """Return whether macOS creates files with this name for its own use."""
    return name.startswith(_SYSTEM_FILES)


@contextmanager
def copied(stream: IO[bytes], most: int | None = None) -> Iterator[Path]:
    """Copy a stream to a temporary file, which is deleted at the end of the `with` block.

    Only this user can read the file.

    Raises:
        DamagedFileError: the stream has more than `most` bytes.
    """
    with tempfile.TemporaryDirectory(prefix="backscroll-") as folder:
        path = Path(folder, "copy")
        with path.open("xb") as file:
            copy_bytes(stream, file, most)
        yield path


def copy_bytes(source: IO[bytes], target: IO[bytes], most: int | None) -> None:
    """Copy a stream.

    Raises:
        DamagedFileError: the source has more than `most` bytes.
    """
    size = 0
    while block := source.read(_BUFFER_BYTES):
        size += len(block)
        if most is not None and size > most:
            raise DamagedFileError(f"is larger than {most} bytes: unpack it, and import the result")
        target.write(block)
