"""The machine on which hosts are looked for: its folders, and the programs on it."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct


class Machine(Struct, frozen=True):
    """The machine on which hosts are looked for.

    Attributes:
        platform: a value of `sys.platform`.
        environ: the environment variables.
        home: the user's home folder.
    """

    platform: str
    environ: Mapping[str, str]
    home: Path

    def folder(self, variable: str, *default: str) -> Path:
        """Return the folder that an environment variable names, or `default` in the home folder."""
        named = self.environ.get(variable)
        return Path(named) if named else self.home.joinpath(*default)

    def program(self, name: str) -> str:
        """Return the path of a program on PATH, or an empty string if it is not found."""
        return shutil.which(name, path=self.environ.get("PATH", "")) or ""

    @property
    def application_data(self) -> Path:
        """The folder in which Electron applications keep their data (Electron's `app.getPath`)."""
        if self.platform == "win32":
            return self.folder("APPDATA", "AppData", "Roaming")
        if self.platform == "darwin":
            return self.home / "Library" / "Application Support"
        return self.folder("XDG_CONFIG_HOME", ".config")
