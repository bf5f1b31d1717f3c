"""Reads files that other programs recorded, and yields their conversations as entries to import."""

import io
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from msgspec import Struct, field
from msgspec.structs import replace

from backscroll.commands.transfer.formats.entries import (
    FromProgram,
    ImportEntry,
    ImportFile,
    Refused,
)
from backscroll.history.conversation import (
    ReadElsewhere,
    Record,
    Unreadable,
    WithoutContent,
)
from backscroll.history.files.opening import SourceFolder
from backscroll.history.formats.format import Format
from backscroll.history.source_file import OpenBytes, SourceFile, why
from backscroll.history.sources.known import BY_NAME

_BUFFER_BYTES: Final = 256 * 1024


class Recorded(Struct, frozen=True):
    """Reads files of other programs.

    Attributes:
        branches: whether abandoned branches are read too.
        redacts: whether secrets are replaced; None to do so only for the formats that `backscroll
            sync` also reads.
        without_content: counts the conversations without any messages, by source.
    """

    branches: bool = False
    redacts: bool | None = None
    without_content: Counter[str] = field(default_factory=Counter)

    def file(self, file: SourceFile, of: Format) -> ImportFile:
        """Return the conversations of a file.

        The size of an entry is the number of bytes that were read for it.
        """
        read = (of.read_branches if self.branches else None) or of.read
        count = _Count()
        records = read(replace(file, open=count.of(file.open)))
        return ImportFile(
            file.name, self._entries(file.name, records, of, count), file.size, of.name
        )

    def folder(self, folder: SourceFolder, of: Format) -> ImportFile:
        """Return the conversations of a folder whose files belong together.

        The size of an entry is in bytes, as in `file`.
        """
        count = _Count()
        files = {
            path: replace(file, open=count.of(file.open)) for path, file in folder.files.items()
        }
        records = of.read_folder(files) if of.read_folder is not None else iter(())
        size = sum(file.size or 0 for file in folder.files.values())
        return ImportFile(
            folder.name, self._entries(folder.name, records, of, count), size, of.name
        )

    def replaces_secrets(self, name: str) -> bool:
        """Return whether secrets are replaced in the conversations of a format.

        Args:
            name: the name of the format. It is also a key of `BY_NAME` if `backscroll sync` reads
                the format too.
        """
        return name in BY_NAME if self.redacts is None else self.redacts

    def _entries(
        self, name: str, records: Iterator[Record], of: Format, count: "_Count"
    ) -> Iterator[ImportEntry]:
        redacts = self.replaces_secrets(of.name)
        try:
            for record in records:
                size = count.taken()
                if isinstance(record, ReadElsewhere):
                    continue
                if isinstance(record, WithoutContent):
                    self.without_content[of.name] += 1
                    continue
                if isinstance(record, Unreadable):
                    position = "" if record.position == name else record.position
                    yield ImportEntry(position, Refused(record.reason), size)
                else:
                    position = f"conversation {record.id}"
                    yield ImportEntry(position, FromProgram(record, redacts), size, record.replaced)
        except OSError as error:
            yield ImportEntry("the rest", Refused(why(error)), count.taken())


class _Count:
    """Counts the bytes that are read from files."""

    def __init__(self) -> None:
        self._bytes = 0

    def add(self, count: int) -> None:
        self._bytes += count

    def taken(self) -> int:
        """Return how many bytes were read since the last call."""
        count, self._bytes = self._bytes, 0
        return count

    def of(self, opened: OpenBytes) -> OpenBytes:
        """Return a function like `opened`, but count the bytes that are read from its file."""
        return lambda: io.BufferedReader(_Counted(opened(), self), _BUFFER_BYTES)


class _Counted(io.RawIOBase):
    def __init__(self, stream: BinaryIO, count: _Count) -> None:
        self._stream = stream
        self._count = count

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - the signature of the base class
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self._count.add(len(data))
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()
