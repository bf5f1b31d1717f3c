"""Lists the settings with secrets hidden, and writes notes on settings that may be mistakes."""

import dataclasses
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from backscroll.commands.doctor.diagnosis import UNSET, ShownSetting
from backscroll.settings.model import Settings
from backscroll.settings.parsing import is_blank
from backscroll.settings.paths import SQLITE
from backscroll.upstream.kind import is_embedded

_COMPATIBLE_ONLY: Final = ("serves", "idempotency_keys", "has_more")


def shown_settings(settings: Settings, sources: Mapping[str, str]) -> tuple[ShownSetting, ...]:
    """Return all settings with their values and sources, and with secrets hidden.

    Settings for HTTP and for recording are left out if they are not set, because most users do not
    need them.

    Args:
        settings: the settings.
        sources: for each setting that is set, its field name and the flag or variable that sets it.
    """
    return tuple(
        ShownSetting(
            item.name,
            _shown(item.name, _value(settings, item.name), secret="secret" in item.metadata),
            sources.get(item.name, "default"),
        )
        for item in dataclasses.fields(Settings)
        if not item.metadata.keys() & {"http", "recorder"} or item.name in sources
    )


def notes(
    settings: Settings, sources: Mapping[str, str], environ: Mapping[str, str]
) -> tuple[str, ...]:
    """Return notes on settings that are valid but may be mistakes. Each note is one sentence.

    Args:
        settings: the settings.
        sources: for each setting that is set, its field name and the flag or variable that sets it.
        environ: the environment variables. Notes report an unused `OPENAI_API_KEY` and proxies.
    """
    found: list[str] = []
    if settings.upstream != "openai" and not is_blank(environ.get("OPENAI_API_KEY", "")):
        found.append("OPENAI_API_KEY is set but not used: only BACKSCROLL_UPSTREAM=openai uses it.")
    if settings.upstream == "store" and settings.api_key:
        found.append(f"{sources['api_key']} is set but not used: the store needs no key.")
    if settings.upstream != "compatible":
        found += [
            f"{sources[name]} is set but not used: only BACKSCROLL_UPSTREAM=compatible uses it."
            for name in _COMPATIBLE_ONLY
            if name in sources
        ]
    if settings.base_url:
        names = {f"{urlsplit(settings.base_url).scheme}_proxy", "all_proxy"}
        found += [
            f"Requests use the proxy in {name}, unless NO_PROXY lists the host."
            for name, value in environ.items()
            if value and name.lower() in names
        ]
    return tuple(found)


def _value(settings: Settings, name: str) -> object:
    if name == "database" and is_embedded(settings):
        return settings.database_url  # show the URL even if it is the default
    return getattr(settings, name)


def _shown(name: str, value: object, *, secret: bool) -> str:
    if value in ("", ()):
        return UNSET
    if secret:
        return f"set, {len(str(value))} characters"
    if name in {"database", "database_read"}:
        return _without_password(str(value))
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _without_password(url: str) -> str:
    """Return the URL of a database without its query, and with its password hidden."""
    if url.startswith(SQLITE) and "?" not in url:
        return url
    try:
        parsed = make_url(url).set(query={})
    except (ArgumentError, ValueError):
        return f"set, {len(url)} characters, not a URL"
    # `make_url` ends a password at the first `@`. If the password contains an `@`, the rest of the
    # password is in `parsed.host` or `parsed.database`.
    if "@" in f"{parsed.host}{parsed.database}":
        return f"set, {len(url)} characters, with more than one @"
    return parsed.render_as_string(hide_password=True)
