"""Reads, backs up and atomically replaces a host's configuration file."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from backscroll.process.exits import CommandError

MOST_BYTES: Final = 64 * 1024 * 1024
"""The maximum size of a configuration file, in bytes.

It is high because Claude Code's configuration file can also contain a history of prompts.
"""

_PRIVATE: Final = 0o600


def read(path: Path) -> str | None:
    """Return a file's text, with its line ends and byte order mark; None if there is no such file.

    Raises:
        CommandError: the file cannot be read, is too large, or is not UTF-8.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CommandError(f"{path} was not changed: it is larger than {MOST_BYTES} bytes")
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise CommandError(f"{path} was not changed: it is not UTF-8") from None
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from None


def backup_of(path: Path) -> Path:
    """Return the path of the backup that is made before Backscroll is added to a file."""
    return path.with_name(f"{path.name}.before-backscroll")


def back_up(path: Path) -> None:
    """Copy a file to its backup in the same folder, with the same permissions.

    Raises:
        CommandError: the backup cannot be written.
    """
    try:
        shutil.copy2(path, backup_of(path))
    except OSError as error:
        raise CommandError(f"{backup_of(path)}: {error.strerror or error}") from None


def replace(path: Path, text: str | None) -> None:
    """Replace a file's text atomically; None deletes the file.

    A symbolic link and the file's permissions are kept. A new file is readable only by its owner.

    Raises:
        CommandError: the file cannot be written; its text is unchanged.
    """
    target = Path(os.path.realpath(path))
    try:
        if text is None:
            target.unlink(missing_ok=True)
            return
        raw = text.encode("utf-8")
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = _write_temporary(target, raw)
        try:
            temporary.chmod(target.stat().st_mode & 0o7777 if target.exists() else _PRIVATE)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except UnicodeEncodeError:
        raise CommandError("a setting contains characters that are not valid Unicode") from None
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from None


def _write_temporary(target: Path, raw: bytes) -> Path:
    """Write a new file in the target's folder, sync it to disk, and return its path."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)
