"""The type of a source: a program's name, and where it keeps its sessions."""

from collections.abc import Callable, Mapping
from pathlib import Path, PurePath

from msgspec import Struct


class Surroundings(Struct, frozen=True):
    """The parts of the system that decide where programs keep their files.

    Attributes:
        environment: the environment variables.
        home: the user's home folder.
        platform: as `sys.platform`: `linux`, `darwin`, `win32` and so on.
    """

    environment: Mapping[str, str]
    home: Path
    platform: str

    def folder(self, variable: str, default: PurePath | str) -> Path:
        """Return the folder that a variable names.

        Args:
            variable: an environment variable.
            default: the folder if the variable is empty.

        Returns:
            The folder. A relative path is below the home folder.
        """
        given = self.environment.get(variable, "")
        if given.startswith("~"):
            return self.home / given.lstrip("~/\\")
        return self.home / (given or default)

    @property
    def settings(self) -> Path:
        """The folder in which desktop programs keep their settings and data."""
        if self.platform == "darwin":
            return self.home / "Library" / "Application Support"
        if self.platform == "win32":
            return self.folder("APPDATA", "AppData/Roaming")
        return self.folder("XDG_CONFIG_HOME", ".config")


class Place(Struct, frozen=True):
    """Folders with files of a program.

    Attributes:
        folders: returns the folders. They need not exist.
        patterns: the paths of the files, relative to a folder. `*` stands for any characters of one
            name.
        is_database: whether the files are SQLite databases, whose latest changes are in a second
            file whose name ends in `-wal`.
    """

    folders: Callable[[Surroundings], tuple[Path, ...]]
    patterns: tuple[str, ...]
    is_database: bool = False


class Source(Struct, frozen=True):
    """A program that records conversations.

    Attributes:
        name: as in `BACKSCROLL_SOURCES`. It is also the `source` of the conversations, and the name
            of their format.
        places: where its files can be.
        twins: pairs of suffixes. If two files differ in these suffixes alone, the file with the
            second suffix repeats the other one and is left out.
    """

    name: str
    places: tuple[Place, ...]
    twins: tuple[tuple[str, str], ...] = ()

    @property
    def has_databases(self) -> bool:
        """Whether some files of the program are databases, each with many conversations."""
        return any(place.is_database for place in self.places)
