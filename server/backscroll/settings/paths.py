"""The files that settings name, and SQLite's URLs of them.

Imports the standard library only: settings are read before anything else is.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import unquote

SQLITE: Final = "sqlite:///"
IN_MEMORY: Final = ("sqlite://", f"{SQLITE}:memory:")

_ESCAPED: Final = re.compile(r"[%?#$]|(?<![^/\\])~")
"""What would end a path in a URL, or be taken for an escape, a variable or a home folder."""

_BARE_PATH: Final = re.compile(r"~|\.{0,2}/|[A-Za-z]:[\\/]")
"""How a path begins that is no URL."""


class UnknownHomeError(ValueError):
    """A path holds a `~` that stands for no home folder."""


def data_folder() -> Path:
    """Return the user's data folder, an absolute path.

    A relative `XDG_DATA_HOME` is ignored, as the XDG Base Directory Specification asks (Basics).
    """
    from platformdirs import user_data_path

    folder = Path(user_data_path("backscroll", appauthor=False))
    return folder if folder.is_absolute() else Path.home() / ".local" / "share" / "backscroll"


def absolute(text: str, folder: Callable[[], Path]) -> str:
    """Return the absolute path of a file.

    Args:
        text: the path; a leading `~/` or `~user/` is expanded.
        folder: returns the folder that a relative path is in; asked only for one.

    Raises:
        UnknownHomeError: another `~` begins a part of the path, or there is no such user.
    """
    return str(_absolute(text, folder, text))


def absolute_database(text: str, folder: Callable[[], Path]) -> str:
    """Return a database's URL, with an absolute path in it if it names a file.

    Args:
        text: a URL, or a path that begins with `/`, `./`, `../` or `~`. Anything else is returned
            as it is: opening it says what a URL must be.
        folder: as `absolute` has it.

    Raises:
        UnknownHomeError: as `absolute` raises it.
    """
    if _BARE_PATH.match(text):
        return sqlite_url(_absolute(text, folder, text))
    path = text.removeprefix(SQLITE)
    if path in {text, "", ":memory:"} or "?" in path:
        return text
    found = _absolute(path, folder, _decoded(path))
    return text if str(found) == _decoded(path) else sqlite_url(found)


def sqlite_url(path: Path) -> str:
    """Return the URL from which `sqlite_path` returns this path, whatever characters it has."""
    return SQLITE + _ESCAPED.sub(lambda found: f"%{ord(found[0]):02X}", str(path))


def sqlite_path(url: str) -> Path | None:
    """Return the file that a SQLite URL names, or None for a database in memory.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute/path.db` or `sqlite://`; percent-encoded
            characters are decoded, and a `~` is not expanded any more.

    Raises:
        ValueError: a URL of another form, or no path that a file can have.
    """
    if url in IN_MEMORY:
        return None
    path = url.removeprefix(SQLITE)
    if path in {url, ""} or "?" in path or "\0" in _decoded(path) or "~" in _initials(path):
        raise ValueError("it names no file")
    return Path(_decoded(path))


def _absolute(written: str, folder: Callable[[], Path], decoded: str) -> Path:
    """Return an absolute path; whether a part begins with a `~` is asked of it as written."""
    first = re.split(r"[\\/]", written, maxsplit=1)[0]
    if "~" in _initials(written[1:]):
        raise UnknownHomeError
    if first.startswith("~"):
        try:
            home = Path(first).expanduser()
        except RuntimeError:
            raise UnknownHomeError from None
        return home / decoded[len(first) :].lstrip("\\/")
    path = Path(decoded)
    return path if path.is_absolute() else folder() / path


def _initials(path: str) -> set[str]:
    """Return the first character of each part of a path."""
    return {part[:1] for part in re.split(r"[\\/]", path)}


def _decoded(path: str) -> str:
    return unquote(path, errors="surrogateescape")
