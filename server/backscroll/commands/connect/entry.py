"""What a host is told of Backscroll: the command that starts it, its settings, and its key."""

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
"""What the entry is called; who has another one by that name had it from here."""

KEY: Final = f"{PREFIX}API_KEY"
KEY_INPUT: Final = "backscroll-api-key"
"""What VS Code keeps the key as."""

_RUNNERS: Final = {
    "uvx": ("archive-v0", "environments-v2", "builds-v0"),
    "pipx": (".cache",),
}
"""What runs a package without installing it, and in which folders, which do not last."""


@dataclass(frozen=True, slots=True)
class HostEntry:
    """One server in a host's configuration, before a host's words are put to it.

    Attributes:
        command: what starts it, and its arguments.
        settings: variables of its environment; no key.
        key: the key itself where it is to be written in clear, else nothing.
        needs_key: whether it is to be given one.
    """

    command: tuple[str, ...]
    settings: Mapping[str, str]
    key: str = ""
    needs_key: bool = False


def variables(flags: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that says what flags say; true and false as hosts write them."""
    return {
        f"{PREFIX}{name.upper()}": {"True": "true", "False": "false"}.get(text, text)
        for name, text in flags.items()
    }


def needs_key(settings: Settings) -> bool:
    """Return whether the upstream cannot be asked without a key."""
    profile = PROFILES[settings.upstream]
    return (settings.auth or profile.auth) in {"bearer", "api-key"} and not profile.key_optional


def launch(prefix: str = sys.prefix, scripts: str = "", path: str | None = None) -> tuple[str, ...]:
    """Return the command that starts Backscroll as it is installed here.

    Applications of a desktop start with another PATH than a shell: it names the program's place.

    Args:
        prefix: the environment that Backscroll is installed in.
        scripts: the folder of its commands; by default this interpreter's.
        path: where programs are looked for; by default as the shell does.
    """
    folders = set(Path(prefix).parts)
    for runner, passing in _RUNNERS.items():
        if folders & set(passing) and {"uv", "pipx"} & folders:
            program = shutil.which(runner, path=path) or runner
            return (program, NAME) if runner == "uvx" else (program, "run", NAME)
    installed = shutil.which(NAME, path=scripts or sysconfig.get_path("scripts"))
    if installed:
        return (os.path.abspath(installed),)  # noqa: PTH100 - a link stays one: what it names moves with upgrades
    return (sys.executable, "-m", NAME)
