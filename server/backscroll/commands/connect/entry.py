"""Backscroll's entry in a host's configuration: the start command, the settings and the key."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from backscroll.settings.model import PREFIX, Settings
from backscroll_tools.client.profiles import BY_KEY, PROFILES

KEY: Final = f"{PREFIX}API_KEY"
KEY_INPUT: Final = "backscroll-api-key"
"""The id of the input with which VS Code asks its user for the key."""


class HostEntry(Struct, frozen=True):
    """An MCP server in a host's configuration, independent of the host's format.

    Attributes:
        command: the program that starts the server, and its arguments.
        settings: the server's environment variables, without the key.
        key: the upstream's key if it should be written in clear text; otherwise empty.
        needs_key: whether the upstream needs a key.
    """

    command: tuple[str, ...]
    settings: Mapping[str, str]
    key: str = ""
    needs_key: bool = False


def variables(flags: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that have the same effect as the flags."""
    return {
        f"{PREFIX}{name.upper()}": {"True": "true", "False": "false"}.get(text, text)
        for name, text in flags.items()
    }


def needs_key(settings: Settings) -> bool:
    """Return whether the upstream needs a key."""
    profile = PROFILES[settings.upstream]
    return (settings.auth or profile.auth) in BY_KEY and not profile.key_optional
