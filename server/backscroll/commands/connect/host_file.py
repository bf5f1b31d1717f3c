"""A host's file on disk: read whole, replaced at once or not at all, and brought back."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from backscroll.process.exits import CommandError

MOST_BYTES: Final = 64 * 1024 * 1024
"""How large a configuration may be; Claude Code keeps a history in its own."""

_PRIVATE: Final = 0o600


def read(path: Path) -> str | None:
    """Return a file's text, line ends and byte order mark included; None where there is no file.

    Raises:
        CommandError: it cannot be read, is too large, or is not UTF-8.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CommandError(f"{path} is larger than {MOST_BYTES} bytes: it is left alone")
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not UTF-8: it is left alone") from None
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from None


def backup_of(path: Path) -> Path:
    """Return where a file is kept as it was before Backscroll came into it."""
    return path.with_name(f"{path.name}.before-backscroll")


def keep(path: Path) -> None:
    """Keep a copy of a file beside it, with its permissions.

    Raises:
        CommandError: it cannot be written.
    """
    try:
        shutil.copy2(path, backup_of(path))
    except OSError as error:
        raise CommandError(f"{backup_of(path)}: {error.strerror or error}") from None


def replace(path: Path, text: str | None) -> None:
    """Put a text in a file's place, at once; None removes the file.

    A link stays a link, and permissions stay; a new file is its user's alone.

    Raises:
        CommandError: it cannot be written; what was there is there still.
    """
    target = Path(os.path.realpath(path))
    try:
        if text is None:
            target.unlink(missing_ok=True)
            return
        raw = text.encode("utf-8")
        target.parent.mkdir(parents=True, exist_ok=True)
        written = _written_beside(target, raw)
        try:
            written.chmod(target.stat().st_mode & 0o7777 if target.exists() else _PRIVATE)
            written.replace(target)
        finally:
            written.unlink(missing_ok=True)
    except UnicodeEncodeError:
        raise CommandError("a setting has characters that are no text") from None
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from None


def _written_beside(target: Path, raw: bytes) -> Path:
    """Return a file in the same folder that holds the bytes, on the disk."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)
