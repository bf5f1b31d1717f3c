"""Backscroll's entry in a host's configuration: start command, settings and key."""

import os
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backscroll.settings.model import PREFIX, Settings
from backscroll_tools.client.profiles import PROFILES

NAME: Final = "backscroll"
"""The name of the entry; an existing entry with this name is assumed to be Backscroll's."""

KEY: Final = f"{PREFIX}API_KEY"
KEY_INPUT: Final = "backscroll-api-key"
"""The id of the input under which VS Code stores the key."""

_RUNNERS: Final = {
    "uvx": ("archive-v0", "environments-v2", "builds-v0"),
    "pipx": (".cache",),
}
"""Programs that run a package from a temporary environment, and folder names in its path."""


@dataclass(frozen=True, slots=True)
class HostEntry:
    """One server in a host's configuration, independent of the host's format.

    Attributes:
        command: the program that starts it, and its arguments.
        settings: its environment variables, without a key.
        key: the key, if it is to be written in clear text; else empty.
        needs_key: whether the server needs a key.
    """

    command: tuple[str, ...]
    settings: Mapping[str, str]
    key: str = ""
    needs_key: bool = False


def variables(flags: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that are equivalent to the flags."""
    return {
        f"{PREFIX}{name.upper()}": {"True": "true", "False": "false"}.get(text, text)
        for name, text in flags.items()
    }


def needs_key(settings: Settings) -> bool:
    """Return whether the upstream needs a key."""
    profile = PROFILES[settings.upstream]
    return (settings.auth or profile.auth) in {"bearer", "api-key"} and not profile.key_optional


def launch(prefix: str = sys.prefix, scripts: str = "", path: str | None = None) -> tuple[str, ...]:
    """Return the command that starts Backscroll as it is installed here.

    The program's path is absolute, because a desktop application's PATH differs from a shell's.

    Args:
        prefix: the Python environment that Backscroll is installed in.
        scripts: the folder of its commands; by default this interpreter's.
        path: the folders to search for programs, separated as in PATH; by default PATH itself.
    """
    folders = set(Path(prefix).parts)
    for runner, temporary in _RUNNERS.items():
        if folders & set(temporary) and {"uv", "pipx"} & folders:
            program = shutil.which(runner, path=path) or runner
            return (program, NAME) if runner == "uvx" else (program, "run", NAME)
    installed = shutil.which(NAME, path=scripts or sysconfig.get_path("scripts"))
    if installed:
        return (os.path.abspath(installed),)  # noqa: PTH100 - keeps a link, because upgrades change its target
    return (sys.executable, "-m", NAME)
