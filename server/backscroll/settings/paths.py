"""Makes the paths in settings absolute, and converts between paths and SQLite URLs.

This module imports only the standard library at module level, so that its import is fast. Commands
read the settings when they start.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import unquote

SQLITE: Final = "sqlite:///"
IN_MEMORY: Final = ("sqlite://", f"{SQLITE}:memory:")

_ESCAPED: Final = re.compile(r"[%?#$]|(?<![^/\\])~")
"""Matches characters of a path that must be percent-encoded in a database setting."""

_BARE_PATH: Final = re.compile(r"~|\.{0,2}/|[A-Za-z]:[\\/]")
"""Matches the start of a database setting that is a path and not a URL."""


class UnknownHomeError(ValueError):
    """A path contains a `~` that cannot be expanded to a home folder."""


def data_folder() -> Path:
    """Return the absolute path of the user's data folder.

    A relative `XDG_DATA_HOME` is ignored (XDG Base Directory Specification, Basics).
    """
    from platformdirs import user_data_path

    folder = Path(user_data_path("backscroll", appauthor=False))
    return folder if folder.is_absolute() else Path.home() / ".local" / "share" / "backscroll"


def absolute(text: str, folder: Callable[[], Path]) -> str:
    """Return the absolute path of a file.

    Args:
        text: the path. A leading `~/` or `~user/` is expanded.
        folder: returns the folder to which a relative path is relative.

    Raises:
        UnknownHomeError: a later part of the path begins with `~`, or the user does not exist.
    """
    return str(_absolute(text, folder, text))


def absolute_database(text: str, folder: Callable[[], Path]) -> str:
    """Return the URL of a database, with an absolute path if the database is a file.

    Args:
        text: a URL, or a path that begins with `/`, `./`, `../`, `~` or a drive such as `C:/`. Any
            other text is returned unchanged. Opening the database then fails with an error that
            shows valid URLs.
        folder: as in `absolute`.

    Raises:
        UnknownHomeError: as in `absolute`.
    """
    if _BARE_PATH.match(text):
        return sqlite_url(_absolute(text, folder, text))
    path = text.removeprefix(SQLITE)
    if path in {text, "", ":memory:"} or "?" in path:
        return text
    found = _absolute(path, folder, _decoded(path))
    return text if str(found) == _decoded(path) else sqlite_url(found)


def sqlite_url(path: Path) -> str:
    """Return the SQLite URL of a path. `sqlite_path` converts the URL back to the path."""
    return SQLITE + _ESCAPED.sub(lambda found: f"%{ord(found[0]):02X}", str(path))


def sqlite_path(url: str) -> Path | None:
    """Return the path in a SQLite URL, or None for a database in memory.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute/path.db` or `sqlite://`. Percent-encoded
            characters are decoded. `~` is not expanded.

    Raises:
        ValueError: the URL has another form, or its path is not valid for a file.
    """
    if url in IN_MEMORY:
        return None
    path = url.removeprefix(SQLITE)
    if path in {url, ""} or "?" in path or "\0" in _decoded(path) or "~" in _initials(path):
        raise ValueError("it does not name a file")
    return Path(_decoded(path))


def _absolute(written: str, folder: Callable[[], Path], decoded: str) -> Path:
    """Return `decoded` as an absolute path.

    `written` is the same path before percent-decoding. A `~` at the start of `written` is expanded,
    but a percent-encoded `~` is not.
    """
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
