"""Backscroll's entry in a host's configuration: start command, settings and key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from backscroll.settings.model import PREFIX, Settings
from backscroll_tools.client.profiles import PROFILES

KEY: Final = f"{PREFIX}API_KEY"
KEY_INPUT: Final = "backscroll-api-key"
"""The id of the input under which VS Code stores the key."""


@dataclass(frozen=True, slots=True)
class HostEntry:
    """One server in a host's configuration, independent of the host's format.

    Attributes:
        command: the program that starts it, and its arguments.
        settings: its environment variables, without a key.
        key: the key, if it should be written in clear text; otherwise empty.
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
