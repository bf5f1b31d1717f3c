"""Reads the settings from flags and environment variables, and checks them.

Flags override environment variables, and environment variables override defaults.
"""

import dataclasses
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from backscroll.settings import variables
from backscroll.settings.addresses import NEEDS_BASE_URL, NEEDS_KEY, flaw_of_address, flaw_of_key
from backscroll.settings.model import PREFIX, Settings
from backscroll.settings.parsing import SettingsError, parsed
from backscroll.settings.paths import data_folder
from backscroll.settings.programs import flaw_of_sources

_PARTITION: Final = re.compile(r"[A-Za-z0-9_.=-]{0,128}")

_ADDRESSES: Final = {
    "base_url": "API_KEY",
    "embeddings_url": "EMBEDDINGS_KEY",
    "model_url": "MODEL_KEY",
}
"""The settings that are base URLs, each with the setting for its key."""


def load(
    flags: Mapping[str, str] | None = None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """Return the settings.

    A blank value counts as unset. A relative path in a flag is relative to the current directory. A
    relative path in a variable is relative to the user's data folder, because hosts start servers
    in arbitrary directories.

    Args:
        flags: values given on the command line, by field name.
        environ: the environment variables. If the upstream is `openai`, the variables of OpenAI's
            client are used for settings whose `BACKSCROLL_…` variable is not set.

    Raises:
        SettingsError: a variable is unknown, or a value is not valid.
    """
    flags = variables.without_blanks(flags or {})
    given = variables.set_in(flags, environ)
    fields = {item.name: item for item in dataclasses.fields(Settings)}
    for name, (source, _) in given.items():
        if name not in fields:
            known = ", ".join(f"{PREFIX}{field.upper()}" for field in fields)
            message = f"{source} is not a setting. The settings are: {known}."
            raise SettingsError(message)
    values: dict[str, Any] = {
        name: parsed(source, text, fields[name], Path.cwd if name in flags else data_folder)
        for name, (source, text) in given.items()
    }
    settings = Settings(**values)
    _check_upstream(settings, {name: source for name, (source, _) in given.items()})
    return settings


def sources(
    flags: Mapping[str, str] | None = None, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return the flag or variable of each setting that is set, by field name.

    Args:
        flags: as in `load`.
        environ: as in `load`.
    """
    given = variables.set_in(variables.without_blanks(flags or {}), environ)
    return {name: source for name, (source, _) in given.items()}


def _check_upstream(settings: Settings, sources: Mapping[str, str]) -> None:
    """Refuse a base URL, key or partition that cannot be used, without quoting it.

    Args:
        settings: all settings.
        sources: the flag or variable of each setting that is set, by field name.

    Raises:
        SettingsError: a value is not valid. The message names the setting and its rule.
    """
    if settings.upstream == "store" and not _PARTITION.fullmatch(settings.project):
        rule = "must have 1 to 128 characters for the store: letters, digits, _ . = and -"
        raise SettingsError(f"{sources['project']} {rule}.")
    if flaw := flaw_of_sources(settings.sources, settings.upstream):
        raise SettingsError(f"{sources['sources']} {flaw}.")
    if settings.upstream in NEEDS_BASE_URL and not settings.base_url:
        message = f"{PREFIX}BASE_URL is needed for the upstream {settings.upstream}."
        raise SettingsError(message)
    for name, key in _ADDRESSES.items():
        address, allow_http = getattr(settings, name), settings.allow_http
        if address and (
            flaw := flaw_of_address(address, allow_http=allow_http, key=f"{PREFIX}{key}")
        ):
            hint = f" ({PREFIX}ALLOW_HTTP=true allows it)" if "use https:" in flaw else ""
            message = f"{sources[name]} {flaw}{hint}."
            raise SettingsError(message)
    # If callers send tokens, each caller may have a separate key. A missing key is then reported
    # only when a call needs it.
    keys_are_callers = settings.http_auth == "token"
    if settings.upstream in NEEDS_KEY and not settings.api_key and not keys_are_callers:
        message = f"{NEEDS_KEY[settings.upstream]} is needed for the upstream {settings.upstream}."
        raise SettingsError(message)
    for name in ("api_key", "admin_key", "organization", "project", "embeddings_key", "model_key"):
        if flaw := flaw_of_key(getattr(settings, name)):
            message = f"{sources[name]} {flaw}."
            raise SettingsError(message)
