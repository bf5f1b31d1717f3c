"""A file to read conversations from: on disk, or inside an archive."""

from pathlib import Path
from typing import BinaryIO, Protocol

from msgspec import Struct


class OpenBytes(Protocol):
    """Opens the content of a file from its start."""

    def __call__(self) -> BinaryIO:
        """Return a new stream of the decompressed content. The caller closes it."""
        ...


class SourceFile(Struct, frozen=True):
    """A file to read conversations from.

    Attributes:
        name: as shown to users: a path, or `export.zip/conversations.json` inside an archive.
        open: opens the decompressed content from its start.
        path: the file on disk, for formats that are databases; None inside an archive.
        size: the size of the content in bytes; None if unknown.
        modified_at: in Unix seconds; None if unknown.
    """

    name: str
    open: OpenBytes
    path: Path | None = None
    size: int | None = None
    modified_at: int | None = None


class DamagedFileError(OSError):
    """A file, or a part of an archive, cannot be decompressed.

    The text of the error, such as `is damaged`, is shown to users after the name of the file.
    """


def why(error: OSError) -> str:
    """Return the reason of an error, to be shown after the file's name, such as `is damaged`."""
    if isinstance(error, DamagedFileError):
        return str(error)
    return f"cannot be read: {error.strerror or error}"
