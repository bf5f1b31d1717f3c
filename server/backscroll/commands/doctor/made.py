"""The settings in a form that is safe to show, and notes on unintended ones."""

import dataclasses
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from backscroll.commands.doctor.diagnosis import UNSET, Made
from backscroll.settings.model import Settings
from backscroll.settings.parsing import is_blank
from backscroll.settings.paths import SQLITE
from backscroll.upstream.kind import is_embedded

_COMPATIBLE_ONLY: Final = ("serves", "idempotency_keys", "has_more")


def made(settings: Settings, sources: Mapping[str, str]) -> tuple[Made, ...]:
    """Return the settings with their sources, and with values that are safe to show.

    Settings for HTTP are left out if they are not set, because most users do not need them.

    Args:
        settings: the settings.
        sources: the source of each setting, as `settings.sources` returns it.
    """
    return tuple(
        Made(
            item.name,
            _shown(item.name, _value(settings, item.name), secret="secret" in item.metadata),
            sources.get(item.name, "default"),
        )
        for item in dataclasses.fields(Settings)
        if "http" not in item.metadata or item.name in sources
    )


def notes(
    settings: Settings, sources: Mapping[str, str], environ: Mapping[str, str]
) -> tuple[str, ...]:
    """Return notes on what is valid but may be unintended, one sentence each.

    Args:
        settings: the settings.
        sources: the source of each setting, as `settings.sources` returns it.
        environ: the environment, to find variables that are set but not used.
    """
    found: list[str] = []
    if settings.upstream != "openai" and not is_blank(environ.get("OPENAI_API_KEY", "")):
        found.append("OPENAI_API_KEY is set and not used: BACKSCROLL_UPSTREAM=openai would use it.")
    if settings.upstream == "store" and settings.api_key:
        found.append(f"{sources['api_key']} is set and not used: the store asks for no key.")
    if settings.upstream != "compatible":
        found += [
            f"{sources[name]} has an effect on the upstream compatible alone."
            for name in _COMPATIBLE_ONLY
            if name in sources
        ]
    if settings.base_url:
        names = {f"{urlsplit(settings.base_url).scheme}_proxy", "all_proxy"}
        found += [
            f"Requests go by the proxy of {name}, unless NO_PROXY names the host."
            for name, value in environ.items()
            if value and name.lower() in names
        ]
    return tuple(found)


def _value(settings: Settings, name: str) -> object:
    if name == "database" and is_embedded(settings):
        return settings.database_url  # the URL in use, also if it is the default
    return getattr(settings, name)


def _shown(name: str, value: object, *, secret: bool) -> str:
    if value in ("", ()):
        return UNSET
    if secret:
        return f"set, {len(str(value))} characters"
    if name == "database":
        return _without_password(str(value))
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _without_password(url: str) -> str:
    """Return a database's URL without its query, and with its password hidden."""
    if url.startswith(SQLITE) and "?" not in url:
        return url
    try:
        parsed = make_url(url).set(query={})
    except (ArgumentError, ValueError):
        return f"set, {len(url)} characters, and no URL"
    if (
        "@" in f"{parsed.host}{parsed.database}"
    ):  # the text before this @ may be the end of a password
        return f"set, {len(url)} characters, with an @ too many"
    return parsed.render_as_string(hide_password=True)
