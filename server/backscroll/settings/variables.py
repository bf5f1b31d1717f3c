"""Collects the settings that flags and environment variables set, before they are parsed."""

from collections.abc import Mapping
from typing import Final

from backscroll.settings.parsing import is_blank

PREFIX: Final = "BACKSCROLL_"

OPENAI: Final = {
    "api_key": "OPENAI_API_KEY",
    "base_url": "OPENAI_BASE_URL",
    "organization": "OPENAI_ORG_ID",
    "project": "OPENAI_PROJECT_ID",
}
"""The environment variables of OpenAI's client. They are used only if the upstream is `openai`."""


_FLAGS: Final = {"model_url": "--forward", "model_state": "--state"}
"""The options that are named for what they do to a command, not after their settings."""


def flag_of(name: str) -> str:
    """Return the option for a setting, such as `--log-level`, given the name of its field."""
    return _FLAGS.get(name) or f"--{name.replace('_', '-')}"


def without_blanks(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the texts that are not blank. A blank text counts as unset."""
    return {name: text for name, text in texts.items() if not is_blank(text)}


def set_in(flags: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return, for the name of each setting, the flag or variable that sets it, and its text.

    The names are not checked. If a variable is misspelled, its name is in the result too.
    """
    environ = without_blanks(environ)
    given = {
        name.removeprefix(PREFIX).lower(): (name, value)
        for name, value in environ.items()
        if name.startswith(PREFIX) and not name.startswith(f"{PREFIX}TEST_")
    }
    given |= {name: (flag_of(name), value) for name, value in flags.items()}
    if given.get("upstream", ("", "store"))[1] == "openai":
        usual = {name: usual for name, usual in OPENAI.items() if usual in environ}
        given = {name: (usual[name], environ[usual[name]]) for name in usual} | given
    return given
