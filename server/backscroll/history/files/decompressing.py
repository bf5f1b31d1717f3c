"""Reads compressed content within a limit, and describes its damage to users."""

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Final, Protocol

from msgspec import Struct

from backscroll.history.source_file import DamagedFileError

GZIP: Final = b"\x1f\x8b"
ZSTANDARD: Final = b"\x28\xb5\x2f\xfd"

ENCRYPTED: Final = "is encrypted: unpack it with its password, and import its content"

DAMAGED: Final = "is damaged or incomplete: download or copy it again"
_DAMAGE: Final = (
    EOFError,
    UnicodeDecodeError,  # raised by zipfile for a damaged name
    gzip.BadGzipFile,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)
_BUFFER_BYTES: Final = 256 * 1024
_MAX_WINDOW_BYTES: Final = 128 * 1024**2
"""The memory that a zstandard stream may require. The program `zstd` has the same default limit."""


class Allowance(Struct):
    """How much may still be decompressed from one file and everything nested in it.

    Attributes:
        left: the number of bytes that may still be decompressed.
        ratio: how many times larger than the compressed file the content may be.
    """

    left: int
    ratio: int

    def use(self, count: int) -> None:
        """Subtract a number of bytes that were decompressed.

        Raises:
            DamagedFileError: more bytes were decompressed than allowed.
        """
        self.left -= count
        if self.left < 0:
            raise DamagedFileError(
                f"expands to more than {self.ratio} times its size, like a file that is made to "
                "fill a disk: if you trust it, unpack it and import its content"
            )


def decompressed(stream: BinaryIO, allowance: Allowance) -> BinaryIO:
    """Return the decompressed content of a gzip or zstandard stream; any other stream as it is.

    Args:
        stream: a buffered stream at its start. It is closed with the result.
        allowance: how much may be decompressed.
    """
    peek = getattr(stream, "peek", None)
    start = b"" if peek is None else peek(len(ZSTANDARD))
    if start.startswith(GZIP):
        return guarded(lambda: gzip.GzipFile(fileobj=stream, mode="rb"), allowance, stream)
    if start.startswith(ZSTANDARD):
        return guarded(lambda: _Zstandard(stream), allowance, stream)
    return stream


class Readable(Protocol):
    """A stream of decompressed content."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; nothing at the end."""
        ...

    def close(self) -> None:
        """Close the stream."""
        ...


class _Zstandard:
    """The decompressed content of a zstandard stream.

    Reading damaged content raises `DamagedFileError`.
    """

    def __init__(self, stream: BinaryIO) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
        # A log that is written piece by piece has several frames of zstandard.
        self._reader = decompressor.stream_reader(stream, read_across_frames=True)

    def read(self, size: int) -> bytes:
        try:
            return self._reader.read(size)
        except self._error as error:
            raise DamagedFileError(DAMAGED) from error

    def close(self) -> None:
        self._reader.close()  # type: ignore[no-untyped-call]  # zstandard does not annotate it


def guarded(
    opened: Callable[[], Readable], allowance: Allowance, beneath: BinaryIO | None = None
) -> BinaryIO:
    """Return a buffered stream of decompressed content.

    Args:
        opened: opens the decompressed stream.
        allowance: how much may be read from it.
        beneath: the compressed stream, which is closed with the result; None to leave it open.

    Raises:
        DamagedFileError: the stream cannot be opened. Reads of the result raise this error if the
            content is damaged or larger than allowed.
    """
    return io.BufferedReader(_Guarded(opened, allowance, beneath), _BUFFER_BYTES)


class _Guarded(io.RawIOBase):
    def __init__(
        self,
        opened: Callable[[], Readable],
        allowance: Allowance,
        beneath: BinaryIO | None,
    ) -> None:
        self._allowance = allowance
        self._beneath = beneath
        with damage_in_words():
            self._inner = opened()
        # `read1` returns the content before the damage; `read` would lose it.
        self._read: Callable[[int], bytes] = getattr(self._inner, "read1", self._inner.read)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - the base class's signature
        with damage_in_words():
            data = self._read(len(buffer))
        self._allowance.use(len(data))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
            if self._beneath is not None:
                self._beneath.close()
        super().close()


@contextmanager
def damage_in_words() -> Iterator[None]:
    """Turn the errors of decompression into `DamagedFileError`."""
    try:
        yield
    except NotImplementedError as error:  # raised by zipfile for unknown compression methods
        raise DamagedFileError(
            "is compressed by a method that Backscroll cannot read: unpack it with the program "
            "that made it, and import its content"
        ) from error
    except RuntimeError as error:  # raised by zipfile if a password is needed
        raise DamagedFileError(ENCRYPTED) from error
    except _DAMAGE as error:
        raise DamagedFileError(DAMAGED) from error
