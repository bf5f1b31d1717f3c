"""Reads the settings that decide which `Host` and `Origin` headers are accepted."""

import re
from collections.abc import Callable, Iterable

from backscroll.http.gate import LOOPBACK_HOSTS, Allowed, is_host, is_origin, pattern
from backscroll.process.exits import CommandError
from backscroll.settings.addresses import is_loopback
from backscroll.settings.model import Settings

NONE = "none"
"""The value of `BACKSCROLL_ALLOWED_ORIGINS` if no web page may call this server."""


def allowed(settings: Settings, host: str) -> Allowed:
    """Return the accepted values of the `Host` and `Origin` headers.

    Args:
        settings: the operator's settings.
        host: the address on which the server will listen.

    Raises:
        CommandError: an allowed host or origin is not valid, or a setting is missing. If other
            machines can reach `host`, the settings must contain authentication, the allowed hosts
            and the allowed origins.
    """
    _check(settings.allowed_hosts, is_host, "BACKSCROLL_ALLOWED_HOSTS", "example.com")
    origins = tuple(word for word in settings.allowed_origins if word != NONE)
    _check(origins, is_origin, "BACKSCROLL_ALLOWED_ORIGINS", "https://example.com")
    hosts = settings.allowed_hosts
    if is_loopback(host):
        own = f"[{host}]" if ":" in host else host
        hosts = (*hosts, *LOOPBACK_HOSTS, own)
        near = (f"{scheme}://{name}" for scheme in ("http", "https") for name in LOOPBACK_HOSTS)
        origins = (*origins, *near) if settings.allowed_origins != (NONE,) else ()
    else:
        _check_exposed(settings, host)
    return Allowed(re.compile(pattern(hosts)), re.compile(pattern(origins)))


def _check_exposed(settings: Settings, host: str) -> None:
    missing = [
        name
        for name, is_set in (
            ("BACKSCROLL_HTTP_AUTH=token or oauth", settings.http_auth != "none"),
            ("BACKSCROLL_ALLOWED_HOSTS", bool(settings.allowed_hosts)),
            (
                "BACKSCROLL_ALLOWED_ORIGINS ('none' if no web page may call)",
                bool(settings.allowed_origins),
            ),
        )
        if not is_set
    ]
    if missing:
        raise CommandError(
            f"--host {host} lets other machines call: set {', '.join(missing)}; "
            "or use --host 127.0.0.1"
        )


def _check(words: Iterable[str], rule: Callable[[str], bool], name: str, example: str) -> None:
    for word in words:
        if not rule(word):
            raise CommandError(f"{name} must look like {example}, not {word!r}")
